"""[privacy] of consortium.toml and the options of `consortium init`: read, written, refused, and in words."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from proofward.cli.common.answering import Refused
from proofward.cli.evidence.ledgers.audit_words import exactness, privacy_document, privacy_lines, screen
from proofward.cli.kit.records.data_file import DataFile
from proofward.cli.project.consortium_file.reading import project_of, read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.privacy_options import chosen_privacy
from proofward.cli.project.statistics_terms import statistics_project
from proofward.cli.project.tables.privacy import PrivacyTable, delta_in_words
from proofward.cli.project.words.terms import in_words, unusual
from proofward.dossier.sections.promises import not_shown, promises
from proofward.federation.history.history import History
from proofward.federation.parties.auditor import _in_words
from proofward.layers.averaging.weighting import ALL_ALIKE
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.presets import FOLDER, PRESET_FILES
from proofward.privacy import words
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.handover.models.model_card import _bounded
from proofward.report.privacy_so_far import privacy_so_far
from tests.cli.own_tables import write_project

OPTIONS = ("--title", "T", "--server", "localhost", "--hospital", "a", "--hospital", "b", "--hospital", "c",
           "--verifier", "a", "--verifier", "b")  # fmt: skip


def written(folder, table: str = "epsilon = 3", **training):
    path = write_project(folder, **{"steps": 1, "batch": 64, "full_batch": "true", **training})
    lines = [line for line in path.read_text().splitlines() if not line.startswith("clip_bound")]
    path.write_text("\n".join(lines).replace("[model]", f"[privacy]\n{table}\n[model]") + "\n")
    return path


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """A project of four hospitals with epsilon 3, completed."""
    return read_project(written(tmp_path_factory.mktemp("private")))


def test_the_noise_is_the_least_that_keeps_the_promise(private):
    terms = private.terms()
    privacy, accountant = terms.round_config.privacy, terms.accountant
    assert (privacy.releases, privacy.colluders, privacy.inverse_delta) == (20, private.threshold, 100_000)
    assert accountant.promised <= 3
    assert replace(accountant, privacy=replace(privacy, coarse_variance=privacy.coarse_variance - 1)).promised > 3
    assert terms.check().accountant == accountant
    again, problems = project_of(tomllib.loads(project_text(private)), None)
    assert not problems and again.terms() == terms


def test_every_key_reaches_the_rules(tmp_path):
    table = "epsilon = 8\ndelta = 1e-6\nclip = 0.5\nreleases = 31\nrecords_a_patient = 2\ncolluders = 0"
    privacy = read_project(written(tmp_path, table)).terms().round_config.privacy
    assert (privacy.clip_bits, privacy.releases, privacy.records_a_patient) == (-1, 31, 2)
    assert (privacy.colluders, privacy.inverse_delta) == (0, 10**6)
    large = unusual(read_project(written(tmp_path, "epsilon = 8\ndelta = 0.01")).config())
    assert large == ["unusual: delta 0.01 is too large for 100 records or more in all: the promise may fail for one of them"]
    assert read_project(written(tmp_path, table)).config().clip_bound == 1 << 9


def test_a_file_with_more_records_of_a_patient_than_agreed_is_refused(private, monkeypatch):
    config = private.terms().round_config
    table = SimpleNamespace(records=range(config.most_rows), patients=np.arange(config.most_rows) // 2)
    monkeypatch.setattr(DataFile, "at_scales", lambda *_: table)
    file, schema = DataFile(Path("a.csv")), SimpleNamespace(size=config.model.features)
    with pytest.raises(ConfigurationError, match="records_a_patient: expected at most 1 of one patient"):
        file.read(schema, config)
    assert file.read(schema, config, training=False) is table
    table.patients = None
    assert file.read(schema, config) is table


def test_to_say_that_there_is_none_changes_no_byte_of_the_terms(tmp_path):
    path = write_project(tmp_path)
    silent = read_project(path)
    path.write_text(path.read_text().replace("[model]", "[privacy]\nnone = true\n[model]"))
    said = read_project(path)
    assert said.terms() == silent.terms() and b"privacy" not in said.terms().data
    assert "[privacy]\nnone = true  # sums are exact" in project_text(silent)


@pytest.mark.parametrize(
    ("table", "training", "found"),
    [
        ("none = true\nepsilon = 3", {}, "privacy.none: expected nothing beside it"),
        ("delta = 1e-5", {}, "privacy.epsilon: expected a number"),
        ("epsilon = 0", {}, "privacy.epsilon: expected a number above 0"),
        ("epsilon = 0.01", {}, "by the most noise"),
        ("epsilon = 3\ndelta = 0.3", {}, "privacy.delta: expected a number in"),
        ("epsilon = 3\nclip = 3", {}, "privacy.clip: expected a power of two"),
        ("epsilon = 3\ncolluders = 4", {}, "privacy.colluders: expected fewer than"),
        ("epsilon = 3", {"momentum": 0.5}, "training.momentum: expected nothing beside [privacy]"),
        ("epsilon = 3", {"steps": 2}, "training.steps: expected nothing beside [privacy]"),
        ("epsilon = 3\nreleases = 1", {}, "privacy.releases: expected at least 2, one for each round"),
        ("epsilon = 3", {"full_batch": "false"}, "training.full_batch: expected true with [privacy]"),
        ("none = true", {}, "training.full_batch: expected false without [privacy]"),
        ("epsilon = 3\nreleases = 3\n[validation]\nshare = 0.2", {}, "privacy.releases: expected at least 4, one"),
        (f'epsilon = 3\n[statistics]\nledger = "{"0" * 64}"', {}, "privacy.exact_counts: expected true"),
    ],
)
def test_refuses_what_does_not_keep_a_promise(tmp_path, table, training, found):
    path = written(tmp_path, table, **training)
    project, problems = read_whole_project(path)
    if project is not None:
        with pytest.raises(ValueError, match=found.replace("[", r"\[")):
            project.terms()
        return
    assert found in "\n".join(map(str, problems))


def test_clipping_is_said_once(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text().replace("full_batch", "clip_bound = 2\nfull_batch"))
    assert "training.clip_bound: expected nothing beside [privacy]" in str(read_whole_project(path)[1][0])


def test_nothing_is_counted_before_training_unless_the_file_agrees_to_exact_counts(tmp_path):
    with pytest.raises(Refused, match="nothing was counted") as refused:
        statistics_project(written(tmp_path))
    assert "privacy.exact_counts: expected true" in refused.value.problems[0]
    agreed = statistics_project(written(tmp_path, "epsilon = 3\nexact_counts = true"))
    assert agreed.privacy.exact_counts and not agreed.notation.statistics


def test_counts_are_marked_where_the_file_agrees_to_them(tmp_path):
    project = read_project(written(tmp_path, "epsilon = 3\nexact_counts = true\n[validation]\nshare = 0.2"))
    terms = project.terms()
    assert "not private" in "\n".join(in_words(terms, ("localhost",), 1))
    history = History(terms.check())
    assert any("not private" in line for line in privacy_lines(history))
    assert privacy_document(history)["exact_counts"] is True


def test_terms_audit_and_report_say_what_is_promised_and_spent(private):
    rules = private.terms().check()
    history = History(rules)
    said = "\n".join(in_words(private.terms(), ("localhost",), 1))
    promise = "differential privacy of epsilon 3, delta 1e-05 for each record in all 20 releases"
    assert promise in said and "differ in one record, replaced by another" in said
    assert promise in _in_words(rules)
    history.releases.update({"a": 5, "b": 4})
    assert privacy_so_far(history) == [promise, words.spent(rules.accountant, 5)]
    lines = list(screen(AuditSummary([], history), None))
    spent = words.spent(rules.accountant, 5)
    assert spent.endswith("delta 1e-05 spent, by 5 of 20 releases")
    assert _bounded(rules.config).startswith("The gradient of each record is clipped to an L2 norm of 1.")
    assert any(promise in line for line in lines) and any(spent in line for line in lines)
    assert any("hospitals of a sum" in line or "one hospital of a sum" in line for line in lines)
    assert privacy_document(history)["spent"] == {"releases": 5, "epsilon": rules.accountant.spent(5)}
    found = SimpleNamespace(history=history, summary=AuditSummary([], history))
    assert spent in str(promises(found)) and "budgets of several add up" in str(not_shown(found))


def test_exact_sums_are_said_in_the_first_line_of_an_audit_and_in_the_report(tmp_path):
    terms = read_project(write_project(tmp_path)).terms()
    history = History(terms.check())
    assert "no differential privacy: sums are exact" in in_words(terms, ("localhost",), 1)
    assert "no differential privacy" in _in_words(terms.check())
    first = next(screen(AuditSummary([], history), None))
    assert first.endswith("Sums are exact: no differential privacy.") and not list(privacy_lines(history))
    assert privacy_so_far(history) == [words.NO_PRIVACY]
    assert privacy_document(history) is None and exactness(None) == ""
    found = SimpleNamespace(history=history, summary=AuditSummary([], history))
    assert "none: sums are exact" in str(promises(found)) and "they are exact" in str(not_shown(found))


def test_a_script_says_what_it_wants(proofward, tmp_path):
    folder = tmp_path / "c"
    for options, found in (
        ((), "--epsilon (such as 3) is missing, or --no-dp"),
        (("--epsilon", 3, "--no-dp"), "exclude each other"),
        (("--delta", 1e-6, "--no-dp"), "exclude each other"),
        (("--epsilon", 0), "privacy.epsilon"),
        (("--epsilon", 3, "--delta", 0.3), "privacy.delta"),
        (("--epsilon", 3, "--preset", "wide"), "as the presets logistic, tiny, wdbc have it"),
    ):
        refused = proofward("consortium", "init", folder, *OPTIONS, *options)
        assert refused.exit_code == 2 and found in refused.stderr and not folder.exists()
    assert proofward("consortium", "init", folder, *OPTIONS, "--epsilon", 3, "--preset", "tiny").exit_code == 0
    project = read_project(folder / "consortium.toml")
    assert (project.privacy.epsilon, project.preset, project.setup.training.full_batch) == (3.0, "tiny", True)
    said = proofward.json("status", folder / "kits" / "a")
    assert "differential privacy of epsilon 3" in said["privacy"]


def test_a_smaller_rate_is_proposed_below_epsilon_3_and_stands_in_the_file(proofward, tmp_path):
    """It is a multiple of what the scales have, never above the preset's, and less noise asks for none."""
    copy = tmp_path / "copy.toml"
    copy.write_text((FOLDER / "logistic.toml").read_text())
    for number, (preset, epsilon, rate) in enumerate(
        (("logistic", 8, 1.5), ("logistic", 2, 1.0), ("logistic", 1.7, 0.75), ("wdbc", 1, 0.5), (copy, 1, 0.5))
    ):
        folder = tmp_path / str(number)
        options = ("--draft", "--epsilon", epsilon, "--preset", preset, "--rounds", 5)
        assert proofward("consortium", "init", folder, *OPTIONS, *options).exit_code == 0
        project = read_project(folder / "consortium.toml")
        training, scales = project.setup.training, project.setup.scales
        assert training.rate * training.batch / (1 << scales.rate_shift) == rate
        lines = (folder / "consortium.toml").read_text().splitlines()
        stated = any(line.startswith("learning_rate") for line in lines)
        assert stated == (rate < 1.5 or preset == copy)
    logistic = PRESET_FILES["logistic"]
    assert [logistic.proposed_rate(own) for own in (100, 3, 2.9, 1, 0.01)] == [1.5, 1.5, 1.375, 0.5, 0.125]
    assert PRESET_FILES["wide"].proposed_rate(1) is None


