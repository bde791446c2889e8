"""Key shares between dealer and holder: sealing, opening, and complaints that anybody can check."""

from __future__ import annotations

import hashlib

from proofward.federation.history.history_state import HistoryState
from proofward.federation.history.proofs import Proofs
from proofward.federation.storage.objects import Objects
from proofward.lattice.errors import ArgumentRefused, ComplaintRefused, SealBroken
from proofward.lattice.sealing import Pair, check_complaint, open_sealed, pair_secret, public_key, seal

Sealed = tuple[bytes | None, ...]
"""The sealed share of every holder; None for the dealer itself and for who does not take part."""


def pair_of(history: HistoryState, dealer: str, holder: str) -> Pair:
    """The pair of dealer and holder in the present attempt."""
    number, attempt = history.position()
    return Pair(history.rules.digest, number, attempt, dealer, holder)


def holder_keys(history: HistoryState, holder: str, seed: bytes) -> tuple[bytes, ...]:
    """A holder's public keys, one for each dealer."""
    return tuple(
        public_key(pair_secret(seed, pair_of(history, dealer, holder))) for dealer in history.dealers
    )


def published_key(history: HistoryState, dealer: str, holder: str) -> bytes:
    """The key that `holder` published for `dealer`."""
    return history.round.holder_keys[holder].sealing_keys[history.dealers.index(dealer)]


def seal_share(history: HistoryState, dealer: str, holder: str, share: bytes) -> bytes:
    """The sealed share.

    It is empty if the holder published something that is no key: its complaint will not succeed.
    """
    try:
        return seal(pair_of(history, dealer, holder), published_key(history, dealer, holder), share)
    except ArgumentRefused:
        return b""


def sealed_digests(sealed: Sealed) -> tuple[bytes, ...]:
    """What an upload names and its proof binds: SHA-256 of every sealed share, empty where there is none."""
    return tuple(b"" if data is None else hashlib.sha256(data).digest() for data in sealed)


def sealed_share(history: HistoryState, objects: Objects, dealer: str, holder: str) -> bytes:
    """The recorded sealed share of a dealer for a holder."""
    digests = history.round.uploads[dealer].record.sealed_shares
    return objects.get(digests[history.place(holder)])


def open_share(
    history: HistoryState, objects: Objects, proofs: Proofs, dealer: str, holder: str, seed: bytes
) -> bytes | None:
    """The holder's share if it opens and is the one that the dealer's proof commits to, else None."""
    pair = pair_of(history, dealer, holder)
    try:
        share = open_sealed(pair, pair_secret(seed, pair), sealed_share(history, objects, dealer, holder))
    except SealBroken:
        return None
    binding = history.round.passed[dealer].share_binding
    return share if proofs.share_is_bound(binding, share, history.place(holder)) else None


def judge_complaint(
    history: HistoryState, objects: Objects, proofs: Proofs, holder: str, dealer: str
) -> tuple[bool, str]:
    """Whether the recorded complaint is right, and why; the same for everybody."""
    binding = history.round.passed[dealer].share_binding
    index = history.place(holder)
    try:
        fault = check_complaint(
            pair_of(history, dealer, holder),
            published_key(history, dealer, holder),
            sealed_share(history, objects, dealer, holder),
            history.round.complaints[holder, dealer].record.pair_key,
            lambda share: proofs.share_is_bound(binding, share, index),
        )
    except ComplaintRefused as error:
        return False, str(error)
    return True, fault.reason
