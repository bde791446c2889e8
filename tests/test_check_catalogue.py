"""The catalogue has every check that is made and every problem that is told, and the documents have it word for word."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from proofward.catalogue.audits import CHECKS, DEEDS, OTHERWISE, deed
from proofward.catalogue.problems import PROBLEMS
from proofward.catalogue.refusals import REFUSALS
from proofward.catalogue.tables import TABLES, with_table
from proofward.engines.operations.metrics import OTHER, Metrics
from proofward.federation.messages.basics.refusal import Refusal
from proofward.ledger.checks import Check
from proofward.report.audits.audit_summary import ACCUSING, SIGNED
from tests.sources import nodes_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "proofward"
SOURCES = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "catalogue"]
AGGREGATE = "aggregate-"
"""Beginning of names that `aggregation.compare` makes of a record's fields."""


def calls(name: str, position: int, keyword: str) -> Iterator[str]:
    """The constants that calls of a function have at a place or under a name."""
    for path in SOURCES:
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
                by_name = [entry.value for entry in node.keywords if entry.arg == keyword]
                value = by_name[0] if by_name else node.args[position]
                if isinstance(value, ast.Constant):
                    yield value.value


def words() -> set[str]:
    """All strings of the source, with those of f-strings, but for its documentation."""
    found: set[str] = set()
    for path in SOURCES:
        prose = {id(node.value) for node in nodes_of(path) if isinstance(node, ast.Expr)}
        found |= {node.value for node in nodes_of(path) if isinstance(node, ast.Constant)
                  and isinstance(node.value, str) and id(node) not in prose}  # fmt: skip
    return found


def audit_names() -> set[str]:
    """Names of the checks of which an audit makes verdicts, read off its source."""
    found = {f"ledger-{check}" for check in get_args(Check)}
    found |= set(calls("AuditVerdict", 0, "check"))
    for path in ("federation/parties/auditor.py", "federation/parties/checking/audit_verdict.py",
                 "report/audits/run_audit.py", "federation/parties/checking/proof_audit.py"):  # fmt: skip
        for node in nodes_of(PACKAGE / path):
            if isinstance(node, ast.Dict):
                pairs = [value.elts[0] for value in node.values if isinstance(value, ast.Tuple)]
                found |= {pair.value for pair in pairs if isinstance(pair, ast.Constant)}
    return found


@pytest.mark.slow
def test_every_check_of_an_audit_is_in_the_catalogue():
    assert audit_names() == CHECKS.keys() and "round-proof" in CHECKS
    assert CHECKS.keys() >= ACCUSING | SIGNED
    assert DEEDS.keys() >= ACCUSING and deed("no such") == OTHERWISE


def test_every_refusal_is_in_the_catalogue():
    found = {*calls("require", 1, "check"), *calls("Refusal", 0, "check")}
    assert len(found) > 50, "the search for checks finds next to nothing"
    assert found - REFUSALS.keys() == set()


def test_the_catalogue_has_no_refusal_that_nobody_makes():
    made = words()
    assert AGGREGATE in made
    unused = {name for name in REFUSALS.keys() - made if not name.startswith(AGGREGATE)}
    assert unused == set()


def test_every_problem_is_in_the_catalogue_and_told():
    found = set(calls("Problem", 0, "check"))
    assert len(found) > 10 and found == PROBLEMS.keys()


@pytest.mark.parametrize("sentences", [REFUSALS, PROBLEMS, {name: shows for name, (_, shows) in CHECKS.items()}])
def test_sentences_are_sentences(sentences):
    assert len(set(sentences.values())) == len(sentences)
    for name, sentence in sentences.items():
        assert sentence[0].isupper() and sentence.endswith(".") and 10 < len(sentence) <= 100, name


def test_messages_say_what_is_demanded():
    assert Refusal("replay", "a", "x", "y").demand == REFUSALS["replay"]
    assert Refusal("column queries", "a", "x", "y").demand == ""


def test_metrics_count_by_the_names_of_the_catalogue():
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for name in (*REFUSALS, "no such"):
        metrics.take({"kind": "refused", "check": name, "culprit": "transport"})
    for name in (*PROBLEMS, "no such"):
        metrics.take({"kind": "problem", "check": name, "subject": "a"})
    for metric, names in (("refusals_total", REFUSALS), ("problem", PROBLEMS)):
        found = {sample.labels["check"] for family in registry.collect() for sample in family.samples
                 if sample.name == f"proofward_{metric}"}  # fmt: skip
        assert found == {*names, OTHER}


@pytest.mark.parametrize("name", TABLES)
def test_the_documents_have_the_tables(name):
    text = (ROOT / "docs" / TABLES[name][0]).read_text()
    assert with_table(text, name) == text, "write them anew: python -m proofward.catalogue.tables"


def test_a_table_has_its_place_once():
    assert with_table("a\n<!-- made from proofward/catalogue: problems -->\n| x |\nb\n", "problems").endswith("|\nb\n")
    with pytest.raises(ValueError, match="found it 0 times"):
        with_table("nothing", "problems")
