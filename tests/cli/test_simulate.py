"""`proofward simulate`: the rules of the sites, their readers, and a folder that passes its audit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.run.simulate import hospital_files, plan_of_project
from proofward.engines.run_folder import RunFolder
from proofward.report.handover.models.model_files import safetensors_bytes
from tests.cli.own_tables import HOSPITALS, data, write_project, write_tables


@pytest.mark.slow
def test_a_run_passes_its_audit_and_gives_a_model(proofward, tmp_path):
    path, files = write_project(tmp_path, rounds=1), write_tables(tmp_path, rows=20)
    said = proofward.json("simulate", path, *data(*files), "--run", tmp_path / "run")
    assert (said["exit"], said["finished"], said["rounds"]) == (0, True, 1)
    assert said["rows"] == dict.fromkeys(HOSPITALS, 20) and said["forced"] == {}
    names = {entry.name for entry in (tmp_path / "run").iterdir()}
    assert names == {"ledger", "proofs", "model.safetensors", "model.json", "features.json", "classes.json"}
    assert proofward("audit", tmp_path / "run", "--consortium", said["consortium"]).exit_code == 0
    out = tmp_path / "own.json"
    assert proofward("model", "export", tmp_path / "run", "--to", "json", "--out", out).exit_code == 0
    assert "marker 11" in out.read_text() and said["model"] in out.read_text()
    assert json.loads((tmp_path / "run" / "classes.json").read_text()) == ["B", "M"]
    again = proofward("simulate", path, *data(*files), "--run", tmp_path / "run")
    assert again.exit_code == 2 and "finished run" in again.stderr


@pytest.mark.slow
def test_models_are_judged_on_records_of_nobody(proofward, tmp_path):
    path, files = write_project(tmp_path, rounds=1), write_tables(tmp_path, rows=20)
    header, *rows = files[0].read_text().splitlines()
    others = write_tables(tmp_path / "others", rows=9, seed=2)[0].read_text().splitlines()[1:]
    held_out = tmp_path / "held-out.csv"  # fewer than a batch, and two of a hospital's
    held_out.write_text("\n".join([header, *others, *rows[:2]]) + "\n")
    run = tmp_path / "run"
    result = proofward("simulate", path, *data(*files), "--held-out", held_out, "--no-plot", "--run", run)
    assert result.exit_code == 0 and "held out: 11 records" in result.stdout
    own = tmp_path / "run.private" / "report"
    assert {entry.name for entry in own.iterdir()} == {"report.md", "report.json"}
    text, numbers = (own / "report.md").read_text(), json.loads((own / "report.json").read_text())
    assert "11 held-out records, but 2 of them are also records of a hospital" in text
    assert (numbers["rows"], numbers["trained_on"], numbers["also_trained_on"]) == (11, False, 2)
    assert f"on 11 held-out records: AUC {numbers['by_round']['auc'][1]:.3f}, accuracy" in result.stdout
    assert f"what the model does, which stays here: {own / 'report.md'}" in result.stdout
    held_out.write_text(header + "\n" + rows[0].replace(",", ",x", 1) + "\n")
    refused = proofward("simulate", path, *data(*files), "--held-out", held_out, "--run", tmp_path / "other")
    assert refused.exit_code == 1 and "held-out.csv, held out: column 2, marker 1: " in refused.stderr
    assert not (tmp_path / "other").exists()


def test_rules_are_those_of_the_terms(tmp_path):
    path = write_project(tmp_path)
    project = read_project(path)
    folder, plan = RunFolder(tmp_path / "run", b"seed"), plan_of_project(project, path)
    rules, terms = folder.rules(plan), project.terms()
    keys = {seat.member: folder.key(seat.member).public.raw for seat in terms.seats}
    assert rules.data == terms.rules(keys).data
    assert set(rules.verifiers) == {"a-verifier", "b-verifier", "c-verifier", "judge"}


def test_a_trusted_first_model_is_the_plans_too(tmp_path):
    path = write_project(tmp_path, more='trusted_first_model = "first.safetensors"')
    project = read_project(path)
    weights = np.arange(project.setup.model.parameters, dtype=np.int64)
    (tmp_path / "first.safetensors").write_bytes(safetensors_bytes(project.setup.model, weights))
    plan = plan_of_project(project, path)
    assert np.array_equal(plan.initial_weights, weights)
    folder = RunFolder(tmp_path / "run", b"seed")
    terms = project.terms(plan.initial_model)
    keys = {seat.member: folder.key(seat.member).public.raw for seat in terms.seats}
    assert folder.rules(plan).data == terms.rules(keys).data and terms.initial_model


def test_files_go_to_hospitals_in_order_or_by_name(proofward, tmp_path):
    path, files = write_project(tmp_path), write_tables(tmp_path, rows=1)
    project = read_project(path)
    assert list(hospital_files(project, [str(file) for file in files]).values()) == files
    named = [f"b={files[0]}", str(files[1]), str(files[2])]
    assert hospital_files(project, named) == {"a": files[1], "b": files[0], "c": files[2]}
    for given, words in (
        (files[:2], "expected a file for each of a, b, c, found 2"),
        ((*files, files[0]), "found 4"),
        ((f"b={files[0]}", f"b={files[1]}", files[2]), "two files for b"),
        ((*files[:2], tmp_path), "is no file"),
        ((*files[:2], f"judge={files[2]}"), "is no file"),
    ):
        result = proofward("simulate", path, *data(*given), "--run", tmp_path / "run")
        assert result.exit_code == 2 and words in " ".join(result.stderr.split()), result.stderr
    assert not (tmp_path / "run").exists()


def test_what_is_wrong_in_any_file_is_said_at_once(proofward, tmp_path):
    path, files = write_project(tmp_path), write_tables(tmp_path, rows=20)
    files[0].write_text("\n".join(files[0].read_text().splitlines()[:6]) + "\n")
    files[2].write_text(files[2].read_text().replace("marker 3", "marker three"))
    result = proofward("simulate", path, *data(*files), "--run", tmp_path / "run")
    assert result.exit_code == 1 and not (tmp_path / "run").exists()
    assert "a.csv of a: too few rows: expected at least 16" in result.stderr and "b.csv" not in result.stderr
    assert "c.csv of c: row 1" in result.stderr


@pytest.mark.slow
def test_what_looks_wrong_is_refused_unless_forced(proofward, tmp_path):
    path, files = write_project(tmp_path, rounds=1), write_tables(tmp_path, rows=20)
    files[1].write_text(files[1].read_text().replace(",B,", ",M,"))
    result = proofward("simulate", path, *data(*files), "--run", tmp_path / "run")
    assert result.exit_code == 1 and "b.csv of b: " in result.stderr and "--force" in result.stderr
    assert "a.csv" not in result.stderr and not (tmp_path / "run").exists()
    forced = proofward("simulate", path, *data(*files), "--run", tmp_path / "a run", "--force")
    assert forced.exit_code == 0 and "forced although" in forced.stdout
    assert f"proofward model export '{tmp_path / 'a run'}' --to safetensors" in forced.stdout
    kept = json.loads((tmp_path / "a run" / "forced.json").read_text())
    assert kept == {"b": ["one class"]}
    assert proofward("audit", tmp_path / "a run").exit_code == 0
    packed = proofward("export-audit", tmp_path / "a run", "--out", tmp_path / "pack")
    assert packed.exit_code == 0 and not (tmp_path / "pack" / "forced.json").exists()


@pytest.mark.slow
def test_a_project_that_makes_no_sense(proofward, tmp_path):
    files = write_tables(tmp_path, rows=1)
    for changes, words in (({"batch": 3}, "training.batch"), ({"steps": 1_000_000}, "steps at most")):
        path = write_project(tmp_path, **changes)
        result = proofward("simulate", path, *data(*files), "--run", tmp_path / "run")
        assert result.exit_code == 1 and f"refused: {path}: " in result.stderr and words in result.stderr
    assert not (tmp_path / "run").exists()
