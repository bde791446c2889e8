"""Heads as entries come, and verifiers' signatures of them: who signs another head than follows is refused.

Nobody waits for a signature but the end: where all rounds are closed, the last head is signed before the
aggregator ends the federation, so that hospitals that follow heads learn of it.
"""

from __future__ import annotations

from proofward.federation.history.light.heads import head_of
from proofward.federation.history.state.history_state import ANY_PHASE, BEFORE, CLOSED, HistoryState, Step
from proofward.federation.messages.basics.refusal import Refusal, require
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.heads import HeadSigned, is_head_signed

Moment = tuple[str, int, int, int]
"""Phase, round, attempt, and how often verifiers have changed their keys."""


def moment(history: HistoryState) -> Moment:
    """Where a federation stands; a head belongs to each, and names the keys that verifiers sign it with."""
    return (history.phase, *history.position(), len(history.heads.rotations))


def note_word(history: HistoryState, envelope: Envelope, slot: tuple[str, ...]) -> None:
    """Keeps what a hospital has said last of each kind."""
    if envelope.role == HOSPITAL:
        history.words.setdefault(envelope.sender, {})[envelope.topic] = slot, envelope.said


def note_head(history: HistoryState, before: Moment) -> None:
    """Keeps the head of the ledger as it is, if the entry just applied has ended the moment before."""
    begun = history.current is not None or bool(history.closed)
    if not history.rules.scaling.heads or not begun or history.phase in (BEFORE, CLOSED):
        return
    *place, rotations = moment(history)
    if place != list(before[:3]) or (rotations != before[3] and _lacks_signatures(history)):
        history.heads.keep(head_of(history), history.rules.head_quorum)


def _lacks_signatures(history: HistoryState) -> bool:
    """Whether the newest head has too few signatures, and is the first of its phase.

    A third one would let a verifier that changes its key again and again have all others sign each time.
    """
    recent = list(history.heads.recent.values())[-2:]
    places = {(said.head.phase, said.head.round, said.head.attempt) for said in recent}
    first = len(places) == len(recent) > 0
    return first and len(recent[-1].signatures) < history.rules.head_quorum


def owed_signature(history: HistoryState, verifier: str) -> int | None:
    """The size of the newest head, if this verifier has not signed it."""
    newest = history.heads.newest
    if newest is None or history.phase not in ANY_PHASE:
        return None
    size = newest.head.size
    return size if (HeadSigned.kind, verifier, str(size)) not in history.slots else None


def unsigned_end(history: HistoryState) -> tuple[str, ...]:
    """Verifiers whose signature of the last head is awaited before the federation is closed."""
    newest = history.heads.newest
    over = history.current is None and len(history.closed) == history.rules.rounds
    if newest is None or not over:
        return ()
    missing = history.active(name for name in newest.keys if name not in newest.signatures)
    signed, quorum = len(newest.signatures), history.rules.head_quorum
    return missing if signed < quorum <= signed + len(missing) else ()


def _check(history: HistoryState, sender: str, record: HeadSigned) -> None:
    follow = history.rules.scaling.follow
    require(history.rules.scaling.heads, "head", sender, "rules with heads", follow)
    digest = history.heads.digests.get(record.size)
    if digest is None:
        raise Refusal("head", sender, "the size of a ledger that has a head", str(record.size))
    require(record.head == digest, "head", sender, digest, record.head)
    signed = is_head_signed(digest, record.signature, history.keys[sender])
    require(signed, "head-signature", sender, "its signature of the head", record.signature)


def _apply(history: HistoryState, envelope: Envelope, record: HeadSigned) -> None:
    """A signature counts if it is by the key that the head names: who has changed it since signs the next."""
    said = history.heads.recent.get(record.size)
    if said is not None and said.keys.get(envelope.sender) == history.keys[envelope.sender]:
        said.signatures[envelope.sender] = record.signature
        history.heads.forget(history.rules.head_quorum)


STEPS: dict[str, Step] = {HeadSigned.kind: Step((VERIFIER,), ANY_PHASE, _check, _apply)}
