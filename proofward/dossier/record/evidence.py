"""What a report is made of: an audit, what the entries say, and what lies beside the ledger."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.bound_title import check_title
from proofward.data.columns.schema import FEATURES_NAME, FeaturesInvalid
from proofward.dossier.record.chronicle import Chronicle, chronicle
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.history.sums.counted import CountedSum, counted_sums
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.parties.equipment.software import software_in_use
from proofward.federation.storage.objects import Objects, StoredObjects
from proofward.ledger.database import Database
from proofward.ledger.errors import LedgerError
from proofward.ledger.objects import ObjectStore
from proofward.ledger.reading import NotReadable, read_regular
from proofward.ledger.seal import OBJECTS_NAME
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from proofward.report.handover.models.description import CLASSES_NAME, Description, read_description

METRICS_NAME = "metrics.json"
MAX_METRICS = 1 << 22


class NoReport(ValueError):
    """A ledger of which there is nothing to report: why."""


@dataclass(frozen=True)
class Evidence:
    """changes: L2 norm of each closed round's change of the model, in real numbers.

    description: of inputs and outputs, from files beside the ledger; bound: whether the rules name its
    digest. metrics: of a demonstration, no evidence. own: the software that made this report.
    counted: sums of the rounds that count.
    """

    summary: AuditSummary
    history: HistoryState
    chronicle: Chronicle
    changes: tuple[float, ...] = ()
    description: Description | None = None
    bound: bool = False
    metrics: dict[str, Any] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    counted: tuple[CountedSum, ...] = ()


def evidence(audit: RunAudit, summary: AuditSummary) -> Evidence:
    """Of an audit that is through; raises NoReport where it could not follow the ledger at all."""
    history = audit.history
    if history is None or history.size == 0:
        raise NoReport("the ledger has no entry that could be followed; `proofward audit` says why")
    folder = audit.directory or audit.ledger.parent
    description, bound = _described(folder, history)
    return Evidence(
        summary,
        history,
        chronicle(history, _entries(audit.ledger)),
        tuple(_changes(audit.ledger, history)),
        description,
        bound,
        _metrics(folder, history),
        software_in_use(),
        _counted(audit.ledger, history),
    )


def _entries(ledger: Path) -> Iterator[bytes]:
    try:
        with closing(Database(ledger, writable=False)) as database:
            yield from database.entries()
    except LedgerError:
        return  # a flaw that the audit has named


def _objects(ledger: Path, history: HistoryState) -> Objects:
    store = ObjectStore(ledger / OBJECTS_NAME, create=False)
    return Objects(StoredObjects(store), history.rules.aggregator)


def _counted(ledger: Path, history: HistoryState) -> tuple[CountedSum, ...]:
    try:
        return counted_sums(history, _objects(ledger, history))
    except Refusal:
        return ()  # a flaw that the audit has named


def _changes(ledger: Path, history: HistoryState) -> Iterator[float]:
    objects = _objects(ledger, history)
    one = float(1 << history.rules.config.scales.weight_bits)
    digests = [state.model for state in history.closed[:1]]
    digests += [state.aggregate.record.model for state in history.closed if state.aggregate is not None]
    before = None
    for digest in digests:
        try:
            now = model_weights(history, objects, digest).astype(np.float64)
        except Refusal:
            return  # a flaw that the audit has named
        if before is not None:
            yield math.sqrt(float(np.square(now - before).sum())) / one
        before = now


def _described(folder: Path, history: HistoryState) -> tuple[Description | None, bool]:
    path = folder / FEATURES_NAME
    try:
        if not path.is_file():
            return None, False
        description = read_description(path, folder / CLASSES_NAME, follow=False)
    except (FeaturesInvalid, NotReadable, OSError):
        return None, False
    if description.images is None:
        return description, False
    try:
        check_title(description.images, history.rules.federation)
    except FeaturesInvalid:
        return description, False
    return description, True


def _metrics(folder: Path, history: HistoryState) -> dict[str, Any]:
    """Figures of a demonstration; none that say to be of another federation."""
    try:
        found = json.loads(read_regular(folder / METRICS_NAME, MAX_METRICS))
    except (NotReadable, OSError, ValueError, RecursionError):
        return {}
    same = isinstance(found, dict) and found.get("consortium") == history.rules.digest.hex()
    return found if same else {}
