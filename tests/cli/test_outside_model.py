"""An outside model, evaluated by a consortium that never trains: its file, a whole run, and a site's command."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from proofward.cli.common.console import KitPath
from proofward.cli.kit import count
from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.engines.remote.agreement import site_ledger
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.own_counts import has_data, publishes_counts, stored_counts
from proofward.federation.parties.equipment.counting import CountingTask
from proofward.relations.scores.score_counting import NOT_PROVED, layout_in
from proofward.report.comparing.evaluation import auc
from tests.cli.own_evaluation import outside
from tests.cli.own_tables import CENTRE, COLUMNS, SPREAD, data, write_project, write_tables

pytestmark = pytest.mark.slow
WEIGHT = np.zeros((COLUMNS, 2))
WEIGHT[:2, 1] = 1.2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables of three hospitals, a model, and a consortium's file that names it."""
    made = tmp_path_factory.mktemp("outside")
    write_tables(made, rows=60)
    outside(made / "m.onnx", WEIGHT, np.zeros(2))
    outside(made / "other.onnx", WEIGHT, np.ones(2))
    digest = hashlib.sha256((made / "m.onnx").read_bytes()).hexdigest()
    path = write_project(made)
    text = path.read_text().replace("[model]", f'[outside_model]\ndigest = "{digest}"\nbins = 16\n[model]')
    path.write_text(text)
    return made


@pytest.fixture(scope="module")
def ran(proofward, folder):
    tables = [folder / f"{name}.csv" for name in "abc"]
    call = ("simulate", folder / "consortium.toml", *data(*tables), "--run", folder / "run", "--publish", "b")
    return proofward.json(*call, "--outside-model", folder / "m.onnx")


def margins(*tables):
    """What the model says of all rows, and their labels, computed here."""
    rows = [row for path in tables for row in csv.DictReader(path.open())]
    values = np.array([[float(row[f"marker {number}"]) for number in range(COLUMNS)] for row in rows])
    logits = (values - CENTRE) / SPREAD @ WEIGHT
    return logits[:, 1] - logits[:, 0], np.array([row["diagnosis"] == "M" for row in rows]).astype(int)


def test_the_sum_has_the_figures_of_all_records(folder, ran, proofward):
    assert (ran["exit"], ran["finished"], ran["rounds"]) == (0, True, 1), ran
    (found,) = ran["evaluations"]
    margin, labels = margins(*(folder / f"{name}.csv" for name in "abc"))
    area = found["whole"]["classes"][0]["auc"]
    low, high = area["of_all_scores"]
    assert low <= auc(margin, labels) <= high and found["whole"]["records"] == 180
    assert found["counts"] == NOT_PROVED and found["outside_model"] and set(found["sites"]) == {"b"}
    assert found["model"] == hashlib.sha256((folder / "m.onnx").read_bytes()).hexdigest()
    again = proofward.json("evaluate", folder / "run")
    assert again["evaluations"] == [found] and again["consortium"] == ran["consortium"]
    assert proofward.json("audit", folder / "run")["exit"] == 0
    said = proofward("evaluate", folder / "run").stdout
    assert f"model {found['model']}, 180 records of 3 hospitals" in said and NOT_PROVED in said


def test_the_file_says_it_and_is_written_again(folder, tmp_path):
    project = read_project(folder / "consortium.toml")
    assert project.outside is not None and project.outside.bins == 16
    terms = project.terms()
    (counting,) = terms.counted
    assert terms.rounds == 1 and layout_in(counting).outside == project.outside.digest
    (tmp_path / "consortium.toml").write_text(project_text(project))
    assert read_project(tmp_path / "consortium.toml") == project


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ((), 2, "name the ONNX file"),
        (("--outside-model", "other.onnx"), 1, "the consortium evaluates the model"),
        (("--outside-model", "m.onnx", "--publish", "d"), 2, "d is no hospital"),
    ],
)
def test_another_model_or_none_is_refused(folder, proofward, more, code, words):
    more = [folder / word if word.endswith(".onnx") else word for word in more]
    tables = [folder / f"{name}.csv" for name in "abc"]
    result = proofward("simulate", folder / "consortium.toml", *data(*tables), "--run", folder / "no", *more)
    assert result.exit_code == code and words in result.stderr and not (folder / "no").exists()


