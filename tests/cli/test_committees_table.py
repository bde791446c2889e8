"""[committees] of consortium.toml: read, completed, written, in the terms and their words, and what is refused."""

from __future__ import annotations

import json

import pytest

from proofward.cli.evidence.ledgers.audit_words import screen, to_document
from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.committees import CommitteesTable
from proofward.cli.project.tables.table import ProjectError
from proofward.cli.project.words.terms import in_words
from proofward.cli.run.consortium_check import consortium_check
from proofward.cli.run.simulate import plan_of_project
from proofward.engines.remote.agreement.terms import Terms
from proofward.engines.run_folder import RunFolder
from proofward.federation.history.history import History
from proofward.federation.messages.consortium.committees import Committees
from proofward.federation.messages.consortium.thresholds import committees_in_words
from proofward.federation.parties.auditor import _in_words
from proofward.report.audits.audit_summary import AuditSummary
from tests.cli.own_tables import HOSPITALS, write_project


def written(folder, table: str):
    path = write_project(folder)
    path.write_text(path.read_text().replace("[model]", f"[committees]\n{table}\n[model]"))
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The path of a file with committees; of its three hospitals one may be corrupt, of four verifiers one."""
    return written(tmp_path_factory.mktemp("drawn"), "corrupt = 20\nabsent = 0")


def test_the_least_committees_are_in_the_rules_and_in_the_plan_of_a_simulation(drawn):
    project = read_project(drawn)
    terms = Terms.from_bytes(project.terms().data)
    rules = terms.check()
    assert len(HOSPITALS) == 3 and rules.committees == Committees(20, 0, holders=3, sample=2)
    assert (rules.config.holders, rules.config.threshold, rules.collusion, rules.abandonments) == (3, 1, 1, 2)
    assert type(rules).from_bytes(rules.data) == rules and b"committees" in rules.data
    plan = plan_of_project(project, drawn)
    assert plan.committees == rules.committees


def test_an_empty_table_turns_committees_on_with_all_that_is_usual(tmp_path):
    project = read_project(written(tmp_path, ""))
    assert project.committees == CommitteesTable().completed(3, 4)


def test_a_simulation_has_the_rules_of_the_kits(drawn, tmp_path):
    project = read_project(drawn)
    folder = RunFolder(tmp_path, b"s")
    rules = folder.rules(plan_of_project(project, drawn))
    assert rules == project.terms().rules({member.name: member.key for member in rules.members})


def test_rules_without_committees_have_the_bytes_that_they_had(tmp_path):
    rules = read_project(write_project(tmp_path)).terms().check()
    assert rules.committees is None and b"committees" not in rules.data and rules.bounds == ()


def test_who_joins_is_told_the_bounds(drawn):
    project = read_project(drawn)
    terms = project.terms()
    told = "\n".join(in_words(terms, ("fl.example.org",), 8002))
    assert "a committee of 3 hospitals, drawn for each round, holds the shares of its keys; 1 of them" in told
    assert "2 verifiers, drawn for each proof of a round, judge it" in told
    assert "more than 1 of a round's holders, 3 at most, are corrupt: never (at most 2^-40)" in told
    assert "all verifiers of a proof, 2 at least, are corrupt: never (at most 2^-40)" in _in_words(terms.check())
    assert set(committees_in_words(terms.check())) <= set(told.split("\n"))


def test_an_audit_shows_who_was_drawn(drawn):
    rules = read_project(drawn).terms().check()
    summary = AuditSummary([], History(rules))
    shown, document = "\n".join(screen(summary, None)), to_document(summary)
    assert all(line in shown for line in committees_in_words(rules))
    assert document["committees"] == list(committees_in_words(rules)) != []


def test_a_table_is_written_as_it_was_completed(drawn, tmp_path):
    project = read_project(drawn)
    text = project_text(project)
    assert "# more than 1 of a round's holders, 3 at most, are corrupt: never (at most 2^-40)" in text
    (tmp_path / "again.toml").write_text(text)
    assert read_project(tmp_path / "again.toml") == project


def test_a_check_of_the_file_tells_the_bounds(drawn, capsys):
    with pytest.raises(SystemExit) as ended:
        consortium_check.main([str(drawn), "--json"], standalone_mode=False)
    assert ended.value.code == 0
    lines = json.loads(capsys.readouterr().out)["committees"]
    assert any("fewer than 2 of them are honest and present: never" in line for line in lines)


@pytest.mark.parametrize(
    ("table", "holders", "sample"),
    [
        ('holders = "all"', 0, 2),
        ('verification = "all"\nabsent = 0', 3, 0),
        ("size = 3\nthreshold = 1\nsample = 3\nabsent = 0", 3, 3),
    ],
)
def test_parts_of_a_table(tmp_path, table, holders, sample):
    rules = read_project(written(tmp_path, table)).terms().check()
    assert (rules.committees.holders, rules.committees.sample) == (holders, sample)
    assert rules.config.holders == 3 and rules.draws_holders is (holders > 0)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('holders = "some"', "committees.holders: expected one of all, drawn"),
        ('holders = "all"\nverification = "all"', "a committee of holders, or of verifiers"),
        ("size = 4", "size and threshold together, or neither"),
        ('holders = "all"\nsize = 4\nthreshold = 1', 'holders = "drawn" for size'),
        ('verification = "all"\nsample = 1', 'verification = "sampled" for sample'),
        ("corrupt = 70", "shares with which some of 3 hospitals can hold keys"),
        ("corrupt = 100", r"committees.corrupt: expected an integer in \[0, 99\]"),
        ("share = 1", "committees.share: expected one of corrupt"),
    ],
)
def test_rejects_a_table_that_makes_no_sense(tmp_path, table, words):
    project, problems = read_whole_project(written(tmp_path, table))
    assert project is None
    with pytest.raises(ProjectError, match=words):
        raise problems[0]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("sample = 1", "all verifiers of a proof, 1 at least, are corrupt: 2\\^-2.0"),
        ("size = 2\nthreshold = 1", "fewer than 2 of them are honest and present: 2\\^-0.6"),
        ("absent = 0\nunsafe = true", "false where all bounds are below the policy"),
    ],
)
def test_rejects_bounds_above_the_policy_unless_the_file_says_unsafe(tmp_path, table, words):
    with pytest.raises(ProjectError, match=words):
        read_project(written(tmp_path, table)).terms()
    if "unsafe" not in table:
        rules = read_project(written(tmp_path, f"{table}\nunsafe = true")).terms().check()
        assert rules.committees.unsafe and not all(bound.kept for bound in rules.bounds)
        assert "UNSAFE: " in _in_words(rules)


def test_rejects_another_threshold_than_follows_from_the_corrupt(tmp_path):
    path = written(tmp_path, "absent = 0")
    path.write_text(path.read_text().replace("[model]", "[policy]\nthreshold = 2\n[model]"))
    with pytest.raises(ProjectError, match=r"policy.threshold: expected 1, which follows from \[committees\]"):
        read_project(path)


def test_the_usual_table_is_that_of_the_design():
    made = CommitteesTable().completed(5000, 200)
    assert (made.size, made.threshold, made.sample) == (120, 58, 16)
    assert (made.collusion(5000), made.abandonments(5000)) == (1000, 3500)
