"""[aggregation] of consortium.toml: the server's optimizer in the terms, in words, and what is refused."""

from __future__ import annotations

import pytest

from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.table import ProjectError
from proofward.cli.project.words.terms import in_words
from proofward.cli.run.simulate import plan_of_project
from proofward.engines.remote.agreement.terms import Terms
from proofward.layers.averaging.weighting import CAPPED, ROOT, Weighting
from proofward.optimizers.fedadam import FedAdam
from proofward.optimizers.fedavg import FedAvg
from proofward.optimizers.fedavgm import FedAvgM
from tests.cli.own_tables import write_project

ADAM = 'optimizer = "fedadam"\nrate = 0.03\nbeta2 = 0.999\nepsilon = 1e-3'


def written(folder, table: str, **changes):
    path = write_project(folder, **changes)
    path.write_text(path.read_text().replace("[model]", f"[aggregation]\n{table}\n[model]"))
    return path


def test_the_optimizer_is_in_the_terms_and_in_the_plan_of_a_simulation(tmp_path):
    usual = read_project(write_project(tmp_path)).terms()
    assert usual.round_config.optimizer == FedAvg() and b"optimizer" not in usual.config
    path = written(tmp_path, ADAM)
    project = read_project(path)
    expected = FedAdam(rate=30_000, beta2=999_000)
    terms = Terms.from_bytes(project.terms().data)
    assert terms.round_config.optimizer == expected and terms.digest != usual.digest
    assert plan_of_project(project, path).config.optimizer == expected
    told = "\n".join(in_words(terms, ("fl.example.org",), 8002))
    assert "next model by FedAdam, rate 0.03, beta1 0.9, beta2 0.999, epsilon 0.001" in told
    assert "next model" not in "\n".join(in_words(usual, ("fl.example.org",), 8002))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", FedAvg()),
        ('optimizer = "fedavg"', FedAvg()),
        ('optimizer = "fedavgm"\nrate = 2\nmomentum = 0.95', FedAvgM(2_000_000, 950_000)),
        (ADAM, FedAdam(rate=30_000, beta2=999_000)),
    ],
)
def test_a_table_is_written_as_it_was_read(tmp_path, table, expected):
    project = read_project(written(tmp_path, table))
    assert project.optimizer == expected
    (tmp_path / "again.toml").write_text(project_text(project))
    assert read_project(tmp_path / "again.toml") == project


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('optimizer = "fedyogi"', "aggregation.optimizer: expected one of fedavg, fedavgm, fedadam"),
        ("optimizer = 3", "aggregation.optimizer: expected one of fedavg"),
        ("rate = 1", "aggregation.rate: expected one of optimizer, weighting, cap, found an unknown key"),
        (
            'optimizer = "fedavgm"\nbeta1 = 0.5',
            "aggregation.beta1: expected one of optimizer, rate, momentum",
        ),
        (
            'optimizer = "fedavgm"\nmomentum = 1',
            "aggregation.momentum: expected a multiple of 0.000001 in [0, 0.999999]",
        ),
        (
            'optimizer = "fedavgm"\nmomentum = 0.1234567',
            "aggregation.momentum: expected a multiple of 0.000001",
        ),
        (
            'optimizer = "fedavgm"\nrate = nan',
            "aggregation.rate: expected a multiple of 0.000001 in [0.000001, 1000]",
        ),
        (
            'optimizer = "fedadam"\nepsilon = 0',
            "aggregation.epsilon: expected a multiple of 0.000001 in [0.000001, 1]",
        ),
        ('optimizer = "fedadam"\nrate = true', "aggregation.rate: expected a multiple"),
    ],
)
def test_other_tables_are_refused(tmp_path, table, words):
    project, problems = read_whole_project(written(tmp_path, table))
    assert project is None and any(words in str(problem) for problem in problems), problems


def test_bounds_that_do_not_hold_are_refused_with_values_that_would_do(tmp_path):
    project = read_project(written(tmp_path, ADAM, clip_bound=100))
    with pytest.raises(
        ProjectError, match=r"aggregation: expected a smaller rate.*clip_bound of at most 63\.99"
    ):
        project.config()


@pytest.mark.slow
def test_check_and_inspection_name_the_optimizer(proofward, tmp_path):
    path = written(tmp_path, ADAM)
    said = proofward("consortium", "check", path).stdout
    assert "the next model by FedAdam, rate 0.03" in said and "first moment and second moment" in said


@pytest.mark.parametrize(
    ("table", "expected", "words"),
    [
        ('weighting = "root"', Weighting(ROOT), "an update weighs the square root of its number of records"),
        ('weighting = "capped"\ncap = 40', Weighting(CAPPED, 40), "of 40 at most"),
    ],
)
def test_what_an_update_weighs_is_in_the_terms(tmp_path, table, expected, words):
    path = written(tmp_path, table)
    project = read_project(path)
    terms = Terms.from_bytes(project.terms().data)
    assert terms.round_config.weighting == expected
    assert plan_of_project(project, path).config.weighting == expected
    assert words in "\n".join(in_words(terms, ("fl.example.org",), 8002))
    (tmp_path / "again.toml").write_text(project_text(project))
    assert read_project(tmp_path / "again.toml") == project


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('weighting = "votes"', "aggregation.weighting: expected one of records, capped, root"),
        ('weighting = "capped"', "aggregation.cap: expected an integer in [1, 16777216]"),
        ("cap = 40", "aggregation.cap: expected none where the rule is records"),
    ],
)
def test_another_weighting_is_refused(tmp_path, table, words):
    with pytest.raises(ProjectError) as caught:
        read_project(written(tmp_path, table))
    assert words in str(caught.value)
