"""Who did what wrong, read off the ledger: for reports.

Everything here is provable from recorded messages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.judges import contradicted
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.history.steps.attestation import verdicts_on
from proofward.federation.history.steps.membership import votes_against
from proofward.federation.history.sums.fingerprints import wrong_fingerprints

LATE = ("phase", "round", "attempt")
"""Refusals of messages that came too late or too early: the network may be to blame, or who carried them."""


@dataclass(frozen=True)
class Fault:
    """round is 0 for the enrolment; check names what failed, detail says it in words.

    `by` are the verifiers whose votes say so; it is empty where recorded messages show it by themselves.
    """

    round: int
    culprit: str
    check: str
    detail: str
    by: tuple[str, ...] = ()


def faults(history: HistoryState) -> list[Fault]:
    """All faults on record, in the order of rounds."""
    found = _enrolment_faults(history) + _evidence_faults(history)
    for state in [*history.earlier, *history.closed, *([history.current] if history.current else [])]:
        found += _round_faults(state, history.rules.accepting_verdicts)
    for number, name in history.revoked_in:
        reasons = [f"{voter}: {reason}" for voter, reason in votes_against(history, name).items()]
        found.append(Fault(number, name, "revoked", "; ".join(reasons)))
    found += [
        Fault(number, refusal.culprit, refusal.check, f"expected {refusal.expected}, found {refusal.actual}")
        for number, refusal in history.refused_in
        if refusal.check not in LATE
    ]
    return sorted(found, key=lambda fault: fault.round)


def _enrolment_faults(history: HistoryState) -> list[Fault]:
    result = []
    for hospital in sorted(set(history.enrolments) - set(history.enrolled)):
        votes = {
            by: (verdict.check, verdict.detail)
            for by, verdict in history.enrolment_verdicts.about(hospital).items()
            if not verdict.accepted
        }
        if len(votes) >= history.rules.accepting_verdicts:
            result.append(Fault(0, hospital, *_most_common(votes), by=tuple(votes)))
    return result


def _evidence_faults(history: HistoryState) -> list[Fault]:
    """Evidence that enough verifiers have refused."""
    result = []
    for (member, _), said in history.attestations.items():
        votes = {
            by: (verdict.check, verdict.detail)
            for by, verdict in verdicts_on(history, said).items()
            if not verdict.accepted
        }
        if len(votes) >= history.rules.accepting_verdicts:
            result.append(Fault(said.envelope.round, member, *_most_common(votes), by=tuple(votes)))
    return result


def _round_faults(state: RoundState, quorum: int) -> list[Fault]:
    result = []
    for hospital in state.uploads:
        votes = {
            by: (verdict.check, verdict.detail)
            for by, verdict in state.verdicts.about(hospital).items()
            if not verdict.accepted
        }
        if len(votes) >= quorum:
            result.append(Fault(state.number, hospital, *_most_common(votes), by=tuple(votes)))
    for (verifier, hospital), by in contradicted(state, quorum).items():
        said = "accepted, found" if state.verdicts[verifier, hospital].accepted else "refused, found"
        detail = f"{said} otherwise by others of the proof of {hospital}"
        result.append(Fault(state.number, verifier, "verdict", detail, by))
    for (verifier, hospital), by in wrong_fingerprints(state, quorum).items():
        detail = f"another fingerprint of the ciphertext of {hospital}"
        result.append(Fault(state.number, verifier, "fingerprint", detail, by))
    for holder, dealer in state.complaints:
        outcome = state.complaint_outcome(holder, dealer, quorum)
        by = tuple(
            verifier
            for verifier, verdict in state.complaint_verdicts.about(holder, dealer).items()
            if verdict.upheld is outcome
        )
        if outcome is True:
            result.append(Fault(state.number, dealer, "key-share", f"a bad share for {holder}", by))
        elif outcome is False:
            result.append(Fault(state.number, holder, "complaint", f"a false complaint about {dealer}", by))
    if state.aggregate is not None:
        result += [
            Fault(state.number, holder, "share-sum", "not the sum of the shares it was given")
            for holder in state.aggregate.record.wrong_holders
        ]
    return result


def _most_common(votes: dict[str, tuple[str, str]]) -> tuple[str, str]:
    return Counter(votes.values()).most_common(1)[0][0]
