"""Public batch schedule: which records each step of a round trains on.

A pure function of the round's beacon: trainer, prover and verifier compute the same rows.
"""

from __future__ import annotations

import hashlib

import numpy as np

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Int64Array, Training
from proofward.layers.rules.validation_part import Arc

_DOMAIN = b"proofward/schedule/v1"


def permutation(beacon: bytes, hospital: str, epoch: int, rows: int) -> Int64Array:
    """Order of the records in one epoch: int64 (rows,), the argsort of `rows` 128-bit SHAKE-256 keys.

    Keys are 16 bytes, little endian, of SHAKE-256(domain, |beacon|, beacon, |hospital|, hospital, epoch,
    rows); equal keys keep the order of the records.
    """
    name = hospital.encode()
    shake = hashlib.shake_256(
        _DOMAIN
        + len(beacon).to_bytes(8, "little")
        + beacon
        + len(name).to_bytes(8, "little")
        + name
        + epoch.to_bytes(8, "little")
        + rows.to_bytes(8, "little")
    )
    keys = np.frombuffer(shake.digest(16 * rows), dtype="<u8").reshape(rows, 2)
    return np.lexsort((keys[:, 0], keys[:, 1])).astype(np.int64)


def schedule(
    beacon: bytes, hospital: str, rows: int, training: Training, arc: Arc | None = None
) -> Int64Array:
    """Record indices of every step: int64 (T_pad, batch) with values in [0, rows).

    arc: the validation part, of which no row is in any batch. Of n others the j-th one behind the arc has the
    number j here; without an arc the first n rows are taken.

    One permutation of the records an epoch, one after another, is a stream of indices that is cut into
    batches. Steps 0 .. T-1 (T = training.steps_for(rows)) are the training; steps T .. T_pad-1 pad the
    witness and go on along the stream. Where the rules name epochs, the stream has these and is then read
    again from its start; where they name steps, it has as many epochs as T_pad batches need.
    """
    if type(beacon) is not bytes or not beacon:
        raise ConfigurationError("beacon", "non-empty bytes", beacon)
    steps, trained = training.padded_steps(rows), training.trained_rows(rows)
    needed = steps * training.batch
    epochs = training.epochs or -(-needed // trained)
    stream = np.concatenate([permutation(beacon, hospital, epoch, trained) for epoch in range(epochs)])
    positions = np.arange(needed, dtype=np.int64) % stream.size
    chosen = stream[positions].reshape(steps, training.batch)
    return np.ascontiguousarray(chosen if arc is None else arc.trained[chosen])
