"""The catalogue of checks is complete, and docs/audit.md has it word for word."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

from proofward.ledger.checks import Check
from proofward.report.audit_summary import ACCUSING, SIGNED
from proofward.report.checks_in_words import CHECKS, DEEDS, OTHERWISE, deed, deeds_table, table

ROOT = Path(__file__).resolve().parent.parent


def names_made() -> set[str]:
    """Names of the checks of which an audit makes verdicts, read off its source."""
    found = {f"ledger-{check}" for check in get_args(Check)}
    for path in ("federation/parties/auditor.py", "federation/parties/audit_verdict.py",
                 "report/run_audit.py", "federation/parties/proof_audit.py"):  # fmt: skip
        for node in ast.walk(ast.parse((ROOT / "proofward" / path).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AuditVerdict":
                first = node.args[0]
                found |= {first.value} if isinstance(first, ast.Constant) else set()
            if isinstance(node, ast.Dict):
                pairs = [value.elts[0] for value in node.values if isinstance(value, ast.Tuple)]
                found |= {pair.value for pair in pairs if isinstance(pair, ast.Constant)}
    return found


def test_every_check_is_in_the_catalogue():
    assert names_made() == CHECKS.keys() and "round-proof" in CHECKS
    assert CHECKS.keys() >= ACCUSING | SIGNED
    assert DEEDS.keys() >= ACCUSING and deed("no such") == OTHERWISE


def test_the_document_has_both_tables():
    text = (ROOT / "docs" / "audit.md").read_text()
    for lines in (table(), deeds_table()):
        assert "\n".join(lines) + "\n" in text