@pytest.mark.parametrize("digest", ['"ab"', "7", f'"{"AB" * 32}"'])
def test_another_digest_is_refused(folder, proofward, tmp_path, digest):
    text = (folder / "consortium.toml").read_text()
    lines = [f"digest = {digest}" if line.startswith("digest") else line for line in text.splitlines()]
    (tmp_path / "consortium.toml").write_text("\n".join(lines))
    result = proofward("consortium", "check", tmp_path / "consortium.toml")
    assert result.exit_code == 1 and "outside_model.digest" in result.stdout + result.stderr


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Makes the site of hospital a, as a kit has it, of a project."""

    def made(project):
        home = Home.create(tmp_path / "home", "a", project.terms(), None)
        home.write("features.json", project.schema.to_bytes())
        monkeypatch.setattr(count, "opened", lambda kit: home)
        monkeypatch.setattr(KitPath, "convert", lambda self, value, *_: Path(value))
        return home

    return made


@pytest.fixture
def site(folder, opened):
    return opened(read_project(folder / "consortium.toml"))


def test_a_site_counts_beforehand(folder, site, proofward, tmp_path):
    call = ("count", tmp_path, folder / "m.onnx", "--data", folder / "a.csv")
    assert not has_data(site, "a")
    said = proofward.json(*call, "--publish-evaluations")
    assert has_data(site, "a")
    assert (said["exit"], said["did"], said["rows"], said["publishes"]) == (0, "counted", 60, True)
    (counting,) = site.terms.counted
    task = CountingTask(counting, 1, "a", np.zeros(0, dtype=np.int64), b"", 0, lambda: None, ())
    layout = layout_in(counting)
    (block,) = layout.blocks(stored_counts(site, "a")(task))
    margin, labels = margins(folder / "a.csv")
    assert block.confusion.tolist() == [
        [int(((labels == row) & ((margin > 0) == column)).sum()) for column in (0, 1)] for row in (0, 1)
    ]
    assert publishes_counts(site, "a")
    again = proofward(*call)
    assert again.exit_code == 0 and not publishes_counts(site, "a") and "next: proofward start" in again.stdout
    other = proofward("count", tmp_path, folder / "other.onnx", "--data", folder / "a.csv")
    assert other.exit_code == 1 and "the consortium evaluates the model" in other.stderr


def test_a_site_notes_what_a_file_is_counted_for(folder, site, proofward, tmp_path, monkeypatch):
    monkeypatch.setenv(site_ledger.VARIABLE, str(tmp_path / "site" / "enrolled.json"))
    call = ("count", tmp_path, folder / "m.onnx", "--data", folder / "a.csv")
    assert proofward.json(*call)["noted"] == []
    (own,) = site_ledger.read()
    assert own.terms == site.terms.digest.hex() and (own.inverse_delta, own.records) == (0, "")
    site_ledger.note(replace(own, terms="00" * 32, federation="a trial", rho=0.2, inverse_delta=100_000))
    (line,) = proofward.json(*call)["noted"]
    assert "a trial (epsilon" in line and "nothing is promised for all together" in line


def test_what_looks_wrong_is_counted_only_if_forced(folder, site, proofward, tmp_path):
    header, *rows = (folder / "a.csv").read_text().splitlines()
    path = tmp_path / "one.csv"
    path.write_text("\n".join([header, *(row for row in rows if ",M," in row)]) + "\n")
    call = ("count", tmp_path, folder / "m.onnx", "--data", path)
    refused = proofward.json(*call)
    assert refused["exit"] == 1 and "one label" in refused["problems"][0]
    assert proofward.json(*call, "--force")["exit"] == 0


def test_a_consortium_that_trains_counts_no_outside_model(folder, tmp_path, opened, proofward):
    opened(read_project(write_project(tmp_path)))
    result = proofward("count", tmp_path, folder / "m.onnx", "--data", folder / "a.csv")
    assert result.exit_code == 1 and "evaluates no outside model" in result.stderr


def test_check_says_what_the_evaluation_costs_and_nothing_of_training(folder, proofward):
    path = folder / "consortium.toml"
    said = proofward.json("consortium", "check", path)
    assert (said["exit"], said["admissible"], said["costs"]) == (0, True, None)
    (costs,) = said["counting"]
    assert costs["rounds"] == [1] and costs["numbers"] == 36 and costs["proof_bytes"]["most"] > 1000
    text = proofward("consortium", "check", path).stdout
    assert "nobody trains" in text and "1 round, 36 numbers" in text
    assert not any(word in text for word in ("in batches", "network", "predicted", "enrolment:"))
    refused = proofward("inspect", path)
    assert refused.exit_code == 1 and "proofward consortium check" in refused.stderr
    sample = proofward("consortium", "check", path, "--data", folder / "a.csv")
    assert sample.exit_code == 2 and "nobody trains" in sample.stderr
