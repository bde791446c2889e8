"""What `proofward audit` prints: two sentences, who took part, what was checked, who broke the rules."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.catalogue.audits import counted
from proofward.cli.evidence.ledgers.evidence_words import evidence_document, evidence_lines
from proofward.federation.history.progress.ending import end_in_words, reasons_to_end
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.admission import admission_votes
from proofward.federation.history.steps.consent import most_releases
from proofward.federation.messages.basics.clock import REPEATABLE_TIME, in_utc
from proofward.federation.messages.consortium.thresholds import committees_in_words
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.layers.averaging.weighting import BY_RECORDS
from proofward.privacy.words import (
    EXACT_COUNTS,
    NOISY_COUNTS,
    assumption,
    large_delta,
    neighbours,
    promise,
    spent,
)
from proofward.proof.soundness import LEAST_POLICY_BITS
from proofward.report.audits.audit_summary import AuditSummary, Breach
from proofward.report.audits.compared_counts import CHECK
from proofward.report.audits.sentences import lacking_sentences, members, record_sentence, rules_sentence

MOST_LINES = 8
"""Lines of one kind on the one screen; the others are counted."""


def screen(summary: AuditSummary, consortium: bytes | None) -> Iterator[str]:
    """The lines; the two sentences first."""
    yield " ".join(filter(None, (record_sentence(summary), exactness(summary.history))))
    yield rules_sentence(summary)
    yield from lacking_sentences(summary)
    if summary.history is not None:
        rules = summary.history.rules
        same = "as expected" if consortium else "compare it with the one that the members know"
        closed, agreed, ended = summary.end()
        yield f"federation  {rules.federation}"
        yield f"consortium  {rules.digest.hex()} ({same})"
        yield f"rules       {demanded(rules.config.security_bits)}"
        yield from privacy_lines(summary.history)
        if rules.initial_model:
            yield "            trusted first model: whoever chose it may have planted what reads off records"
        if rules.config.optimizer.vectors:
            yield f"            next models by {rules.config.optimizer.words}, computed again here"
        if rules.config.weighting != BY_RECORDS:
            yield f"            an update weighs {rules.config.weighting.words}"
        yield from (f"            {line}" for line in committees_in_words(rules))
        yield f"hospitals   {members(rules.hospitals)}"
        yield f"verifiers   {members(rules.verifiers)}"
        yield f"aggregator  {rules.aggregator}"
        far = "the federation did not end" if not summary.flaws else "as far as the record can be followed"
        yield f"recorded    {recorded(summary.history)}"
        yield f"rounds      {closed} of {agreed} closed{'' if ended else f'; {far}'}"
        for own in rules.counting:
            which = ", ".join(map(str, own.rounds))
            yield f"counts      {own.label}, in round {which}: {own.promise}"
        for (name, key), voters in admission_votes(summary.history).items():
            known = summary.history.admitted.get(name)
            if known is not None and known.key == key:
                yield f"admitted    {name}, by vote of {members(voters)}"
        yield from evidence_lines(summary)
        if summary.history.ended is not None:
            yield f"end         {end_in_words(summary.history)}"
        told = [verdict for verdict in summary.verdicts if verdict.check == "evaluation" and verdict.passed]
        yield from limited([f"evaluated   {verdict.subject}, {verdict.detail}" for verdict in told])
        if ruled := [verdict.detail for verdict in summary.verdicts if verdict.check == "stopping"]:
            yield f"best        {ruled[-1] or 'an evaluation cannot be read'}"
        yield from (f"compared    {own.detail}" for own in summary.verdicts if own.check == CHECK)
        yield from cosigned_lines(summary)
        yield from anchor_lines(summary)
        for name in sorted(summary.history.revoked):
            yield f"revoked     {name}, by vote"
    if summary.breaches:
        yield "who broke the rules:"
        yield from limited([f"  {breach_line(breach)}" for breach in summary.breaches])
    yield "checked:"
    for check, found in summary.counts().items():
        others = [f"{found[word]} {word}" for word in ("refused", "failed") if found[word]]
        noted = f" ({', '.join(others)})" if others else ""
        yield f"  {sum(found.values()):>6}  {counted(check)}{noted}"


def cosigned_lines(summary: AuditSummary) -> Iterator[str]:
    """Who cosigned each checkpoint that was shown, and how much of the ledger it covers."""
    for entry in summary.verdicts:
        if entry.check == "ledger-cosigned":
            few = "cosigned by fewer than are asked for" if entry in summary.lacking else ""
            yield f"witnesses   {entry.detail or few or 'NOT as witnesses sign it, see --failures'}"


def anchor_lines(summary: AuditSummary) -> Iterator[str]:
    """What is anchored on a chain, by the proofs that were given; nothing where the rules name no chain."""
    if summary.history is None or (terms := summary.history.rules.chain) is None:
        return
    found = [entry for entry in summary.verdicts if (entry.check, entry.subject) == ("anchor", "the ledger")]
    for entry in found:
        yield f"anchor      {entry.detail or 'NOT the anchored ledger, see --failures'}"
    if not found:
        yield f"anchor      {terms.words}; nothing compared without --chain-proof or --rpc"


def exactness(history: HistoryState | None) -> str:
    """What the first line says of rules without differential privacy; "" where there is some."""
    if history is None or history.rules.counts_only or history.rules.accountant is not None:
        return ""
    return "Sums are exact: no differential privacy."


def privacy_lines(history: HistoryState) -> Iterator[str]:
    """What is promised, what is spent, what that rests on; and what is outside of it."""
    accountant = history.rules.accountant
    if accountant is None:
        return
    yield f"privacy     {promise(accountant)}"
    yield f"            {spent(accountant, most_releases(history))}"
    yield f"            {assumption(accountant)}"
    yield f"            {neighbours(accountant)}"
    yield from (f"            {line}" for line in large_delta(accountant, history.all_rows))
    if history.rules.has_exact_counts:
        yield f"            {EXACT_COUNTS}"
    elif history.rules.counting:
        yield f"            {NOISY_COUNTS}"


def privacy_document(history: HistoryState) -> dict[str, object] | None:
    """The same for programs; None where sums are exact."""
    accountant = history.rules.accountant
    if accountant is None:
        return None
    releases = most_releases(history)
    return {
        "epsilon": accountant.promised,
        "delta": accountant.delta,
        "releases": accountant.privacy.releases,
        "colluders": accountant.privacy.colluders,
        "records_a_patient": accountant.privacy.records_a_patient,
        "granularity": accountant.privacy.granularity,
        "spent": {"releases": releases, "epsilon": accountant.spent(releases)},
        "neighbours": neighbours(accountant),
        "exact_counts": history.rules.has_exact_counts,
    }


def recorded(history: HistoryState) -> str:
    """From when to when, by the clocks of those who signed."""
    if history.size == 0:
        return "nothing"
    if history.latest == REPEATABLE_TIME:
        return "by no clock: a repeatable run"
    return f"{in_utc(history.clocks[1])} to {in_utc(history.latest)}, by the members' own clocks"


def breach_line(breach: Breach) -> str:
    """Where, who, what, how it was seen, by whom."""
    where = {None: "", 0: "enrolment, "}.get(breach.round, f"round {breach.round}, ")
    return f"{where}{breach.member}: {breach.what} ({breach.detail}); found by {', '.join(breach.found_by)}"


def limited(lines: list[str]) -> Iterator[str]:
    """The first lines, and how many more there are."""
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"  and {len(lines) - MOST_LINES} more, which --json lists"


def demanded(policy_bits: int) -> str:
    """What the rules demand of proofs, in words."""
    weak = " (WEAK: rules for tests, proofs can be forged)" if policy_bits < LEAST_POLICY_BITS else ""
    return f"proofs of at least {policy_bits} bits{weak}"


def describe(verdict: AuditVerdict) -> str:
    """What was checked, of what, and what was found; whom a failure accuses is said by the summary."""
    refusal = verdict.refusal
    found = verdict.detail
    if refusal is not None:
        found = f"{refusal.check}: expected {refusal.expected}, found {refusal.actual}"
    return f"{verdict.check}: {verdict.subject}{f': {found}' if found else ''}"


def to_document(summary: AuditSummary) -> dict[str, object]:
    """The document of `--json`, without what only the command knows."""
    rules = None if summary.history is None else summary.history.rules
    closed, agreed, ended = summary.end()
    return {
        "passed": summary.passed,
        "consistent": summary.consistent,
        "rules_kept": summary.rules_kept,
        "cosigned": summary.cosigned,
        "sentences": [record_sentence(summary), rules_sentence(summary), *lacking_sentences(summary)],
        "broke_rules": [
            {
                "member": breach.member,
                "round": breach.round,
                "what": breach.what,
                "check": breach.check,
                "detail": breach.detail,
                "found_by": list(breach.found_by),
            }
            for breach in summary.breaches
        ],
        "checks": len(summary.verdicts),
        "failed": len(summary.failed),
        "flaws": len(summary.flaws),
        "counts": summary.counts(),
        "policy_bits": None if rules is None else rules.config.security_bits,
        "consortium": None if rules is None else rules.digest.hex(),
        "privacy": None if summary.history is None else privacy_document(summary.history),
        **({} if rules is None or not rules.bounds else {"committees": list(committees_in_words(rules))}),
        "evidence": evidence_document(summary.history),
        "hospitals": [] if rules is None else list(rules.hospitals),
        "verifiers": [] if rules is None else list(rules.verifiers),
        "admitted": [] if summary.history is None else sorted(summary.history.admitted),
        "rounds": {"closed": closed, "agreed": agreed, "ended": ended},
        "counting": []
        if rules is None
        else [{"label": own.label, "rounds": own.rounds, "proved": own.proved} for own in rules.counting],
        "end": end_document(summary),
        "recorded": None if summary.history is None else times(summary.history),
        "verdicts": [to_dict(verdict, summary.accused(verdict)) for verdict in summary.verdicts],
    }


def times(history: HistoryState) -> dict[str, int] | None:
    """First and latest time on the ledger, in seconds since 1970 (UTC); None where nothing is recorded."""
    return {"first": history.clocks[1], "latest": history.latest} if history.size else None


def end_document(summary: AuditSummary) -> dict[str, object] | None:
    """Who voted for an end before all rounds, and why; None where there was none."""
    history = summary.history
    if history is None or history.ended is None:
        return None
    return {"by": list(history.ended.verifiers), "reasons": reasons_to_end(history)}


def to_dict(verdict: AuditVerdict, accused: str) -> dict[str, object]:
    """Plain values; the culprit is who is proved guilty, None where nobody is."""
    refusal = verdict.refusal
    plain: dict[str, object] = {
        "check": verdict.check,
        "subject": verdict.subject,
        "passed": verdict.passed,
        "refused": verdict.refused_proof is not None,
        "detail": verdict.detail,
        "seconds": verdict.seconds,
    }
    if refusal is not None:
        plain |= {
            "failed_check": refusal.check,
            "culprit": accused or None,
            "expected": refusal.expected,
            "actual": refusal.actual,
        }
    return plain
