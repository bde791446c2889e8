"""The beacons: public randomness that nobody chose, and the first model that follows from it.

The enrolment beacon is a hash of nonces that were shared among the hospitals before any was known
(`history.state.beacon_sharing`). The beacon of a round is a hash of the sum of the secrets that the round
before has revealed; that of the first round is derived from the enrolment beacon. A round has one beacon,
whatever the number of its attempts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.federation.messages.consortium.rules import Rules
from proofward.layers.networks.initial_weights import initial_weights
from proofward.relations.rules.private_rules import starts_from_zeros

_ENROLMENT = b"proofward/enrolment-beacon/v2"
_ROUND = b"proofward/round-beacon/v2"
_FIRST_MODEL = b"proofward/first-model/v2"


def hash_parts(domain: bytes, *parts: bytes) -> bytes:
    """SHA-256 of a domain and parts, each with its length: 32 bytes."""
    state = hashlib.sha256()
    for part in (domain, *parts):
        state.update(len(part).to_bytes(8, "little") + part)
    return state.digest()


def enrolment_beacon(consortium: bytes, nonces: Mapping[str, bytes]) -> bytes:
    """The enrolment beacon (32 bytes) from the nonces of the counted dealers, by name."""
    parts = [part for dealer in sorted(nonces) for part in (dealer.encode(), nonces[dealer])]
    return hash_parts(_ENROLMENT, consortium, *parts)


def round_beacon(consortium: bytes, number: int, source: bytes) -> bytes:
    """The beacon (32 bytes) of round `number`.

    source: the enrolment beacon for the first round, else the digest of the sum of secrets of the one before.
    """
    return hash_parts(_ROUND, consortium, number.to_bytes(8, "little"), source)


@lru_cache(maxsize=2)
def first_model(rules: Rules, beacon: bytes) -> bytes:
    """The bytes of the first model: an expansion of the enrolment beacon, or zeros by `starts_from_zeros`."""
    config = rules.config
    if starts_from_zeros(config.privacy, config.model):
        return integers_to_bytes(np.zeros(config.model.parameters, dtype=np.int64))
    seed = hash_parts(_FIRST_MODEL, rules.digest, beacon)
    return integers_to_bytes(initial_weights(config.model, config.scales, seed))


@lru_cache(maxsize=16)
def first_model_digest(rules: Rules, beacon: bytes) -> bytes:
    """SHA-256 of `first_model`, or of the model that the rules trust."""
    return rules.initial_model or hashlib.sha256(first_model(rules, beacon)).digest()
