"""The two answers of an audit, in a sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.catalogue.audits import counted
from proofward.report.audits.audit_summary import AuditSummary


def record_sentence(summary: AuditSummary) -> str:
    """Whether the record is consistent; else how many checks failed, and the first of them."""
    if summary.consistent:
        return "The record is consistent."
    kinds = ", ".join(f"{counted(check)} {count}" for check, count in summary.flaws_by_check().items())
    first = next((flaw for flaw in summary.flaws if flaw.check != "ledger-seal"), summary.flaws[0])
    assert first.refusal is not None
    found = f"{first.subject}: expected {first.refusal.expected}, found {first.refusal.actual}"
    many = "1 check FAILED" if len(summary.flaws) == 1 else f"{len(summary.flaws)} checks FAILED"
    return f"The record is NOT consistent: {many} ({kinds}); the first: {counted(first.check)}, {found}."


def rules_sentence(summary: AuditSummary) -> str:
    """Whether everybody kept the rules, else who did not."""
    if summary.rules_kept is None:
        return "Whether everybody kept the rules cannot be told from this record; it proves nobody guilty."
    if summary.rules_kept:
        return "Everybody kept the rules."
    names = sorted({breach.member for breach in summary.breaches})
    return f"NOT everybody kept the rules: {members(names)} broke them."


def lacking_sentences(summary: AuditSummary) -> Iterator[str]:
    """What to do where fewer witnesses have cosigned than are asked for; nothing where enough have."""
    for verdict in summary.lacking:
        assert verdict.refusal is not None
        wanted, there = verdict.refusal.expected, verdict.refusal.actual
        few = f"Too FEW witnesses have cosigned {verdict.subject}: {wanted} are asked for, found {there}."
        yield f"{few} Ask the others with `proofward witness ask`, or ask for fewer with --least."


def members(names: tuple[str, ...] | list[str]) -> str:
    """Names, up to a dozen, and how many more there are."""
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
