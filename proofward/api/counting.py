"""Statistics of the tables of hospitals, counted as `proofward consortium statistics` counts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofward.api.place import Place
from proofward.api.refusals import RunRefused, SettingsRefused, TablesRefused, refusing
from proofward.api.sources import sources_of
from proofward.api.terms import Terms
from proofward.api.training import Manner
from proofward.cli.common.kernels import load_kernels
from proofward.cli.kit.records.data_file import DataFile
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.project.statistics_terms import statistics_layout
from proofward.cli.run.running.statistics_run import count_in_process, read_all
from proofward.report.statistics import Statistics
from proofward.statistics.limits import USUAL_BINS, USUAL_LEAST


class CountsTables:
    """What has terms and a manner of running, and counts tables by them."""

    _terms: Terms
    _manner: Manner

    def statistics(
        self, sites: Mapping[str, Any], *, bins: int = USUAL_BINS, least_count: int = USUAL_LEAST
    ) -> Statistics:
        """Counts the columns of all hospitals before training, and opens sums over hospitals only.

        It is what `proofward consortium statistics` does. `constants()` of the result are centres and spreads
        as `features` takes them; `fit` does not use them by itself.

        Args:
            sites: The tables, as `fit` takes them.
            bins: Equal intervals in the range of a column, a power of two.
            least_count: A hospital withholds counts below it, and sums of fewer values.

        Returns:
            Of each column centre, spread, quantiles and distribution, with their precision.

        Raises:
            SettingsRefused: Settings with which these tables cannot be counted.
            TablesRefused: Tables that cannot be read, with all places that are wrong.
            RunRefused: A counting that did not come to its end.
        """
        sources = sources_of(sites, self._terms.notation, self._terms.names)
        project, _ = self._terms.project(sources, lambda *lines: None)
        return _count(project, sources, self._manner, bins, least_count)


def _count(
    project: Project, sources: Mapping[str, DataFile], manner: Manner, bins: int, least_count: int
) -> Statistics:
    with refusing(SettingsRefused):
        layout = statistics_layout(project, bins, least_count)
    with refusing(TablesRefused):
        values = read_all(sources, project)
    with refusing(RunRefused):
        place = Place(None)
        load_kernels(manner.console)
        folder, workers, seed = place.path, manner.workers, manner.seed
        return count_in_process(manner.console, folder, project, layout, values, workers, seed).found
