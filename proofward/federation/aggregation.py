"""The result of a round from what is recorded: every party computes it alike, so nobody has to be trusted
with it.

Order: sum of the accepted ciphertexts; the sum of their secrets from the recorded share sums (wrong ones are
named as long as their number allows); the exact sum of the updates; the next model. A malformed share sum
counts as wrong.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from proofward.federation.history_state import HistoryState
from proofward.federation.messages import Aggregate
from proofward.federation.objects import Objects
from proofward.federation.refusal import Refusal, describe, require
from proofward.federation.unmasking_steps import total_rows
from proofward.federation.values import (
    Signed,
    Words,
    integers_from_bytes,
    integers_to_bytes,
    words_from_bytes,
    words_to_bytes,
)
from proofward.lattice.encryption import CiphertextSum, centred_secret_sum, decode
from proofward.lattice.errors import LatticeError
from proofward.lattice.parameters import RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.lattice.shamir import recover
from proofward.layers.aggregation import apply_update
from proofward.layers.errors import TrainingError


@dataclass(frozen=True)
class RoundResult:
    """Objects of an aggregate, as bytes, and the holders (names, sorted) whose share sums are wrong."""

    wrong_holders: tuple[str, ...]
    ciphertext_sum: bytes
    secret_sum: bytes
    update_sum: bytes
    model: bytes

    def record(self, history: HistoryState) -> Aggregate:
        """The message that announces this result."""
        digests = [hashlib.sha256(data).digest() for data in self.objects]
        holders = tuple(sorted(history.round.share_sums))
        return Aggregate(
            holders, self.wrong_holders, digests[0], digests[1], digests[2], total_rows(history), digests[3]
        )

    @property
    def objects(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Sum of ciphertexts, of secrets, of updates; the model."""
        return self.ciphertext_sum, self.secret_sum, self.update_sum, self.model


def model_weights(history: HistoryState, objects: Objects, digest: bytes) -> Signed:
    """The flat weights of a model object; raises Refusal."""
    length = history.rules.config.model.parameters
    data = objects.get(digest)
    weights = integers_from_bytes(data, length)
    if weights is None:
        raise Refusal("model", history.rules.aggregator, f"{8 * length} bytes", f"{len(data)} bytes")
    return weights


def compute_result(history: HistoryState, objects: Objects) -> RoundResult:
    """The result of the round under way, whose share sums are recorded; raises Refusal when there is none."""
    state, rules = history.round, history.rules
    assert state.accepted is not None
    hospitals = state.accepted.record.hospitals
    running = CiphertextSum(rules.config.model.parameters)
    for name in hospitals:
        running.add(_ciphertext(history, objects, name))
    shares: dict[int, Words] = {}
    for name, said in state.share_sums.items():
        values = words_from_bytes(objects.get(said.values), RING_DEGREE)
        if values is not None:
            shares[rules.holder(name)] = values
    try:
        recovered = recover(shares, rules.config.threshold)
        update_sum = decode(
            MaskContext(state.beacon, state.number), running.total, recovered.secret, len(hospitals)
        )
        secret_sum = centred_secret_sum(recovered.secret, len(hospitals))
    except LatticeError as error:
        expected = "share sums that unmask the accepted set"
        raise Refusal("unmasking", rules.aggregator, expected, describe(str(error), 400)) from error
    try:
        weights = model_weights(history, objects, state.model)
        following = apply_update(weights, update_sum, total_rows(history), rules.config.scales)
    except TrainingError as error:
        raise Refusal("model", rules.aggregator, "an admissible model", describe(str(error), 400)) from error
    good = {rules.hospitals[holder] for holder in shares if holder not in recovered.wrong}
    return RoundResult(
        tuple(sorted(set(state.share_sums) - good)),
        words_to_bytes(running.total),
        integers_to_bytes(secret_sum),
        integers_to_bytes(update_sum),
        integers_to_bytes(following),
    )


def _ciphertext(history: HistoryState, objects: Objects, hospital: str) -> Words:
    data = objects.get(history.round.uploads[hospital].record.ciphertext)
    words = words_from_bytes(data, history.rules.config.model.parameters)
    if words is None:
        raise Refusal("ciphertext", hospital, "canonical field elements", f"{len(data)} other bytes")
    return words


def check_aggregate(history: HistoryState, objects: Objects) -> RoundResult:
    """Recomputes the recorded aggregate and compares; raises Refusal against the aggregator."""
    said = history.round.aggregate
    assert said is not None
    result = compute_result(history, objects)
    expected, found, culprit = result.record(history), said.record, history.rules.aggregator
    for field in ("wrong_holders", "ciphertext_sum", "secret_sum", "update_sum", "model"):
        mine, theirs = getattr(expected, field), getattr(found, field)
        require(mine == theirs, f"aggregate-{field.replace('_', '-')}", culprit, mine, theirs)
    return result


def sum_shares(shares: list[Words]) -> Words:
    """Sum of a holder's shares over F, F-array (4096,)."""
    running = CiphertextSum(RING_DEGREE)
    for share in shares:
        running.add(np.ascontiguousarray(share))
    return running.total
