"""Network and training of one's own in consortium.toml, and presets as files that one may copy."""

from __future__ import annotations

import shutil

import pytest

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.layers.rules.model import Training
from proofward.models.presets import FOLDER, PRESET_FILES
from tests.cli.own_tables import write_project

pytest.importorskip("nvflare")
ARGUMENTS = ("--no-dp", "--title", "T", "--server", "localhost", "--hospital", "a", "--hospital", "b", "--hospital", "c",
             "--verifier", "a")  # fmt: skip


def test_own_network_and_training_are_in_the_terms(tmp_path):
    config = read_project(write_project(tmp_path, hidden="[16, 8]", clip_bound=1.5)).terms().round_config
    assert config.model.widths == (12, 16, 8, 2)
    assert (config.training, config.clip_bound) == (Training(rate=4, batch=16, steps=14), 1536)


@pytest.mark.slow
def test_momentum_is_in_the_terms_and_in_words(proofward, tmp_path):
    usual = read_project(write_project(tmp_path)).terms()
    path = write_project(tmp_path, momentum=0.9)
    project = read_project(path)
    assert project.terms().round_config.training == Training(rate=4, batch=16, steps=14, momentum=900_000)
    assert usual.round_config.training.momentum == 0 and b"momentum" not in usual.config
    assert "\nmomentum = 0.9  # of SGD" in project_text(project)
    (tmp_path / "again.toml").write_text(project_text(project))
    assert read_project(tmp_path / "again.toml") == project
    said = proofward("consortium", "check", path).stdout
    assert "14 steps in batches of 16 with momentum 0.9, proved as 16" in said


def test_a_file_is_written_as_it_was_read(tmp_path):
    project = read_project(write_project(tmp_path))
    (tmp_path / "again.toml").write_text(project_text(project))
    again = read_project(tmp_path / "again.toml")
    assert again == project and project_text(again) == project_text(project)
    assert "preset" not in project_text(project)


@pytest.mark.slow
def test_any_number_of_features_with_a_preset(proofward, tmp_path):
    path = write_project(tmp_path)
    text = path.read_text()
    start, end = text.index("[model]"), text.index("[[site]]")
    path.write_text(text[:start] + text[end:])
    assert read_project(path).setup.model.widths == (12, 32, 2)
    path.write_text('preset = "tiny"\n' + text[:start] + "[training]\nepochs = 2\n" + text[end:])
    project = read_project(path)
    assert (project.setup.model.widths, project.setup.training) == ((12, 4, 2), Training(4, 4, epochs=2))
    written = project_text(project)
    assert "\n# hidden = [4]" in written and "\nepochs = 2" in written and "steps = " not in written
    path.write_text(written.replace("# hidden = [4]", "hidden = [5]"))
    assert read_project(path).setup.model.widths == (12, 5, 2)
    assert "12 features: 12-5-2, 2 epochs of 4" in proofward("consortium", "init", tmp_path, "--draft").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden": "[0]"}, "model.hidden: expected widths in [1, 65536], found 0"),
        ({"batch": 12}, "training.batch: expected a power of two in [1, 65536], such as 8 or 16, found 12"),
        ({"learning_rate": 0.05}, "training.learning_rate: expected a multiple of batch / 1024"),
        ({"momentum": 1}, "training.momentum: expected a multiple of 0.000001 in [0, 0.99], found 1.0"),
        ({"momentum": '"high"'}, "training.momentum: expected a multiple of 0.000001 in [0, 0.99], found 'high'"),
        ({"clip_bound": -1}, "training.clip_bound: expected a multiple of 1/1024"),
        ({"epochs": 2}, "training: expected either epochs or steps"),
        ({"steps": 1_000_000}, "with the others as they are: steps at most"),
        ({"more": "hidden = [3]"}, "hidden: expected one of title, server"),
        ({"more": 'preset = "resnet"'}, "preset: expected one of brain, brain-pooled, cancercnn"),
    ],
)
def test_what_cannot_be_is_refused_before_there_are_kits(proofward, tmp_path, changes, words):
    path = write_project(tmp_path, **changes)
    for options in ((), ("--draft",)):
        result = proofward("consortium", "init", tmp_path, *options)
        assert result.exit_code == 1 and str(path) in result.stderr and words in result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["consortium.toml"]


def test_a_copied_preset_is_written_out(proofward, tmp_path):
    own = tmp_path / "own.toml"
    shutil.copy(FOLDER / "wdbc.toml", own)
    own.write_text(own.read_text().replace("features = 30", "features = 7").replace("[32]", "[9]"))
    result = proofward("consortium", "init", tmp_path / "c", *ARGUMENTS, "--preset", own, "--draft")
    assert result.exit_code == 0 and "placeholders" in result.stdout
    project = read_project(tmp_path / "c" / "consortium.toml")
    assert project.setup.model.widths == (7, 9, 2) and project.settings.complete
    own.write_text(own.read_text().replace("batch = 16", "batch = 15"))
    refused = proofward("consortium", "init", tmp_path / "d", *ARGUMENTS, "--preset", own, "--draft")
    assert refused.exit_code == 2 and "own.toml: training.batch" in refused.stderr
    nothing = proofward("consortium", "init", tmp_path / "d", *ARGUMENTS, "--preset", "no.toml")
    assert nothing.exit_code == 2 and "or a file like theirs" in nothing.stderr
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("command", [("consortium", "init"), ("demo",)])
def test_help_lists_the_presets(proofward, command):
    words = " ".join(proofward(*command, "--help").stdout.split())
    for name, entry in PRESET_FILES.items():
        assert f"{name} {entry.summary}" in words
    assert "preset_files" in words