def test_a_person_is_asked_until_what_is_typed_is_a_promise(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    answers = iter(["much", "-2", "3", "0.5", "small", "3e-6", "none", "", ""])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda *_: next(answers))
    silent = {"epsilon": None, "delta": 1e-5, "no_dp": False}
    assert chosen_privacy(silent) == PrivacyTable(3.0, 3e-6)
    said = capsys.readouterr().err
    assert "expected a number or 'none', found 'much'" in said and "expected a number above 0" in said
    assert "privacy.delta: expected a number in" in said and "expected a number, found 'small'" in said
    assert chosen_privacy(silent) is None
    assert chosen_privacy(silent) == PrivacyTable(3.0, 1e-5)


def test_hospitals_are_protected_where_the_file_says_so(tmp_path, proofward):
    """Rounds train as without privacy; init warns of few hospitals where the choice is made."""
    table = 'epsilon = 8\ngranularity = "hospital"\nclip = 2.0'
    project = read_project(written(tmp_path, table, steps=3, batch=8, full_batch="false"))
    terms = project.terms()
    config, again = terms.round_config, project_of(tomllib.loads(project_text(project)), None)
    assert config.privacy.of_hospitals and config.weighting == ALL_ALIKE and config.clip_bound == 2048
    assert config.training.duration == "3 steps" and terms.accountant.promised <= 8
    assert not again[1] and again[0].terms() == terms
    said = "\n".join(in_words(terms, ("localhost",), 1))
    assert "for each hospital with all its records" in said and "an update weighs as much as any other" in said
    assert "with fewer than about 50 noise drowns" in said and "each record adds" not in said
    history = History(terms.check())
    assert "for each hospital" in _in_words(history.rules)
    assert any("replaced by as many others" in line for line in privacy_lines(history))
    assert privacy_document(history)["granularity"] == "hospital"
    made = proofward("consortium", "init", tmp_path / "c", *OPTIONS, "--epsilon", 8, "--granularity", "hospital")
    assert made.exit_code == 0 and "with fewer than about 50 noise drowns" in made.stdout
    refused = proofward("consortium", "init", tmp_path / "d", *OPTIONS, "--no-dp", "--granularity", "hospital")
    assert refused.exit_code == 2 and "exclude each other" in refused.stderr


