"""What was refused or found wrong, and what it means: from the ledger, and from this site's own log."""

from __future__ import annotations

from typing import Any

from proofward.catalogue.audits import DEEDS, ENROLMENT, TRAINING, deed
from proofward.catalogue.refusals import REFUSALS
from proofward.console.state import State
from proofward.console.words import moment
from proofward.federation.history.faults import LATE, Fault, faults
from proofward.federation.history.history import History

MOST = 200


def refused(state: State) -> dict[str, Any]:
    """Plain values for the page."""
    with state.followed.lock:
        history = state.followed.history
        found = faults(history) if history is not None else []
        late = _late(history) if history is not None else []
    with state.told.lock:
        lines = [line for line in state.told.lines if line.level != "info"]
    return {
        "faults": [_fault(fault) for fault in found[::-1][:MOST]],
        "more": max(0, len(found) - MOST),
        "late": late[::-1][:MOST],
        "log": [
            {"time": moment(line.time), "level": line.level, "kind": line.kind, "party": line.party,
             "words": line.words}
            for line in lines[::-1]
        ],
        "has_log": state.source.log is not None,
    }  # fmt: skip


def _fault(fault: Fault) -> dict[str, Any]:
    if fault.check == "revoked":
        words = "verifiers voted that it takes part no more"
    elif fault.by and fault.check not in DEEDS:
        words = TRAINING if fault.round else ENROLMENT
    else:
        words = deed(fault.check)
    return {
        "round": fault.round,
        "culprit": fault.culprit,
        "check": fault.check,
        "words": words,
        "demand": REFUSALS.get(fault.check, ""),
        "detail": fault.detail,
        "by": fault.by,
    }


def _late(history: History) -> list[dict[str, Any]]:
    """Messages out of turn: the network may be to blame."""
    return [
        {
            "round": number,
            "member": record.culprit,
            "detail": f"expected {record.expected}, found {record.actual}",
            "demand": REFUSALS.get(record.check, ""),
        }
        for number, record in history.refused_in
        if record.check in LATE
    ]
