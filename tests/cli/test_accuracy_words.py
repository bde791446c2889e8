"""The forecast that `consortium init` makes of what noise costs."""

from __future__ import annotations

from unittest import mock

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.words.accuracy import about_accuracy
from tests.cli.test_privacy_table import OPTIONS, written


def test_init_forecasts_what_noise_costs_by_the_shape_of_the_table(tmp_path, proofward):
    said = proofward("consortium", "init", tmp_path / "c", *OPTIONS, "--epsilon", 3).stdout
    assert "forecast by drawn tables of this shape" in said and "no forecast" not in said
    whole = ("--epsilon", 3, "--granularity", "hospital")
    said = proofward("consortium", "init", tmp_path / "d", *OPTIONS, *whole).stdout
    assert "no forecast of accuracy" in said


def test_the_forecast_clips_adds_noise_and_trains_as_the_rules_say(tmp_path):
    asked = []
    for clip in (1, 4):
        (folder := tmp_path / str(clip)).mkdir()
        project = read_project(written(folder, f"epsilon = 3\nclip = {clip}\n[validation]\nshare = 0.2"))
        with mock.patch("proofward.privacy.forecast.forecast", lambda *args: asked.append(args)):
            about_accuracy(project, project.terms())
    (_, _, _, bound, noise, _, rounds), (_, _, _, four_bounds, four_noises, *_) = asked
    assert (bound, four_bounds) == (1, 4) and four_noises == 4 * noise > 0
    rules = project.terms().check()
    assert rounds == rules.training_rounds < rules.rounds
