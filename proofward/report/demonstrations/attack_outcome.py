"""Whether an attack was refused, and what became of the run.

The check that should refuse it has to be the one that does. The outcome also tells on whom the refusal puts
the blame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofward.engines.attacks.catalogue import Attack
from proofward.engines.in_process import RunResult
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.parties.checking.audit_verdict import AuditVerdict

TRAINING_PROOF, ENROLMENT_PROOF, COUNTS_PROOF = "proof of training", "proof of enrolment", "proof of counts"
SILENCE = "silence"
"""No fault: a message may be lost on its way."""

#: By attack: the check that has to refuse it, and for the aggregator's also the one by which an audit does. A
#: verifier's is for the audit alone: the ledger shows that verdicts differ, not which of them is wrong.
EXPECTED: dict[str, tuple[str, ...]] = {
    "flipped-labels": (TRAINING_PROOF,),
    "skipped-training": (TRAINING_PROOF,),
    "scaled-update": (TRAINING_PROOF,),
    "wrong-row-count": (ENROLMENT_PROOF,),
    "chosen-batches": (TRAINING_PROOF,),
    "replayed-proof": ("replayed-proof",),
    "copied-proof": (TRAINING_PROOF,),
    "swapped-ciphertext": (TRAINING_PROOF,),
    "wrong-beacon-share": ("beacon-shares",),
    "wrong-key-share": ("key-share",),
    "re-blinded-share": ("key-share",),
    "exchanged-share": ("key-share",),
    "shifted-share": ("key-share",),
    "shifted-shares": ("key-share",),
    "exchanged-shares": ("key-share",),
    "shares-of-another-key": ("key-share",),
    "re-sealed-shares": (TRAINING_PROOF,),
    "re-blinded-after-proof": (TRAINING_PROOF,),
    "false-complaint": ("complaint",),
    "double-consent": ("equivocation",),
    "wrong-share-sum": ("share-sum",),
    "equivocation": ("equivocation",),
    "skipped-noise": (TRAINING_PROOF,),
    "noise-drawn-again": (TRAINING_PROOF,),
    "unclipped-records": (TRAINING_PROOF,),
    "scaled-beyond-bound": (TRAINING_PROOF,),
    "spent-budget": ("privacy-budget",),
    "forgotten-error": (COUNTS_PROOF,),
    "another-part-counted": (COUNTS_PROOF,),
    "another-level": (COUNTS_PROOF,),
    "skipped-count-noise": (COUNTS_PROOF,),
    "count-noise-drawn-again": (COUNTS_PROOF,),
    "committee-member-lying": ("share-sum",),
    "committee-member-silent": (SILENCE,),
    "quote-of-another-member": ("evidence-binding",),
    "dropped-update": ("accepted-set", "accepted-set"),
    "altered-update": ("aggregate-ciphertext-sum", "aggregate-ciphertext-sum"),
    "added-update": ("accepted-set", "accepted-set"),
    "another-model": ("aggregate-model", "aggregate-model"),
    "another-first-model": ("first-model", "first-model"),
    "early-end": ("end-votes", "end-votes"),
    "ledger-rewritten": ("ledger-consistency", "ledger-view"),
    "ledger-truncated": ("ledger-truncated", "complete"),
    "shares-deleted-early": ("object-missing", "object-missing"),
    "heads-withheld": ("heads-withheld",),
    "head-forged": ("head-signatures",),
    "wrong-verdict": ("verdict", "verdict"),
    "wrong-refusal": ("verdict", "verdict"),
    "false-fingerprint": ("fingerprint", "fingerprint"),
}


@dataclass(frozen=True)
class Outcome:
    """refused: by the expected check, with the culprit named, and nobody else accused.

    check, detail, by: what was found, in words, and which parties found it. audit: the checks that an audit
    of the folder fails at. goes_on: all rounds were closed. accepted: whose updates the last sum contains.
    """

    attack: str
    refused: bool
    expected: tuple[str, ...]
    check: str
    culprit: str
    detail: str
    by: tuple[str, ...]
    audit: tuple[str, ...]
    goes_on: bool
    rounds: int
    accepted: tuple[str, ...]


def judge(
    attack: Attack, culprit: str, result: RunResult, history: History, failed: Sequence[AuditVerdict]
) -> Outcome:
    """Reads the outcome off a run, its ledger and the failed verdicts of its audit."""
    if attack.verifier is not None:
        found = _verifier_faults(failed)
    else:
        found = _aggregator_faults(result) if attack.aggregator else _member_faults(history, result)
    expected = EXPECTED[attack.name]
    matching = [entry for entry in found if entry[:2] == (expected[0], culprit)]
    accused = {entry[1] for entry in found}
    audit = tuple(dict.fromkeys(entry.refusal.check for entry in failed if entry.refusal is not None))
    blamed = {entry.refusal.culprit for entry in failed if entry.refusal is not None}
    if attack.verifier is not None:
        as_it_should = result.finished and expected[1] in audit
    elif attack.goes_on:
        as_it_should = result.finished and not failed
    else:
        as_it_should = not result.finished and expected[1] in audit and blamed == {culprit}
    check, who, detail, by = (matching or found or [("none", "nobody", "the attack was not noticed", ())])[0]
    accepted = history.closed[-1].accepted if history.closed else None
    return Outcome(
        attack=attack.name,
        refused=bool(matching) and accused == {culprit} and as_it_should,
        expected=expected,
        check=check,
        culprit=who,
        detail=detail,
        by=by,
        audit=audit,
        goes_on=result.finished,
        rounds=result.rounds,
        accepted=() if accepted is None else accepted.record.hospitals,
    )


Found = tuple[str, str, str, tuple[str, ...]]


def _member_faults(history: HistoryState, result: RunResult) -> list[Found]:
    """(check, culprit, detail, found by) of every fault on record."""
    found = []
    for fault in result.faults:
        voters = _refusing(history, fault.round, fault.culprit)
        if voters and fault.check in {check for _, check in voters}:
            counts = fault.round > 0 and history.rules.counting_in(fault.round) is not None
            stage = COUNTS_PROOF if counts else TRAINING_PROOF if fault.round else ENROLMENT_PROOF
            by = tuple(verifier for verifier, _ in voters)
            found.append((stage, fault.culprit, f"{fault.check}: {fault.detail}", by))
        else:
            found.append((fault.check, fault.culprit, fault.detail, (history.rules.aggregator,)))
    if history.rules.draws_holders:
        for state in history.closed:
            silent = sorted(set(state.committee) - set(state.share_sums))
            detail = f"no share sum in round {state.number}; the others' were enough"
            found += [(SILENCE, name, detail, (history.rules.aggregator,)) for name in silent]
    return found


def _refusing(history: HistoryState, number: int, hospital: str) -> list[tuple[str, str]]:
    """(verifier, check) of the refusing verdicts on a hospital's proof."""
    states = [*history.closed, *([history.current] if history.current else [])]
    pairs: list[tuple[str, str]] = []
    if number == 0:
        said = history.enrolment_verdicts.items()
        return [(by, vote.check) for (by, name), vote in said if name == hospital and not vote.accepted]
    for state in states:
        if state.number == number:
            votes = state.verdicts.items()
            pairs += [
                (by, vote.check) for (by, name), vote in votes if name == hospital and not vote.accepted
            ]
    return pairs


def _verifier_faults(failed: Sequence[AuditVerdict]) -> list[Found]:
    """What the audit holds against anybody."""
    refusals = [entry.refusal for entry in failed if entry.refusal is not None]
    by = ("the audit",)
    return [(r.check, r.culprit, f"expected {r.expected}, found {r.actual}", by) for r in refusals]


def _aggregator_faults(result: RunResult) -> list[Found]:
    """The members' refusals, one entry a check and culprit."""
    refusals = [*result.halted.items(), *result.refusals]
    by: dict[tuple[str, str], dict[str, str]] = {}
    for party, refusal in refusals:
        detail = f"expected {refusal.expected}, found {refusal.actual}"
        by.setdefault((refusal.check, refusal.culprit), {}).setdefault(party, detail)
    return [(check, who, next(iter(seen.values())), tuple(seen)) for (check, who), seen in by.items()]
