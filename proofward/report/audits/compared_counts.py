"""What an audit tells of hospitals' counts beside each other: advice, and never a flaw or a broken rule."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.federation.storage.objects import Objects
from proofward.layers.basics.errors import ConfigurationError
from proofward.relations.scores.score_counting import layout_in
from proofward.report.histograms.comparison import Comparison, compared
from proofward.report.histograms.comparison_words import comparison_lines
from proofward.report.histograms.of_run import evaluations

CHECK = "comparison"
"""The name of the check, of which an audit makes a verdict for each sentence."""


def compared_in(history: HistoryState, objects: Objects) -> Comparison | None:
    """Of all evaluations; None where there is none. Raises Refusal for an object that is not there."""
    layouts = [layout for own in history.rules.counting if (layout := layout_in(own)) is not None]
    if not layouts:
        return None
    return compared(evaluations(history, objects, tuple(map(str, range(layouts[0].classes)))))


def comparison(history: HistoryState, objects: Objects) -> Iterator[AuditVerdict]:
    """A verdict for each sentence, all of them passed; none where nothing can be compared."""
    try:
        found = compared_in(history, objects)
    except (Refusal, ConfigurationError):
        return  # a flaw that the audit has named
    for line in () if found is None else comparison_lines(found):
        yield AuditVerdict("comparison", "evaluations", detail=line)
