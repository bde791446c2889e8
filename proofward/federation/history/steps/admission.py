"""Hospitals that verifiers admit to a consortium whose rules do not name them.

A hospital is admitted, with one key, from the entry on with which k verifiers, themselves not revoked at that
entry, have voted for that name and key. From then on it is a member like one that enrols late: it enrols, is
judged, and takes part from the first round whose beacon was not fixed by then. It holds no shares, and no
threshold counts it: what the rules say of holders, consents, locks and abandonments stays true as it is.

A vote belongs to no round: it may be recorded in a later one than it was signed in, once. A late vote for
what is admitted already changes nothing.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import ANY_PHASE, HistoryState, Step
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER, Member, RulesError
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import AdmissionVote
from proofward.ledger.keys import PublicKey

MAX_VOTES = 64
"""Votes of one verifier: enough for a federation, and no way to fill the ledger."""


def admission_votes(history: HistoryState) -> dict[tuple[str, bytes], tuple[str, ...]]:
    """By name and key, the verifiers that have voted for a hospital, ascending."""
    found: dict[tuple[str, bytes], list[str]] = {}
    for voter, member, key in sorted(history.admission_votes):
        found.setdefault((member, key), []).append(voter)
    return {about: tuple(voters) for about, voters in found.items()}


def waiting_admissions(history: HistoryState) -> dict[tuple[str, bytes], tuple[str, ...]]:
    """`admission_votes` for hospitals that are not admitted yet and still can be."""
    votes = admission_votes(history)
    return {
        (name, key): voters
        for (name, key), voters in votes.items()
        if name not in history.keys and key not in history.used_keys
    }


def waiting_in_words(history: HistoryState) -> tuple[str, ...]:
    """A sentence about every hospital for which too few verifiers have voted yet."""
    needed = history.rules.accepting_verdicts
    return tuple(
        f"{name} with key {PublicKey(key).fingerprint[:16]} is to be admitted: {', '.join(voters)} asked, "
        f"{needed} verifiers are needed"
        for (name, key), voters in waiting_admissions(history).items()
    )


def check_candidate(history: HistoryState, sender: str, name: str, key: bytes) -> None:
    """Raises Refusal against `sender` unless a hospital of this name may be admitted with this key."""
    try:
        Member(name, HOSPITAL, key)
    except RulesError as error:
        expected = "a hospital's name and Ed25519 key"
        raise Refusal("admission", sender, expected, describe(str(error), 400)) from error
    known = history.admitted.get(name)
    if known is not None and known.key == key:
        return
    taken = history.find(name)
    found = f"{name}, a {taken.role} of the consortium" if taken else ""
    require(taken is None, "admission", sender, "a name that nobody has", found)
    owner = history.used_keys.get(key)
    require(owner is None, "key-used", sender, "a key that nobody has or had", f"one of {owner}")
    most, there = history.rules.most_hospitals, len(history.hospitals)
    require(there < most, "admission", sender, f"at most {most} hospitals", there + 1)


def _check_vote(history: HistoryState, sender: str, record: AdmissionVote) -> None:
    check_candidate(history, sender, record.member, record.key)
    given = sum(voter == sender for voter, _, _ in history.admission_votes)
    require(given < MAX_VOTES, "admission", sender, f"at most {MAX_VOTES} votes", given + 1)


def _apply_vote(history: HistoryState, envelope: Envelope, record: AdmissionVote) -> None:
    name, key = record.member, record.key
    history.admission_votes[envelope.sender, name, key] = record
    counted = history.active(admission_votes(history)[name, key])
    if name in history.admitted or len(counted) < history.rules.accepting_verdicts:
        return
    history.admitted[name] = Member(name, HOSPITAL, key)
    history.keys[name] = key
    history.used_keys[key] = name
    history.admitted_in.append((history.position()[0], name))


STEPS: dict[str, Step] = {
    AdmissionVote.kind: Step((VERIFIER,), ANY_PHASE, _check_vote, _apply_vote),
}
