"""Why members are missing from a round, read off the ledger: the real reason why too few are left."""

from __future__ import annotations

from proofward.federation.history.state.history_state import (
    ABANDON,
    BETWEEN,
    CONFIRM,
    CONSENT,
    ENROLMENT,
    LOCK,
    SHARES,
    UNMASK,
    HistoryState,
)
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.history.state.votes import Votes
from proofward.federation.history.steps.attestation import barred
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records.catalogue import EnrolmentVerdict, Verdict

JUDGED = (SHARES, CONSENT, LOCK, UNMASK, ABANDON, CONFIRM)
Verdicts = Votes[tuple[str, str], Verdict] | Votes[tuple[str, str], EnrolmentVerdict]


def explained(history: HistoryState, found: Refusal) -> Refusal:
    """A refusal of the next announcement, with the reason, in the name of a member whose absence it is.

    That is the last verifier revoked where too few of them are left; the last hospital revoked where enough
    would be left without revocations; else the first of the other hospitals that are missing.
    """
    rules, others = history.rules, absent_hospitals(history)
    order = sorted(history.revoked, key=lambda name: history.revoked[name])
    least = rules.draw.fewest if found.check == "draw" else rules.minimum_updates
    verifiers = [name for name in order if name in rules.verifiers]
    hospitals = [name for name in order if name in rules.hospitals]
    words = [found.actual]
    if order:
        words.append(f"revoked: {', '.join(sorted(order))}")
    words += [f"{name}: {why}" for name, why in others.items()]
    culprit = found.culprit
    if found.check == "attestation":  # nobody's absence, but the evidence of the one that it names
        return found
    if found.check == "holders" and history.current is not None:
        lost = history.holding({*others, *order}) or history.holding(_silent(history.round))
        return Refusal(found.check, (*lost, culprit)[0], found.expected, "; ".join(words))
    if verifiers and len(history.active(rules.verifiers)) < rules.accepting_verdicts:
        culprit = verifiers[-1]
    elif others and (not hospitals or len(rules.hospitals) - len(others) < least):
        culprit = next(iter(others))
    elif order:
        culprit = (hospitals or order)[-1]
    return Refusal(found.check, culprit, found.expected, "; ".join(words))


def _silent(state: RoundState) -> set[str]:
    """Members that were asked for keys and have sent none."""
    return set(state.participants) - set(state.holder_keys)


def absent_hospitals(history: HistoryState) -> dict[str, str]:
    """Hospitals, none of them revoked, that the round under way or the enrolment lacks, and why each."""
    quorum = history.rules.accepting_verdicts
    if history.phase == ENROLMENT:
        accepted, enrolled = history.acceptable_enrolments(), history.active(history.enrolments)
        holders = history.rules.holders_among(enrolled)  # who was admitted is never needed
        refused = [name for name in holders if name not in accepted]
        found = {name: _judgement(history.enrolment_verdicts, name, quorum) for name in refused}
        out = {name: why for name, why in barred(history).items() if name not in history.joined}
        found |= {name: f"its evidence was refused ({why})" for name, why in out.items()}
        return dict(sorted(found.items()))
    state = history.current
    if state is None:
        return _undrawable(history) if history.phase == BETWEEN else {}
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
    silent = [name for name in sorted(history.enrolled) if not history.can_draw(name, *history.position())]
    found |= dict.fromkeys(silent, "it has committed to no noise of this attempt")
    holders = history.rules.holders_among(history.active(found))
    return {name: why for name, why in found.items() if name in holders}


def _undrawable(history: HistoryState) -> dict[str, str]:
    """Hospitals of the rules that the beacon of the next round cannot draw, where it draws holders."""
    if not history.rules.draws_holders:
        return {}
    missing = history.active(set(history.rules.hospitals) - history.drawable)
    late = "its enrolment was not accepted before the round's beacon was fixed"
    return {name: late if name in history.joined else "it has not enrolled" for name in missing}


def _wrong_dealers(state: RoundState, quorum: int) -> list[str]:
    pairs = state.complaints
    return sorted({dealer for holder, dealer in pairs if state.complaint_outcome(holder, dealer, quorum)})


def _judgement(verdicts: Verdicts, hospital: str, quorum: int) -> str:
    """What verifiers said of a proof that too few of them accepted."""
    said = verdicts.about(hospital)
    refused = sorted(by for by, verdict in said.items() if not verdict.accepted)
    if len(refused) >= quorum:
        checks = sorted({said[by].check for by in refused})
        return f"its proof was refused by {', '.join(refused)} ({', '.join(checks)})"
    accepted = len(said) - len(refused)
    doubts = f", refused by {', '.join(refused)}" if refused else ""
    return f"its proof was accepted alike by fewer than {quorum} verifiers ({accepted} accepted{doubts})"
