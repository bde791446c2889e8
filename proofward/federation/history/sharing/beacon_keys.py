"""Sealing of the enrolment beacon's shares to the keys that hospitals publish when they enrol."""

from __future__ import annotations

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.storage.objects import Objects
from proofward.lattice.errors import ArgumentRefused, SealBroken
from proofward.lattice.sealing import Pair, open_sealed, pair_secret, public_key, seal

KEY_SEED = "beacon/key"
OWN_SHARE = "beacon/own-share"
"""Names of a hospital's stored secrets."""


def _secret(rules: Rules, holder: str, seed: bytes) -> bytes:
    return pair_secret(seed, Pair(rules.digest, 0, 0, "every dealer", holder))


def beacon_key(rules: Rules, holder: str, seed: bytes) -> bytes:
    """The public key that a hospital publishes, from its secret seed of 32 bytes."""
    return public_key(_secret(rules, holder, seed))


def seal_to_holder(history: HistoryState, dealer: str, holder: str, share: bytes) -> bytes:
    """The sealed share; of no use where the holder has published what is no key."""
    pair = Pair(history.rules.digest, 0, 0, dealer, holder)
    try:
        return seal(pair, history.joined[holder].record.beacon_key, share)
    except ArgumentRefused:
        return bytes(1)


def open_from_dealer(
    history: HistoryState, objects: Objects, dealer: str, holder: str, seed: bytes
) -> bytes | None:
    """The share in a dealer's sealed object, None if it does not open; raises Refusal when it is missing."""
    rules = history.rules
    digest = history.sharing.deals[dealer].sealed_shares[rules.holder(holder)]
    pair = Pair(rules.digest, 0, 0, dealer, holder)
    try:
        return open_sealed(pair, _secret(rules, holder, seed), objects.get(digest))
    except SealBroken:
        return None
