"""[validation] of consortium.toml: read, written, refused, in the terms, and who may be evaluated apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.cli.project.consortium_file.evaluated_rounds import agreed_rounds
from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.counting_costs import counting_costs
from proofward.cli.project.inspected import project_costs
from proofward.cli.project.tables.validation import ValidationTable
from proofward.cli.project.words.costs import cost_lines
from proofward.cli.project.words.terms import in_words
from proofward.cli.run.simulate import plan_of_project
from proofward.data.columns.subgroups import Subgroup
from proofward.engines.remote.agreement.terms import Terms
from proofward.engines.run_folder import RunFolder
from proofward.federation.messages.consortium.rules import RulesError
from proofward.relations.proofs.measure import blank_evaluation, evaluation_plan
from proofward.relations.scores.stopping import Stopping
from tests.cli.own_tables import write_project

STAIN = """
[[feature]]
name = "stain"
kind = "category"
levels = ["HE", "IHC"]
other = true
"""


def written(folder, table: str, more: str = ""):
    path = write_project(folder)
    path.write_text(path.read_text().replace("[model]", f"[validation]\n{table}\n[model]") + more)
    return path


def problem(path) -> str:
    project, problems = read_whole_project(path)
    assert project is None
    return "\n".join(map(str, problems))


def test_what_a_proved_evaluation_costs_is_told(tmp_path):
    project = read_project(written(tmp_path, "share = 0.2\nproved = true"))
    (costs,) = counting_costs(project, 100)
    config, _, (counting,) = agreed_rounds(project)
    assert counting.proved and costs.plan == evaluation_plan(blank_evaluation(config, counting, 100))
    signed = counting_costs(read_project(written(tmp_path, "share = 0.2\nproved = false")), 100)[0]
    assert signed.plan.values < costs.plan.values


def test_the_share_is_in_the_rules_and_only_where_it_is_given(tmp_path):
    usual = read_project(write_project(tmp_path))
    assert usual.validation is None and b"validation" not in usual.terms().data
    path = written(tmp_path, "share = 0.2")
    project = read_project(path)
    assert project.validation == ValidationTable(200_000, 1, 32, 10, ())
    config = project.terms().round_config
    assert config.training.validation_share == 200_000
    assert config.least_rows == 20 and usual.config().least_rows == 16  # one batch of 16 beside a fifth
    assert plan_of_project(project, path).config == config
    told = "\n".join(in_words(project.terms(), ("fl.example.org",), 8002))
    assert "20 % of each hospital's rows, drawn by the beacon, are never trained on" in told
    assert "never trained on" not in "\n".join(in_words(usual.terms(), ("fl.example.org",), 8002))
    lines = list(cost_lines(project_costs(project, 100, True)))
    assert "validation part: 20 of the records, so that 80 are trained on" in lines


@pytest.mark.parametrize(("table", "expected"), [
    ("share = 0.5", ValidationTable(500_000)),
    ('share = 0.125\nevery = 3\nbins = 64\nleast_count = 5\nsubgroups = ["stain"]',
     ValidationTable(125_000, 3, 64, 5, ("stain",))),
    ('share = 0.2\nfigure = "brier"', ValidationTable(200_000, figure="brier")),
    ('share = 0.2\nfigure = "auc"\nstop_after = 3\nleast_gain = 0.001',
     ValidationTable(200_000, figure="auc", stop_after=3, least_gain=1000)),
])  # fmt: skip
def test_a_table_is_written_as_it_was_read(tmp_path, table, expected):
    project = read_project(written(tmp_path, table, STAIN))
    assert project.validation == expected
    (tmp_path / "again.toml").write_text(project_text(project))
    assert read_project(tmp_path / "again.toml") == project


@pytest.mark.parametrize(("table", "words"), [
    ("every = 2", "validation.share: expected a multiple of 0.000001 above 0 and up to 0.5, found nothing"),
    ("share = 0", "validation.share: expected a multiple of 0.000001 above 0 and up to 0.5, found 0"),
    ("share = 0.6", "found 0.6"),
    ('share = "a fifth"', "found 'a fifth'"),
    ("share = 0.1234567", "found 0.1234567"),
    ("share = 0.2\nevery = 0", "validation.every: expected an integer in [1, "),
    ("share = 0.2\nbins = 1", "validation.bins: expected an integer in [2, 1024]"),
    ("share = 0.2\nleast_count = 0", "validation.least_count: expected an integer in [1, "),
    ("share = 0.2\nseed = 1", "validation.seed: expected one of share, every, bins, least_count, subgroups"),
    ('share = 0.2\nsubgroups = ["stain", "stain"]', "validation.subgroups: expected distinct names"),
    ("share = 0.2\nstop_after = 3", "validation.figure: expected one of auc, brier, accuracy, found nothing"),
    ("share = 0.2\nleast_gain = 0.1", "validation.figure: expected one of auc, brier, accuracy, found nothing"),
    ('share = 0.2\nfigure = "loss"', "found 'loss'"),
    ("share = 0.2\nfigure = 3", "validation.figure: expected one of auc, brier, accuracy, found 3"),
    ('share = 0.2\nfigure = "auc"\nstop_after = -1', "validation.stop_after: expected an integer in [0, "),
    ('share = 0.2\nfigure = "auc"\nleast_gain = 0.0000001', "least_gain: expected a multiple of 0.000001"),
    ('share = 0.2\nfigure = "auc"\nleast_gain = 2', "least_gain: expected a multiple of 0.000001 in [0, 1]"),
    ('share = 0.2\nsubgroups = ["marker 1"]', "columns with kind = category (stain), found marker 1"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(tmp_path, table, words):
    assert words in problem(written(tmp_path, table, STAIN))


def test_subgroups_are_read_from_the_records(tmp_path):
    found = read_project(written(tmp_path, 'share = 0.2\nsubgroups = ["stain"]', STAIN)).subgroups
    assert found == (Subgroup("stain", ("HE", "IHC", "(other)"), 12),)
    records = np.zeros((4, 15), dtype=np.int64)
    records[[0, 1, 2], [12, 14, 13]] = 64
    assert list(found[0].of(records)) == [0, 2, 1, -1]


def test_the_rule_on_stopping_is_in_the_rules_and_only_where_it_is_given(tmp_path):
    usual = read_project(written(tmp_path, "share = 0.2"))
    assert usual.terms().stops is None and b"stop_after" not in usual.terms().check().data
    path = written(tmp_path, 'share = 0.2\nfigure = "auc"\nstop_after = 3\nleast_gain = 0.001')
    terms = read_project(path).terms()
    assert terms.stops == Stopping("auc", 3, 1000) == terms.check().stopping
    assert Terms.from_bytes(terms.data).stops == terms.stops
    assert plan_of_project(read_project(path), path).stopping == terms.stops
    told = "\n".join(in_words(terms, ("fl.example.org",), 8002))
    assert "by AUC of the evaluations; the end after 3 in a row" in told
    with pytest.raises(RulesError, match="a rule on stopping"):
        replace(terms, stopping=b"\xa0").check()


def test_evaluations_come_behind_rounds_of_training():
    table = ValidationTable(200_000, every=4)
    assert table.evaluated_after(10) == (4, 8, 10)
    assert table.counting_rounds(10) == (5, 10, 13)
    assert ValidationTable(1).counting_rounds(3) == (2, 4, 6)
    assert ValidationTable(1, every=9).evaluated_after(3) == (3,)
    before = replace(table, first=True)
    assert before.evaluated_after(10) == (0, 4, 8, 10) and before.counting_rounds(10) == (1, 6, 11, 14)
    numbers = [before.round_among_all(number, 10) for number in range(1, 11)]
    assert sorted([*numbers, *before.counting_rounds(10)]) == list(range(1, 15))
    every = {table.round_among_all(number, 10): number for number in range(1, 11)}
    assert sorted([*every, *table.counting_rounds(10)]) == list(range(1, 14)) and every[6] == 5


def test_rates_of_a_schedule_are_those_of_the_rounds_of_training_whatever_rounds_count(tmp_path):
    path = written(tmp_path, "share = 0.2\nevery = 2")
    text = path.read_text().replace("rounds = 2", "rounds = 7")
    schedule = 'schedule = { kind = "list", rates = [[3, 0.03125], [4, 0.015625], [7, 0.0625]] }'
    path.write_text(text.replace("batch = 16", f"batch = 16\n{schedule}"))
    rules = RunFolder(tmp_path / "run", b"seed").rules(plan_of_project(read_project(path), path))
    training = [number for number in range(1, rules.rounds + 1) if rules.counting_in(number) is None]
    assert [rules.config.training.in_round(number).rate for number in training] == [4, 4, 2, 1, 1, 1, 4]
