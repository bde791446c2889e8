"""Charts, figures, the log and words, without a federation."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

from proofward.console.chart import MOST_POINTS, Chart, Series, legend
from proofward.console.figures import figures
from proofward.console.told import Told
from proofward.console.words import PHASES, awaited, duration, meaning_of, short, size, title_of
from proofward.engines.operations.event_log import EventLog
from proofward.federation.history.progress.waiting import _MISSING
from proofward.federation.history.state.history_state import ANY_PHASE, BEFORE, CLOSED
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.federation.messages.records.catalogue import KINDS

SVG = "{http://www.w3.org/2000/svg}"


def chart(*lines: list[float], **options) -> Chart:
    series = tuple(Series(f"line {number}", tuple(enumerate(map(float, line), 1))) for number, line in enumerate(lines))
    return Chart("<Loss> & more", "round", "nats", series, **options)


def parsed(found: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(found.svg().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@pytest.mark.parametrize("values", [[1], [0], [5, 5, 5], [-3, 2, 1e9], [1e-12, 2e-12], [0.1] * 7, list(range(1000))])
@pytest.mark.parametrize("whole", [False, True])
def test_a_chart_is_a_picture_with_a_name_and_stays_within_its_frame(values, whole):
    found = chart(values, values[::-1], whole=whole)
    root = parsed(found)
    assert root.get("role") == "img" and "<Loss> & more, by round" in root.get("aria-label")
    lines = root.findall(f"{SVG}polyline")
    assert len(lines) == 2 and all(len(line.get("points").split()) <= MOST_POINTS + 2 for line in lines)
    _, _, width, height = map(float, root.get("viewBox").split())
    for line in lines:
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width and 0 <= y <= height and math.isfinite(x + y)
    ticks = [node.text for node in root.findall(f"{SVG}text") if node.get("class") == "tick"]
    assert 3 <= len(ticks) <= 16 and (not whole or all("." not in text or abs(float(text)) < 1 for text in ticks) or max(values) < 1)
    assert "style=" not in found.svg() and "<script" not in found.svg()


def test_a_charts_table_has_every_number():
    columns, rows = chart([1, 2, 3], [4, 5]).table()
    assert columns == ["round", "line 0", "line 1"]
    assert rows == [["1", "1", "4"], ["2", "2", "5"], ["3", "3", ""]]


def test_lines_differ_in_more_than_colour():
    assert len({legend(number).replace(f"s{number}", "") for number in range(3)}) == 3


@pytest.mark.parametrize("text", ["", "[]", "{", "7", '{"held_out": 7}', '{"held_out": {"by_round": []}}',
                                  '{"held_out": {"by_round": {"loss": [], "auc": null, "accuracy": "x"}}}',
                                  '{"auc_by_round": {"proofward": [NaN]}}', '{"auc_by_round": {"alone: x": [1, true]}}',
                                  "[" * 100_000])  # fmt: skip
def test_files_of_another_form_have_no_figures(tmp_path, text):
    path = tmp_path / "metrics.json"
    path.write_text(text)
    assert figures((path, tmp_path / "missing")) == []


def test_figures_say_of_what_they_are(tmp_path):
    own = {"rows": 12, "trained_on": True, "by_round": {"loss": [1, 0.5], "accuracy": [0.5, 1], "auc": None}}
    (tmp_path / "report.json").write_text(json.dumps(own))
    loss, shares = figures((tmp_path / "report.json",))
    assert "training itself" in loss.note and [line.name for line in shares.series] == ["accuracy"]
    assert loss.series[0].points == ((0, 1.0), (1, 0.5))


def test_the_log_by_objects_rounds_and_last_lines(tmp_path):
    log = EventLog(tmp_path / "log.jsonl", clock=lambda: 1000.0)
    log.note("object sent", party="a", object="ab" * 32, bytes=77, seconds=0.5)
    log.note("traffic sent", party="a", round=3, bytes=1000)
    log.note("traffic sent", party="b", round=3, bytes=500)
    told = Told(log.path)
    assert told.advance() and not told.advance()
    assert told.sent["ab" * 32].bytes == 77 and told.sent["ab" * 32].time == 1000.0
    assert told.traffic["traffic sent", 3] == 1500
    with log.path.open("ab") as file:
        file.write(b'{"time": 5}\n{"time": "2026-01-01T00:00:00Z", "kind": ["x"], "round": -1, "level": "<b>"}\nrubbish\n')
    told.advance()
    assert told.lines[-1].round == 0 and told.lines[-1].level == "info"
    told.close()


def test_every_phase_and_every_wait_has_words():
    assert set(PHASES) == {BEFORE, CLOSED, *ANY_PHASE}
    for phase in _MISSING:
        for role in (HOSPITAL, VERIFIER):
            assert awaited(phase, role) != awaited("unheard of", role)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_message_has_a_title_and_a_meaning(kind):
    assert title_of(kind)[0].isupper() and meaning_of(kind).endswith(".") and '""' not in meaning_of(kind)


def test_sizes_times_and_digests():
    assert [size(count) for count in (0, 999, 1000, 999_400, 999_999, 5_300_000_000)] == [
        "0 bytes", "999 bytes", "1.0 kB", "999.4 kB", "1.0 MB", "5.3 GB"]  # fmt: skip
    assert [duration(seconds) for seconds in (-5, 59.9, 61, 7300, 200_000)] == ["0 s", "59 s", "1 min", "2 h", "2 days"]
    assert short("ab" * 32) == "abab abab abab abab …" and short("abc") == "abc"
