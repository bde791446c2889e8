"""What an audit's screen says of evidence about machines."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.attestation import accepted, barred
from proofward.federation.parties.checking.evidence_audit import CHECK
from proofward.report.audits.audit_summary import AuditSummary


def evidence_lines(summary: AuditSummary) -> Iterator[str]:
    """Who has shown accepted evidence, who is barred, and what was looked at as of today."""
    history = summary.history
    if history is None or history.rules.attestation is None:
        return
    words = history.rules.attestation.words.removeprefix("evidence ")
    yield f"evidence    {words}; it stands for no proof"
    names = sorted({name for name, _ in history.attestations})
    good = [name for name in names if accepted(history, name)]
    yield f"            accepted of {', '.join(good) or 'nobody'}"
    for name, reason in barred(history).items():
        yield f"            {name} was barred from enrolling: {reason}"
    looked = [verdict for verdict in summary.verdicts if verdict.check == CHECK]
    unread = sum(verdict.detail.startswith("not judged") for verdict in looked)
    if unread:
        yield f"            {unread} not judged here: see --details"
    for verdict in looked:
        if verdict.subject.endswith(", today"):
            yield f"            {verdict.subject}: {verdict.detail}"


def evidence_document(history: HistoryState | None) -> dict[str, object] | None:
    """The same for programs; None where the rules ask for no evidence."""
    if history is None or history.rules.attestation is None:
        return None
    names = sorted({name for name, _ in history.attestations})
    return {
        "rules": history.rules.attestation.words,
        "accepted": [name for name in names if accepted(history, name)],
        "barred": barred(history),
    }
