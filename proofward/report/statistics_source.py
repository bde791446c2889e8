"""Statistics as a ledger has them: from a run's folder, or from a member's kit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proofward.data.columns.feature import FeaturesInvalid
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.history.sums.counted import counted_sums
from proofward.federation.storage.objects import Objects
from proofward.layers.basics.errors import ConfigurationError
from proofward.report.handover.models.model_source import followed_so_far
from proofward.report.statistics import Statistics, statistics_of
from proofward.statistics.source import by_step, layout_of_rounds


class StatisticsMissing(ValueError):
    """A ledger has no statistics, or not all of them yet: what it has."""


@dataclass(frozen=True)
class Summed:
    """found: what was counted. root: of the ledger at its end. hospitals: those in the sum, by step."""

    found: Statistics
    root: bytes
    hospitals: Mapping[str, tuple[str, ...]]

    @property
    def in_all(self) -> tuple[str, ...]:
        """Hospitals that are in every sum."""
        found = set.intersection(*(set(names) for names in self.hospitals.values()))
        return tuple(sorted(found))

    @property
    def alike(self) -> bool:
        """Whether all sums are of the same hospitals."""
        return len(set(self.hospitals.values())) == 1


def read_statistics(folder: Path) -> Summed:
    """Raises StatisticsMissing, NotASource, NoModel, Refusal, RulesError, LedgerError, HomeError."""
    return summed_of(*followed_so_far(folder))


def summed_of(history: History, objects: Objects) -> Summed:
    """Raises StatisticsMissing, Refusal."""
    try:
        layout = layout_of_rounds(history.rules.counting)
        if layout is None:
            raise StatisticsMissing("expected a ledger of statistics, found one of training")
        if history.phase != CLOSED or len(history.closed) < history.rules.rounds:
            found = f"{len(history.closed)} of them, and the ledger is {history.phase}"
            raise StatisticsMissing(f"expected {history.rules.rounds} closed rounds, found {found}")
        sums = counted_sums(history, objects)
        steps, alike = by_step(sums), len({tuple(sorted(own.hospitals)) for own in sums}) == 1
        found_of_all = statistics_of(layout, steps, alike)
    except (ConfigurationError, FeaturesInvalid) as error:
        raise StatisticsMissing(f"expected statistics of a table, found others: {error}") from error
    hospitals = {step: tuple(sorted(own.hospitals)) for step, own in zip(steps, sums, strict=True)}
    return Summed(found_of_all, history.root, hospitals)
