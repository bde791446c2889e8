"""The findings of `proofward doctor`, and the last lines of the site's log."""

from __future__ import annotations

from typing import Any

from proofward.console.state import State
from proofward.console.words import moment
from proofward.engines.contract import PROBLEM, WARNING
from proofward.engines.operations.suggestions import command


def findings(state: State) -> dict[str, Any]:
    """Plain values for the page; what needs somebody comes first."""
    order = {PROBLEM: 0, WARNING: 1}
    checks = sorted(state.checks(), key=lambda check: order.get(check.outcome, 2))
    return {
        "checks": checks,
        "bad": sum(check.outcome == PROBLEM for check in checks),
        "warnings": sum(check.outcome == WARNING for check in checks),
        "is_run": state.source.is_run,
        "command": command("audit" if state.source.is_run else "doctor", state.source.folder),
    }


def events(state: State) -> dict[str, Any]:
    """The last lines of the log, the latest first."""
    with state.told.lock:
        lines = list(state.told.lines)[::-1]
    return {
        "lines": [
            {"time": moment(line.time), "level": line.level, "kind": line.kind, "party": line.party,
             "round": line.round, "words": line.words}
            for line in lines
        ],
        "has_log": state.source.log is not None,
    }  # fmt: skip