@pytest.mark.parametrize(
    ("table", "training", "found"),
    [
        ('granularity = "patient"', {}, "privacy.granularity: expected one of record, hospital"),
        ('granularity = "hospital"', {"steps": 1, "batch": 64}, "training.full_batch: expected false where hospitals"),
        ('granularity = "hospital"\nrecords_a_patient = 2', {"full_batch": "false"}, "records_a_patient: expected 1"),
        ('granularity = "hospital"\n[validation]\nshare = 0.2', {"full_batch": "false"}, "privacy.exact_counts: expected true"),
        ('granularity = "hospital"\n[aggregation]\nweighting = "root"', {"full_batch": "false"}, "expected capped, cap 1"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_protected_hospitals_is_refused(tmp_path, table, training, found):
    path = written(tmp_path, f"epsilon = 8\n{table}", **{"steps": 3, "batch": 8, **training})
    project, problems = read_whole_project(path)
    if project is not None:
        with pytest.raises(ValueError, match=found):
            project.terms()
        return
    assert found in "\n".join(map(str, problems))


def test_a_delta_is_rounded_down_to_one_over_a_whole_number(tmp_path):
    for delta, inverse in ((1e-5, 100_000), (3e-6, 333_334), (0.07, 15)):
        project = read_project(written(tmp_path, f"epsilon = 3\ndelta = {delta}"))
        assert project.setup.privacy.inverse_delta == inverse and 1 / inverse <= delta
        said = delta_in_words(project.privacy)
        assert said == ([] if delta == 1e-5 else [said[0]]) and all(f"1 / {inverse:,}" in line for line in said)


def test_check_says_what_is_promised_and_a_larger_batch_is_named_where_rows_are_too_many(tmp_path, proofward):
    path = written(tmp_path, "epsilon = 3\ndelta = 3e-6\n[validation]\nshare = 0.2")
    found = proofward.json("consortium", "check", path)
    said = "\n".join(found["privacy"])
    assert "differential privacy of epsilon 3" in said and "1 / 333,334" in said
    assert "to every count each hospital adds noise" in said and "not private" not in said
    config = read_project(path).terms().round_config
    with pytest.raises(ConfigurationError, match="a larger batch admits more"):
        config.check_rows(config.most_rows + 1)
