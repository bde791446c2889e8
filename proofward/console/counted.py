"""What the rounds that counted have opened: evaluations of the model, and statistics of the tables.

Both follow from the ledger and from objects that the run's folder or the kit keeps; they are worked out anew
when a round is closed, or when the objects were not there before.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.console.followed import Followed
from proofward.console.source import Source
from proofward.data.columns.feature import FeaturesInvalid
from proofward.federation.history.history import History
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.objects import Objects, StoredObjects
from proofward.layers.basics.errors import ConfigurationError
from proofward.ledger.errors import LedgerError
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME
from proofward.relations.scores.score_counting import layout_in
from proofward.report.handover.models.model_source import NoModel, described_by
from proofward.report.histograms.of_run import Evaluation, evaluations
from proofward.report.statistics_source import StatisticsMissing, Summed, summed_of
from proofward.statistics.source import layout_of_rounds


@dataclass(frozen=True)
class Opened:
    """evaluations: one for each round that evaluated. statistics: of the tables, once all are counted.

    evaluates, describes: whether the rules have such rounds. trouble: why something cannot be shown.
    """

    evaluations: tuple[Evaluation, ...] = ()
    statistics: Summed | None = None
    evaluates: bool = False
    describes: bool = False
    trouble: str = ""


class Counted:
    """Keeps what was worked out last. Its use needs the lock of what is followed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._closed = -1
        self._kept = Opened()

    def opened(self, followed: Followed) -> Opened:
        """What is known now; raises nothing of a damaged folder but says so."""
        history = followed.history
        if history is None or not history.rules.counting:
            return Opened()
        if len(history.closed) != self._closed or self._kept.trouble:
            self._kept = self._worked_out(history, followed)
            self._closed = len(history.closed)
        return self._kept

    def _worked_out(self, history: History, followed: Followed) -> Opened:
        evaluates = any(layout_in(own) is not None for own in history.rules.counting)
        try:
            describes = layout_of_rounds(history.rules.counting) is not None
            objects = self._objects(history, followed)
            found = evaluations(history, objects, self._classes(history)) if evaluates else ()
            summed = _summed(history, objects) if describes else None
        except (ConfigurationError, FeaturesInvalid, LedgerError, OSError, Refusal) as error:
            return Opened((), None, evaluates, not evaluates, f"The counts cannot be shown: {error}.")
        return Opened(found, summed, evaluates, describes)

    def _objects(self, history: History, followed: Followed) -> Objects:
        place = self._source.ledger
        if place is None and followed.stored is not None:
            place = followed.stored.path.parent
        store = ObjectStore((place or self._source.folder) / OBJECTS_NAME, create=False)
        return Objects(StoredObjects(store), history.rules.aggregator)

    def _classes(self, history: History) -> tuple[str, ...]:
        """Their names, or their numbers where nobody here knows the names."""
        home = self._source.home
        folder = self._source.folder if home is None else home.root
        try:
            return described_by(folder).classes
        except NoModel:
            layouts = map(layout_in, history.rules.counting)
            return tuple(map(str, range(next(own.classes for own in layouts if own is not None))))


def _summed(history: History, objects: Objects) -> Summed | None:
    try:
        return summed_of(history, objects)
    except StatisticsMissing:
        return None
