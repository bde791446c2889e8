"""[scales] of consortium.toml and of a preset's file: in the rules, written out again, refused with remedies."""

from __future__ import annotations

import pytest

from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.words.terms import in_words
from proofward.layers.rules.model import FixedPoint
from tests.cli.own_tables import write_project

FINER = FixedPoint(5, 9, 24, 11, 10, 9, 13)
TABLE = "[scales]\n" + "\n".join(f"{name} = {value}" for name, value in FINER.to_dict().items()) + "\n"


def with_scales(folder, table=TABLE, **values):
    path = write_project(folder, **values)
    path.write_text(path.read_text().replace("[label]", table + "[label]"))
    return path


def test_scales_are_in_the_rules_and_change_the_fingerprint(tmp_path):
    usual = read_project(write_project(tmp_path)).terms()
    own = read_project(with_scales(tmp_path)).terms()
    assert (usual.round_config.scales, own.round_config.scales) == (FixedPoint(), FINER)
    assert usual.digest != own.digest and usual.round_config.digest() != own.round_config.digest()
    said = "\n".join(in_words(own, ["localhost"], 1))
    assert "fixed point: 5 bits behind the point of values, 9 of gradients, 24 of weights; values up to 64" in said
    assert "fixed point" not in "\n".join(in_words(usual, ["localhost"], 1))


def test_the_usual_scales_written_out_are_the_same_rules(tmp_path):
    bare = read_project(write_project(tmp_path)).terms()
    table = "[scales]\nactivation_bits = 6\ngradient_bits = 8\nweight_bits = 24\n"
    assert read_project(with_scales(tmp_path, table)).terms() == bare


def test_a_file_is_written_as_it_was_read(tmp_path):
    project = read_project(with_scales(tmp_path))
    (tmp_path / "again.toml").write_text(project_text(project))
    assert read_project(tmp_path / "again.toml") == project
    assert "[scales]" not in project_text(read_project(write_project(tmp_path)))


def test_a_presets_scales_are_written_out_and_in_the_rules(proofward, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('summary = "s"\nfeatures = 4\n[model]\nhidden = [3]\n[training]\nlearning_rate = 0.0625\n'
                   "batch = 16\nsteps = 2\nclip_bound = 2\n" + TABLE)  # fmt: skip
    arguments = ("--no-dp", "--title", "T", "--server", "localhost", "--hospital", "a", "--hospital", "b", "--hospital", "c",
                 "--verifier", "a", "--preset", own, "--draft")  # fmt: skip
    assert proofward("consortium", "init", tmp_path / "c", *arguments).exit_code == 0
    path = tmp_path / "c" / "consortium.toml"
    assert read_project(path).config().scales == FINER
    assert "\ngradient_bits = 9  # behind the point of gradients\n" in path.read_text()


def test_everything_that_is_wrong_is_listed_at_once(tmp_path):
    project, found = read_whole_project(with_scales(tmp_path, "[scales]\nbits = 3\ntable_bits = 23\nweight_bits = 'x'\n"))
    assert project is None
    assert [str(problem).partition(":")[0] for problem in found] == [
        "scales.bits", "scales.table_bits", "scales.weight_bits",
    ]  # fmt: skip
    _, found = read_whole_project(with_scales(tmp_path, "[scales]\nweight_bits = 12\nactivation_range_bits = 14\n"))
    assert [str(problem) for problem in found] == [
        "scales.weight_bits: expected activation_bits + gradient_bits or more, in [14, 30], such as 24, found 12",
        "scales.activation_range_bits: expected at most 12, or table_bits = 14 or more, found 14",
    ]


@pytest.mark.slow
def test_scales_of_which_no_round_can_be_proved_are_refused_with_remedies(proofward, tmp_path):
    wide = "[scales]\nactivation_range_bits = 20\ngradient_range_bits = 19\ntable_bits = 20\n"
    path = with_scales(tmp_path, wide, hidden="[4]")
    problem = proofward.json("consortium", "check", path)["problems"][0]
    assert problem.startswith("model and training: expected settings of which every round can be proved")
    assert "the usual scales, without [scales]" in problem


@pytest.mark.parametrize("weight_bits", [23, 25])
def test_a_trusted_first_model_has_the_usual_scale(tmp_path, weight_bits):
    table = f"[scales]\nweight_bits = {weight_bits}\n"
    path = with_scales(tmp_path, table, more='trusted_first_model = "first.safetensors"')
    _, found = read_whole_project(path)
    assert [str(problem).partition(",")[0] for problem in found] == [
        "scales.weight_bits: expected 24 with a trusted_first_model"
    ]


LISTS = "[scales]\nactivation_ranges = [10]\ngradient_ranges = [8]\n"


def test_ranges_of_layers_are_in_the_rules_and_written_out_again(tmp_path):
    project = read_project(with_scales(tmp_path, LISTS, hidden="[4]"))
    own = project.terms()
    assert own.round_config.scales == FixedPoint(activation_ranges=(10,), gradient_ranges=(8,))
    said = "\n".join(in_words(own, ["localhost"], 1))
    assert "of the hidden layers in order, values up to 16; gradients below 3\n" in said
    text = project_text(project)
    assert "\nactivation_ranges = [10]  # of each hidden layer in place of activation_range_bits\n" in text
    (tmp_path / "again.toml").write_text(text)
    assert read_project(tmp_path / "again.toml") == project
    usual = read_project(with_scales(tmp_path, "[scales]\nactivation_ranges = [12]\n", hidden="[4]")).terms()
    assert usual == read_project(write_project(tmp_path, hidden="[4]")).terms()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("activation_ranges = [10, 9]", "scales.activation_ranges: expected a list of 1, one for each hidden layer"),
        ("gradient_ranges = []", "scales.gradient_ranges: expected a list of 1, one for each hidden layer"),
        ("gradient_ranges = [9, 'x']", "scales.gradient_ranges: expected a list of integers in [1, 21]"),
        ("activation_ranges = 10", "scales.activation_ranges: expected a list of integers in [2, 22]"),
        ("activation_ranges = [23]", "scales.activation_ranges: expected a list of integers in [2, 22]"),
        ("gradient_ranges = [22]", "scales.gradient_ranges: expected a list of integers in [1, 21]"),
    ],
)
def test_ranges_that_are_none_are_refused(tmp_path, table, said):
    _, found = read_whole_project(with_scales(tmp_path, f"[scales]\n{table}\n", hidden="[4]"))
    assert any(said in str(problem) for problem in found), found
