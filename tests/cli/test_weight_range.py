"""The range of weights in [scales]: in the rules, written out again, refused in words, taken out by a command."""

from __future__ import annotations

import tomllib

import pytest

from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.consortium_file.written_scales import with_scales as with_written
from proofward.layers.rules.model import FixedPoint
from tests.cli.own_tables import write_project
from tests.cli.test_own_scales import with_scales

TABLE = "[scales]\nweight_range_bits = 26\n"


def test_a_range_is_in_the_rules_and_written_out_again(tmp_path):
    usual = read_project(write_project(tmp_path)).terms()
    project = read_project(with_scales(tmp_path, TABLE))
    own = project.terms()
    assert own.round_config.scales == FixedPoint(weight_range_bits=26) and own.round_config.weight_limit == 1 << 26
    assert usual.digest != own.digest
    text = project_text(project)
    assert "\nweight_range_bits = 26  # weights end at 2^this in units, " in text
    (tmp_path / "again.toml").write_text(text)
    assert read_project(tmp_path / "again.toml") == project


def test_a_range_of_0_is_none(tmp_path):
    """The rules are those without, and say nothing of it."""
    usual = read_project(write_project(tmp_path)).terms()
    project = read_project(with_scales(tmp_path, "[scales]\nweight_range_bits = 0\n"))
    assert project.terms() == usual and "weight_range_bits" not in project.config().scales.to_dict()
    assert "\nweight_range_bits = 0  # " in project_text(project)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("weight_range_bits = 1", "scales.weight_range_bits: expected 0, or 2 to 30, found 1"),
        ("weight_range_bits = 31", "scales.weight_range_bits: expected 0, or 2 to 30, found 31"),
        ("weight_bits = 20\nweight_range_bits = 27", "scales.weight_range_bits: expected 0, or 2 to 26, found 27"),
        ("weight_range_bits = 37", "scales.weight_range_bits: expected an integer in [0, 36], found 37"),
        ("weight_range_bits = -1", "scales.weight_range_bits: expected an integer in [0, 36], found -1"),
        ("weight_range_bits = true", "scales.weight_range_bits: expected an integer in [0, 36]"),
        ("weight_range_bits = 24.0", "scales.weight_range_bits: expected an integer in [0, 36]"),
        ("weight_range_bits = [24]", "scales.weight_range_bits: expected an integer in [0, 36]"),
    ],
)
def test_ranges_that_are_none_are_refused(tmp_path, table, said):
    _, found = read_whole_project(with_scales(tmp_path, f"[scales]\n{table}\n"))
    assert any(said in str(problem) for problem in found), found


def test_a_command_takes_a_range_out_that_its_scales_do_not_have():
    text = b"a = 1\n[scales]\nweight_bits = 24\nweight_range_bits = 26\n[x]\n"
    for values in ({"weight_bits": 23}, {"weight_bits": 23, "weight_range_bits": 25}):
        after = with_written(text, values).decode()
        assert tomllib.loads(after) == {"a": 1, "scales": values, "x": {}}
