"""Charts of a demonstration, in a folder of the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from proofward.charts.chart import PAGE_NAME, write_charts
from proofward.charts.of_run import charts_of_run
from proofward.report.comparing.comparison import MethodScores
from proofward.report.demonstrations.scenario import Scenario
from proofward.report.measurements import Measurements

FOLDER_NAME = "charts"


def write_demo_charts(
    console: Console,
    run: Path,
    scenario: Scenario,
    found: Mapping[str, MethodScores],
    measured: Measurements,
) -> None:
    """Measures what is missing, says what it does, and writes page, pictures and numbers."""

    def say(words: str) -> None:
        console.print(f"charts: {words}", markup=False, soft_wrap=True)

    charts = charts_of_run(scenario, found, measured, say)
    missing = write_charts(run / FOLDER_NAME, scenario.plan.federation, charts)
    if missing:
        say(f"no pictures: {missing}")
    say(f"{run / FOLDER_NAME / PAGE_NAME}")
