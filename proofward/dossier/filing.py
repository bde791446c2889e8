"""Audits a run and writes its report's files, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofward.dossier.html_page import html_page
from proofward.dossier.pdf import pdf as pdf_of
from proofward.dossier.record.evidence import evidence
from proofward.dossier.report import paper_of, to_plain
from proofward.federation.history.proving.proofs import Proofs
from proofward.ledger.files import write_out
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from proofward.report.audits.sentences import record_sentence, rules_sentence


@dataclass(frozen=True)
class Filed:
    """The files written, the audit's two sentences, and the contents as plain values.

    passed: whether the record is consistent and everybody kept the rules.
    """

    files: tuple[Path, ...]
    sentences: tuple[str, str]
    document: dict[str, Any]
    passed: bool


def file_report(
    run: Path,
    path: Path,
    consortium: bytes | None = None,
    proofs: Proofs | None = None,
    *,
    pdf: bool = False,
) -> Filed:
    """Writes the report of a run's folder to `path`, and the PDF beside it if asked for.

    consortium: digest of the rules to expect. Raises NoReport, PdfUnavailable, OSError; then nothing is
    written.
    """
    audit = RunAudit(run, proofs, consortium)
    summary = AuditSummary(list(audit.run()), audit.history)
    sentences = record_sentence(summary), rules_sentence(summary)
    paper = paper_of(evidence(audit, summary), sentences)
    page = html_page(paper)
    files = {path: page.encode()}
    if pdf:
        files[path.with_suffix(".pdf")] = pdf_of(page)
    for target, data in files.items():
        write_out(target, data, 0o644)
    return Filed(tuple(files), sentences, to_plain(paper), summary.passed)
