"""Heads and views: the ledger's state for hospitals that do not read every entry.

What is shown. Where the rules say `follow = "heads"`, every entry with which a phase ends or an attempt
begins, from the first round on, has a head: what the state is then for all hospitals, with the Merkle root
(RFC 9162, as of the ledger) of one leaf for each, its view. So has the first change of a verifier's key in a
phase whose head lacks signatures. Both are functions of the entries, so whoever reads all of them computes
the same bytes, and a verifier's signature of others is evidence against it.

A quorum is q = floor((V + K) / 2) + 1 of the V verifiers that the rules name, K of whom are corrupt at most:
as many as the committees are reckoned with, and without committees k - 1, where k verdicts decide.

    two quorums have 2 q - V > K verifiers in common, so an honest one, who signs one head of a size
    a quorum has q - K >= 1 honest verifiers, who have checked every entry behind what they sign

So, with K corrupt ones at most, there is one head of a size with a quorum, and it is that of a ledger that
follows from the rules entry by entry. `docs/protocol.md` says what is not promised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from proofward.encoding import encode
from proofward.federation.history.state.history_state import KEYS, UPLOAD, HistoryState
from proofward.federation.history.state.signed_heads import SignedHead, sealing_digest, sealing_for
from proofward.federation.messages.beacon import hash_parts
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.records.heads import (
    CountedRound,
    Head,
    NoiseWords,
    RefusedWord,
    View,
    Word,
)
from proofward.federation.storage.log_tree import LogTree
from proofward.ledger.merkle_log import leaf_hash

_KEYS = b"proofward/head-keys/v1"


def verifier_keys(history: HistoryState) -> dict[str, bytes]:
    """The present keys of the verifiers that are not revoked, by name, ascending."""
    return {name: history.keys[name] for name in history.active(history.rules.verifiers)}


def keys_digest(rules: Rules, keys: dict[str, bytes]) -> bytes:
    """Of the verifiers' keys; b"" stands for whoever is revoked."""
    return hash_parts(_KEYS, *(keys.get(name, b"") for name in rules.verifiers))


def head_of(history: HistoryState) -> SignedHead:
    """Head and views of the ledger as it is, without signatures."""
    dealers = _dealers(history)
    views = {view.hospital: encode(view) for view in _views(history, dealers)}
    tree = LogTree()
    for data in views.values():
        tree.add(leaf_hash(data))
    number, attempt = history.position()
    state = history.current
    accepted = None if state is None else state.accepted
    keys = verifier_keys(history)
    revoked = tuple(name for name in history.rules.verifiers if name in history.revoked)
    head = Head(
        consortium=history.rules.digest,
        size=history.size,
        root=history.root,
        clock=history.clocks[-1],
        phase=history.phase,
        round=number,
        attempt=attempt,
        closed=len(history.closed),
        model=history.model,
        beacon=history.beacon,
        committee=() if state is None else state.committee,
        absent=_absent(history),
        most_rows=0 if state is None else history.most_rows(state),
        accepted=b"" if accepted is None else accepted.digest,
        accepted_count=0 if accepted is None else len(accepted.record.hospitals),
        abandoned=_abandoned(history),
        counted=_counted(history),
        verifiers=keys_digest(history.rules, keys),
        revoked=revoked,
        snapshot=history.snapshot[0],
        snapshot_size=history.snapshot[1],
        hospitals=len(views),
        views=tree.root(),
    )
    return SignedHead(head, keys, views, tree, dealers, state)


def _counted(history: HistoryState) -> tuple[CountedRound, ...]:
    """The sums before a round that counts, when it does: what is counted may depend on them."""
    due = history.current is not None and history.phase == UPLOAD and history.counting is not None
    return tuple(history.counted_rounds()) if due else ()


def _absent(history: HistoryState) -> tuple[str, ...]:
    """Holders of the round under way that take no part in the attempt, once its keys are closed."""
    if history.current is None or history.phase == KEYS:
        return ()
    present = set(history.current.present)
    return tuple(name for name in history.current.committee if name not in present)


def _abandoned(history: HistoryState) -> tuple[bytes, ...]:
    """The accepted sets of the round under way that were given up."""
    if history.current is None:
        return ()
    attempts = history.earlier[history.ends[-1]["earlier"] :]
    sets = {state.accepted.digest for state in (*attempts, history.current) if state.accepted is not None}
    return tuple(sorted(sets & history.abandoned))


def _dealers(history: HistoryState) -> dict[str, int]:
    """Who has to seal shares now, with the places of the keys for them."""
    if history.current is None or history.phase != UPLOAD:
        return {}
    present = set(history.current.present)
    return {name: place for place, name in enumerate(history.dealers) if name in present}


def _views(history: HistoryState, dealers: dict[str, int]) -> Iterator[View]:
    state = history.current
    refused: dict[str, list[RefusedWord]] = {}
    for said in history.refusals:
        word = RefusedWord(hashlib.sha256(said.evidence).digest(), said.check)
        refused.setdefault(said.culprit, []).append(word)
    accepted = None if state is None else state.accepted
    members = frozenset(() if accepted is None else accepted.record.hospitals)
    present = frozenset(() if state is None else state.present)
    participants = frozenset(() if state is None else state.participants)
    for name in history.hospitals:
        joined = history.joined.get(name)
        admitted = history.admitted.get(name)
        sealed = b""
        if state is not None and name in dealers:
            sealed = sealing_digest(sealing_for(state, dealers[name], name))
        yield View(
            hospital=name,
            key=history.keys.get(name, b""),
            admitted=b"" if admitted is None else admitted.key,
            revoked=name in history.revoked,
            words=words_of(history, name),
            refused=tuple(refused.get(name, ())),
            joined=joined is not None,
            rows=0 if joined is None else joined.record.rows,
            enrolled=name in history.enrolled,
            dataset_root=history.dataset_roots.get(name, b""),
            validation_beacon=history.validation_beacons.get(name, b""),
            participant=name in participants,
            present=name in present,
            accepted=name in members,
            left_out=name in history.left_out,
            noise=tuple(_noise(history, name)),
            releases=history.releases.get(name, 0),
            own_counts=state is not None and (state.number, name) in history.own_counts,
            dealer=dealers.get(name, 0),
            sealing=sealed,
        )


def words_of(history: HistoryState, hospital: str) -> tuple[Word, ...]:
    """Of each kind of message the latest recorded one of a hospital, by kind."""
    words = history.words.get(hospital, {})
    return tuple(Word("/".join(slot), said) for _, (slot, said) in sorted(words.items()))


def _noise(history: HistoryState, name: str) -> Iterator[NoiseWords]:
    number = len(history.closed) + 1
    for own in (number, number + 1):
        roots = history.noise_roots.get((own, name))
        if roots is not None:
            yield NoiseWords(own, roots)
