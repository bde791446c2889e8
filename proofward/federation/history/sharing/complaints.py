"""Key shares between dealer and holder: sealing, opening, and complaints that anybody can check."""

from __future__ import annotations

import hashlib

from proofward.federation.history.proving.proofs import Proofs
from proofward.federation.history.sharing.sealing_keys import key_complained_of, pair_of
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.storage.objects import Objects
from proofward.lattice.errors import ArgumentRefused, ComplaintRefused, SealBroken
from proofward.lattice.sealing import check_complaint, open_sealed, pair_secret, seal

Sealed = tuple[bytes | None, ...]
"""The sealed share of every holder; None for the dealer itself and for who does not take part."""


def seal_share(history: HistoryState, dealer: str, holder: str, key: bytes, share: bytes) -> bytes:
    """The share, sealed to the key that its holder has published for the dealer.

    It is empty if the holder published something that is no key: its complaint will not succeed.
    """
    try:
        return seal(pair_of(history, dealer, holder), key, share)
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
    index, said = history.place(holder), history.round.complaints[holder, dealer].record
    try:
        fault = check_complaint(
            pair_of(history, dealer, holder),
            key_complained_of(history, holder, said),
            sealed_share(history, objects, dealer, holder),
            said.pair_key,
            lambda share: proofs.share_is_bound(binding, share, index),
        )
    except ComplaintRefused as error:
        return False, str(error)
    return True, fault.reason
