"""All charts of a finished run: two from what it measured itself, two from further work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from proofward.charts.accuracy import by_hospitals, by_round
from proofward.charts.chart import Chart
from proofward.charts.round_seconds import seconds_by_round
from proofward.charts.verifiers import verification_by_verifiers
from proofward.federation.messages.consortium.usual import LEAST_HOSPITALS
from proofward.report.comparing.comparison import MethodScores
from proofward.report.demonstrations.scenario import Scenario
from proofward.report.measurements import Measurements

VERIFIER_COUNTS = (1, 2, 3)


def charts_of_run(
    scenario: Scenario,
    found: Mapping[str, MethodScores],
    measured: Measurements,
    say: Callable[[str], None],
    *,
    divisions: Sequence[Scenario] = (),
    hospital_counts: Sequence[int] = (),
    verifier_counts: Sequence[int] = VERIFIER_COUNTS,
) -> list[Chart]:
    """Of a run whose members worked one after another.

    found: its scores beside the baselines'. divisions: for the numbers of hospitals, if not the scenario
    alone; hospital_counts: those numbers, if not all from the least to the scenario's. say: is told what is
    done next.
    """
    everyone = len(scenario.hospitals)
    counts = hospital_counts or range(LEAST_HOSPITALS, everyone + 1)
    return [
        by_round(found),
        by_hospitals(divisions or [scenario], counts, say),
        seconds_by_round(measured.rounds(), everyone, len(scenario.plan.verifiers)),
        verification_by_verifiers(scenario, verifier_counts, say),
    ]
