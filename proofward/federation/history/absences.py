"""Why members are missing from a round, read off the ledger: the real reason why too few are left."""

from __future__ import annotations

from proofward.federation.history.history_state import (
    ABANDON,
    CONFIRM,
    CONSENT,
    ENROLMENT,
    LOCK,
    SHARES,
    UNMASK,
    HistoryState,
)
from proofward.federation.history.round_state import RoundState
from proofward.federation.messages.catalogue import EnrolmentVerdict, Verdict
from proofward.federation.messages.refusal import Refusal

JUDGED = (SHARES, CONSENT, LOCK, UNMASK, ABANDON, CONFIRM)
OF_VERIFIERS = ("verifiers", "confirmations")
"""Checks that fail for want of verifiers; the others fail for want of hospitals."""

Verdicts = dict[tuple[str, str], Verdict] | dict[tuple[str, str], EnrolmentVerdict]


def explained(history: HistoryState, found: Refusal) -> Refusal:
    """A refusal of the next announcement, with the reason, in the name of a member whose absence it is.

    That is the last one revoked where enough would be left without revocations, else the first of the others.
    """
    about_verifiers = found.check in OF_VERIFIERS
    everybody = history.rules.verifiers if about_verifiers else history.rules.hospitals
    least = history.rules.accepting_verdicts if about_verifiers else history.rules.minimum_updates
    revoked = sorted(set(everybody) & set(history.revoked), key=lambda name: history.revoked[name])
    others = {} if about_verifiers else absent_hospitals(history)
    words = [found.actual]
    if revoked:
        words.append(f"revoked: {', '.join(sorted(revoked))}")
    words += [f"{name}: {why}" for name, why in others.items()]
    culprit = found.culprit
    if others and (not revoked or len(set(everybody) - set(others)) < least):
        culprit = next(iter(others))
    elif revoked:
        culprit = revoked[-1]
    return Refusal(found.check, culprit, found.expected, "; ".join(words))


def absent_hospitals(history: HistoryState) -> dict[str, str]:
    """Hospitals, none of them revoked, that the round under way or the enrolment lacks, and why each."""
    quorum = history.rules.accepting_verdicts
    if history.phase == ENROLMENT:
        accepted, enrolled = history.acceptable_enrolments(), history.active(history.enrolments)
        refused = [name for name in enrolled if name not in accepted]
        return {name: _judgement(history.enrolment_verdicts, name, quorum) for name in refused}
    state = history.current
    if state is None:
        return {}
    found = dict.fromkeys(sorted(history.left_out), "left out of this round after its earlier attempt")
    if history.phase in JUDGED:
        refused = [name for name in sorted(state.uploads) if name not in state.passed]
        found |= {name: _judgement(state.verdicts, name, quorum) for name in refused}
        found |= dict.fromkeys(_wrong_dealers(state, quorum), "it dealt a bad share of its key")
    asked = [name for name in state.participants if name in history.rules.hospitals]
    if state.present:
        late = [name for name in asked if name not in state.present]
        found |= dict.fromkeys(late, "its keys did not come in time")
    if state.uploaded:
        late = [name for name in state.present if name not in state.uploads]
        found |= dict.fromkeys(late, "its upload did not come in time")
    return {name: why for name, why in found.items() if name not in history.revoked}


def _wrong_dealers(state: RoundState, quorum: int) -> list[str]:
    pairs = state.complaints
    return sorted({dealer for holder, dealer in pairs if state.complaint_outcome(holder, dealer, quorum)})


def _judgement(verdicts: Verdicts, hospital: str, quorum: int) -> str:
    """What verifiers said of a proof that too few of them accepted."""
    said = {by: verdict for (by, about), verdict in verdicts.items() if about == hospital}
    refused = sorted(by for by, verdict in said.items() if not verdict.accepted)
    if len(refused) >= quorum:
        checks = sorted({said[by].check for by in refused})
        return f"its proof was refused by {', '.join(refused)} ({', '.join(checks)})"
    accepted = len(said) - len(refused)
    doubts = f", refused by {', '.join(refused)}" if refused else ""
    return f"its proof was accepted alike by fewer than {quorum} verifiers ({accepted} accepted{doubts})"
