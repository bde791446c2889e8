"""What trackers get of a federation: once each, whatever starts again, and nothing that is no number of it."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import pytest

from proofward.report import tracked_run
from proofward.report.tracked_run import TrackedRun, Value
from proofward.report.trackers import TRACKERS, TrackerUnavailable, write_new

RUN = TrackedRun(
    "A trial", b"\x07" * 32, {"network": "4-4-2", "rounds": "3"},
    (Value("held_out/auc", 2, 0.75), Value("held_out/auc", 1, 0.5), Value("hospitals/summed", 1, 3.0, 1234.5)), False,
)  # fmt: skip
NEXT = replace(RUN, values=(*RUN.values, Value("hospitals/summed", 2, 4.0)), over=True)


def scalars(folder):
    """(name, step, value) of all event files, and the texts' names."""
    events = pytest.importorskip("tensorboardX.proto.event_pb2")
    found, texts = [], []
    for path in sorted(folder.rglob("events.out.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            event = events.Event.FromString(data[at + 12 : at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.append((value.tag, event.step, value.simple_value, event.wall_time))
                else:
                    texts.append(value.tag.removesuffix("/text_summary"))
    return found, texts


def test_tensorboard_gets_every_number_once_whatever_starts_again(tmp_path):
    pytest.importorskip("tensorboardX", reason="the extra [tensorboard] is not installed")
    for run, expected in ((RUN, 3), (RUN, 0), (NEXT, 1), (NEXT, 0)):
        writer = TRACKERS["tensorboard"](str(tmp_path), run)
        assert write_new(writer, run) == expected
        writer.close()
    found, texts = scalars(tmp_path)
    assert sorted(entry[:3] for entry in found) == [
        ("held_out/auc", 1, 0.5), ("held_out/auc", 2, 0.75), ("hospitals/summed", 1, 3.0), ("hospitals/summed", 2, 4.0)
    ]  # fmt: skip
    assert next(moment for name, step, _, moment in found if (name, step) == ("hospitals/summed", 1)) == 1234.5
    assert texts == ["network", "rounds"]
    assert [path.name for path in tmp_path.iterdir()] == ["07" * 8]


def test_mlflow_gets_every_number_once_whatever_starts_again(tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="the extra [mlflow] is not installed")
    for run, expected in ((RUN, 3), (RUN, 0), (NEXT, 1)):
        writer = TRACKERS["mlflow"](str(tmp_path), run)
        assert write_new(writer, run) == expected
        writer.close()
    client = mlflow.MlflowClient(tracking_uri=tmp_path.as_uri())
    (found,) = client.search_runs([client.get_experiment_by_name("A trial").experiment_id])
    assert found.data.params == RUN.settings and found.data.tags["proofward.consortium"] == "07" * 32
    history = client.get_metric_history(found.info.run_id, "hospitals/summed")
    assert sorted((point.step, point.value) for point in history) == [(1, 3.0), (2, 4.0)]


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("proofward.report.trackers.find_spec", lambda package: None)
    for kind in TRACKERS:
        with pytest.raises(TrackerUnavailable, match=rf"pip install 'proofward\[{kind}\]'"):
            TRACKERS[kind](str(tmp_path), RUN)
    assert list(tmp_path.iterdir()) == []


def test_seconds_of_a_log_are_means_by_round_and_damaged_lines_are_passed_over(tmp_path):
    def line(kind, number, seconds, second):
        moment = f"2026-01-01T00:00:{second:02}.000Z"
        return json.dumps({"time": moment, "kind": kind, "round": number, "seconds": seconds})

    (tmp_path / "log.jsonl.1").write_text("\n".join([line("proved", 1, 2.0, 1), "{", "[1]", line("recorded", 1, 9.0, 2)]))
    wrong = ['{"time": "x", "kind": "proved", "round": 1, "seconds": 1}', line("proved", 1 << 40, 1.0, 9), '{"kind": "proved"}']
    lines = [line("proved", 1, 4.0, 3), line("verified", 2, 0.5, 4), *wrong]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    (found,) = tracked_run._of_log(tmp_path / "log.jsonl")
    assert (found.name, found.round, found.value) == ("seconds/proving", 1, 3.0)  # round 2 is not through
    assert found.time == 1767225603.0
    assert list(tracked_run._of_log(tmp_path / "none")) == []
