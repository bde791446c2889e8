"""`track` writes what a finished run says, once, and says in words what it cannot do."""

from __future__ import annotations

import pytest

from proofward.report.tracked_run import tracked_run


def test_a_finished_run_is_tracked_once(proofward, demo_run, tmp_path):
    pytest.importorskip("tensorboardX", reason="the extra [tensorboard] is not installed")
    first = proofward.json("track", demo_run[0], tmp_path / "board", "--to", "tensorboard", "--follow")
    assert (first["exit"], first["round"], first["over"]) == (0, 2, True)
    assert first["consortium"] == demo_run[1]["consortium"]
    found = tracked_run(demo_run[0])
    assert first["written"] == len(found.values) > 10
    by_name = {(value.name, value.round): value.value for value in found.values}
    assert by_name["hospitals/summed", 1] == by_name["hospitals/uploaded", 2] == 3
    assert by_name["model/norm_of_change", 1] > 0 and by_name["ledger/refusals", 2] == 0
    assert by_name["held_out/auc", 2] == pytest.approx(demo_run[1]["held_out"]["by_round"]["auc"][2])
    again = proofward.json("track", demo_run[0], tmp_path / "board", "--to", "tensorboard")
    assert (again["exit"], again["written"]) == (0, 0)


def test_what_is_no_federation_is_said(proofward, tmp_path):
    said = proofward("track", tmp_path, tmp_path / "board", "--to", "tensorboard")
    assert said.exit_code == 2 and "has no ledger" in said.output
