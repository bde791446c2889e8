"""Sections on what was refused, who broke the rules, and what the audit has checked."""

from __future__ import annotations

from proofward.catalogue.audits import CHECKS
from proofward.catalogue.refusals import REFUSALS
from proofward.dossier.parts.paper import Basis, Block, Cell, Grid, Mark, Section, Words
from proofward.dossier.record.evidence import Evidence
from proofward.federation.history.faults import LATE
from proofward.report.audits.audit_summary import AuditSummary, Breach

MOST_LINES = 200
LATE_MEANS = "It came too late or too early, for which the network may be to blame."


def refusals(found: Evidence) -> Section:
    """Who broke the rules; what verifiers and the host refused; flaws of the record."""
    blocks: list[Block] = []
    breaches = found.summary.breaches
    if breaches:
        words = "What was refused is in no sum. Each line is proved by what the member signed."
        blocks.append(Words((words,), "bad"))
        titles = ("where", "member", "what it did", "details", "found by")
        rows = [_breach(breach) for breach in breaches[:MOST_LINES]]
        blocks.append(Grid("Who broke the rules", titles, rows, Basis.CHECKED, _more(len(breaches))))
    elif found.summary.consistent:
        blocks.append(Words(("Nobody broke the rules.",), "good"))
    else:
        blocks.append(Words(("The record has flaws, and proves nobody guilty.",), "weak"))
    blocks += _recorded(found)
    blocks += _flaws(found.summary)
    return Section("refusals", "Refusals and broken rules", tuple(blocks))


def _breach(breach: Breach) -> tuple[Cell, ...]:
    where = {None: "the record", 0: "enrolment"}.get(breach.round, f"round {breach.round}")
    who, what = Mark(breach.member, "bad"), Mark(breach.what, "bad")
    return where, who, what, f"{breach.check}: {breach.detail}", ", ".join(breach.found_by)


def _recorded(found: Evidence) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for number, refusal in found.history.refused_in[:MOST_LINES]:
        late = refusal.check in LATE
        meaning = LATE_MEANS if late else _demand(refusal.check)
        told = f"expected {refusal.expected}, found {refusal.actual}"
        tone = "weak" if late else "bad"
        rows.append((f"round {number}", refusal.culprit, Mark(refusal.check, tone), meaning, told))
    if not rows:
        return [Words(("The host recorded no refused message.",))]
    titles = ("when", "sender", "refused by", "what that means", "details")
    count = len(found.history.refused_in)
    return [Grid("Messages that were refused", titles, rows, Basis.CHECKED, _more(count))]


def _demand(check: str) -> str:
    demand = REFUSALS.get(check, "")
    return f"The rule that was broken: {demand}" if demand else "A check of a proof failed."


def _flaws(summary: AuditSummary) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for flaw in summary.flaws[:MOST_LINES]:
        assert flaw.refusal is not None
        what, shows = CHECKS[flaw.check]
        told = f"{flaw.subject}: expected {flaw.refusal.expected}, found {flaw.refusal.actual}"
        rows.append((what, Mark(flaw.check, "bad"), shows, told))
    if not rows:
        return []
    words = "The record itself is not in order. A flaw may come from whoever made this copy of it."
    titles = ("about", "check", "what holds where it passes", "details")
    grid = Grid("Flaws of the record", titles, rows, Basis.CHECKED, _more(len(summary.flaws)))
    return [Words((words,), "bad"), grid]


def _more(count: int) -> str:
    return f"{count - MOST_LINES} more are not shown." if count > MOST_LINES else ""


def checked(found: Evidence) -> Section:
    """What the audit behind the report has looked at."""
    rows: list[tuple[Cell, ...]] = []
    for check, count in found.summary.counts().items():
        what, shows = CHECKS[check]
        refused = Mark(str(count["refused"]), "bad") if count["refused"] else "0"
        failed = Mark(str(count["failed"]), "bad") if count["failed"] else "0"
        rows.append((what, str(sum(count.values())), refused, failed, shows))
    titles = ("what was checked", "how often", "refused", "failed", "what it shows")
    note = "Refused: the record of it is in order, and somebody broke a rule. Failed: a flaw of the record."
    grid = Grid("Checks of the audit", titles, rows, Basis.CHECKED, note)
    return Section("checks", "What was checked", (grid,))
