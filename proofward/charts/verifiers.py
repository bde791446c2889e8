"""How long verification takes with more verifiers: a federation of one round for each number of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from proofward.charts.chart import Chart
from proofward.charts.lines import Line, draw_lines
from proofward.engines.in_process import InProcessFederation
from proofward.report.demonstrations.scenario import Scenario, demonstration_plan
from proofward.report.measurements import Measurements

NAME = "verification-by-verifiers"


class RoundNotClosed(Exception):
    """A federation that was to be measured did not close its round: what was refused."""


def verification_seconds(scenario: Scenario, verifiers: int) -> float:
    """Seconds that all verifiers together need for the proofs of one round, one after another."""
    plan = demonstration_plan(scenario.setup, len(scenario.hospitals), 1, verifiers, "verification")
    records = {name: (own.features, own.labels) for name, own in scenario.hospitals.items()}
    measured = Measurements()
    with tempfile.TemporaryDirectory() as folder:
        engine = InProcessFederation(
            Path(folder) / "run", plan, records, observe=measured.observe, network=measured, workers=1
        )
        result = engine.run()
    if not result.finished or result.refusals:
        raise RoundNotClosed(str(result.stopped or result.refusals))
    return measured.rounds()[1].phases["verify"]


def verification_by_verifiers(scenario: Scenario, counts: Sequence[int], say: Callable[[str], None]) -> Chart:
    """Of federations of the scenario's hospitals. say: is told what is measured next."""
    every: list[float] = []
    for count in counts:
        say(f"a round with {count} verifier{'s' if count > 1 else ''}")
        every.append(verification_seconds(scenario, count))
    each = [seconds / count for seconds, count in zip(every, counts, strict=True)]
    hospitals = len(scenario.hospitals)
    title = f"Verifying the proofs of a round, {hospitals} hospitals"
    words = (
        "Each verifier checks every hospital's proof, so its work does not depend on how many others there "
        "are. On machines of their own they work at the same time; on one machine the seconds add up. Each "
        "number of verifiers is a federation of one round, and other work on the machine counts as well."
    )
    numbers = {"verifiers": list(counts), "hospitals": hospitals, "each_seconds": each, "all_seconds": every}
    lines = [
        Line("one verifier: the mean", each),
        Line("all of them, one after another", every),
    ]
    rows = zip(counts, each, every, strict=True)
    table = [
        ("verifiers", "each, s", "all, s"),
        *((str(count), f"{one:.3f}", f"{together:.3f}") for count, one, together in rows),
    ]
    across, up = "verifiers", "seconds in a round"
    return Chart(
        NAME, title, words, numbers, table,
        lambda: draw_lines(lines, counts, title=title, across=across, up=up, from_zero=True),
    )  # fmt: skip
