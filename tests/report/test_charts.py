"""Charts: their numbers by hand and from the smallest federations, their files, and what they refuse."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from proofward.charts.accuracy import by_hospitals, by_round
from proofward.charts.chart import Chart, write_charts
from proofward.charts.round_seconds import parts, seconds_by_round
from proofward.charts.verifiers import verification_by_verifiers
from proofward.cli.run.demos import charts as demo_charts
from proofward.federation.messages.events import Event
from proofward.report.comparing.baselines import federated, federated_float, fixed_auc, float_auc
from proofward.report.comparing.comparison import MethodScores
from proofward.report.demonstrations.scenario import make_scenario
from proofward.report.figures.canvas import PicturesUnavailable
from proofward.report.measurements import Measurements, RoundTime

PHASES = {"train": 1.0, "encrypt": 0.5, "prove": 4.0, "verify": 2.0, "aggregate": 0.25, "confirm": 0.25}
ROUNDS = {1: RoundTime(10.0, PHASES), 2: RoundTime(9.0, PHASES)}


def of_rounds() -> Chart:
    """A chart of two methods and two lone hospitals."""
    values = {"proofward": (0.5, 1.0), "federated float": (0.5, 0.75)}
    values |= {"alone: a": (0.25, 0.5), "alone: b": (0.75, 0.5)}
    return by_round({name: MethodScores(auc, auc) for name, auc in values.items()})


def test_rounds_that_were_seen_from_opening_to_closing():
    now = iter([100.0, 103.0, 107.0, 120.0, 200.0, 300.0])
    measured = Measurements(clock=lambda: next(now))
    for kind, number, subject, seconds in (
        ("recorded", 1, "round-opened", 0.0), ("proving", 1, "train", 0.0), ("proved", 1, "upload", 0.0),
        ("verified", 1, "a", 0.5), ("verified", 1, "b", 0.25), ("recorded", 1, "round-closed", 0.0),
        ("recorded", 2, "round-opened", 0.0), ("verified", 2, "a", 9.0), ("recorded", 3, "round-closed", 0.0),
    ):  # fmt: skip
        measured.observe(Event("a", kind, number, 0, subject, seconds))
    found = measured.rounds()
    assert set(found) == {1} and found[1].lasted == 20.0
    assert (found[1].phases["train"], found[1].phases["verify"], found[1].phases["prove"]) == (4.0, 0.75, 0.0)


def test_parts_of_a_round_add_up():
    found = parts(ROUNDS[1])
    assert found == {"training": 1, "encrypting": 0.5, "proving": 4, "verifying": 2, "protocol": 2.5}
    with pytest.raises(ValueError, match="at the same time"):
        parts(RoundTime(7.0, PHASES))
    chart = seconds_by_round(ROUNDS, 3, 2)
    assert chart.numbers["times_as_long_as_without_proofs"] == 19 / 7
    assert chart.table[1] == ("1", "1.000", "0.500", "2.500", "4.000", "2.000", "10.000")
    assert "63% of the time: 2.7 times" in chart.words


def test_auc_by_round_has_the_mean_and_range_of_the_lone():
    numbers = of_rounds().numbers
    assert numbers["proofward"] == [0.5, 1.0] and numbers["federated_float"] == [0.5, 0.75]
    assert numbers["alone"] == {"mean": [0.5, 0.5], "least": [0.25, 0.5], "largest": [0.75, 0.5]}


def test_auc_by_hospitals_is_that_of_the_first_ones():
    scenario, said = make_scenario("tiny", 4, 2, 7), []
    numbers = by_hospitals([scenario], [3, 4], said.append).numbers
    setup, members = scenario.setup, list(scenario.hospitals.values())
    for index, count in enumerate((3, 4)):
        fixed = federated(setup, members[:count], 2, 0).weights
        plain = federated_float(setup, members[:count], 2, 0)
        assert numbers["proofward"][index] == fixed_auc(setup, fixed, scenario.held_out)
        assert numbers["federated_float"][index] == float_auc(setup, plain, scenario.held_out)
    alone = [float_auc(setup, federated_float(setup, [own], 2, 0), scenario.held_out) for own in members]
    assert numbers["alone"]["largest"] == [max(alone[:3]), max(alone)]
    assert said[1:] == ["training 3 hospitals together", "training 4 hospitals together"]


def test_verification_is_measured_in_a_federation():
    said: list[str] = []
    chart = verification_by_verifiers(make_scenario("tiny", 3, 1, 0), [2], said.append)
    assert chart.numbers["verifiers"] == [2] and said == ["a round with 2 verifiers"]
    (each,), (every,) = chart.numbers["each_seconds"], chart.numbers["all_seconds"]
    assert 0 < each == every / 2


def test_files_and_page(tmp_path):
    charts = [of_rounds(), seconds_by_round(ROUNDS, 3, 2)]
    assert write_charts(tmp_path / "one", "a *title*", charts) == ""
    page = (tmp_path / "one" / "charts.md").read_text()
    assert page.startswith("# a \\*title\\*\n") and "| 2 | 1.0000 | 0.7500 | 0.5000 |" in page
    for chart in charts:
        png, svg, numbers = (tmp_path / "one" / f"{chart.name}.{kind}" for kind in ("png", "svg", "json"))
        assert png.read_bytes().startswith(b"\x89PNG") and json.loads(numbers.read_text()) == chart.numbers
        assert ElementTree.fromstring(svg.read_text()).tag.endswith("svg")
        assert all(f"({path.name})" in page for path in (png, svg, numbers))
    write_charts(tmp_path / "two", "a *title*", charts)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_numbers_without_pictures(tmp_path):
    def unavailable() -> None:
        raise PicturesUnavailable("no matplotlib here")

    chart = Chart("own", "Own", "Words.", {"value": 1}, [("a", "b"), ("1", "2")], unavailable)
    assert write_charts(tmp_path, "t", [chart]) == "no matplotlib here"
    assert {path.name for path in tmp_path.iterdir()} == {"charts.md", "own.json"}
    assert "There are no pictures: no matplotlib here." in (tmp_path / "charts.md").read_text()


def test_the_demonstration_says_what_it_does(tmp_path, monkeypatch, capsys):
    from rich.console import Console

    scenario, asked = make_scenario("tiny", 3, 1, 0), []
    monkeypatch.setattr(demo_charts, "charts_of_run", lambda *given: asked.append(given) or [of_rounds()])
    demo_charts.write_demo_charts(Console(width=500), tmp_path, scenario, {}, Measurements())
    assert asked[0][0] is scenario and f"charts: {tmp_path}/charts/charts.md" in capsys.readouterr().out
    assert (tmp_path / "charts" / "auc-by-round.svg").exists()
