"""A federation in Python is the one that `proofward simulate` runs, and says of itself what its folder says."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import proofward as pw
from proofward.encoding import decode
from proofward.engines import in_process
from proofward.engines.run_folder import RunFolder
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Enrolment
from proofward.ledger.database import Database
from proofward.report.handover.models.exported_model import read_exported
from tests.api.tables import COLUMNS, NAMES, QUICK, arrays, files, sites
from tests.cli.conftest import Command

pytestmark = pytest.mark.slow
SHEET = "Adults, 2019 to 2023.\nOne device."
MODEL, RULES = "model.safetensors", "model.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("federation")


@pytest.fixture(scope="module")
def fitted(folder) -> pw.Federation:
    """From files, with a column that is ignored."""
    federation = pw.Federation(**QUICK, ignore=["id"], folder=folder / "run", seed=7)
    assert federation.fit(files(folder), data_sheets={"b": SHEET}) is federation
    return federation


def test_data_sheets_are_on_the_ledger(fitted, folder, tmp_path):
    with closing(Database(folder / "run" / "ledger", writable=False)) as database:
        said = [decode(data, Envelope) for data in database.entries()]
    sheets = {own.sender: own.record.data_sheet for own in said if isinstance(own.record, Enrolment)}
    assert sheets == {"a": (), "b": tuple(SHEET.splitlines()), "c": ()}
    (tmp_path / "sheet.txt").write_bytes(b"\xff")
    for given, words in (
        ({"z": "x"}, "no hospital"), ({"a": 1}, "a text or a path"), ({"a": "x\x07"}, "line 1"),
        ({"a": tmp_path / "sheet.txt"}, "UTF-8"), ({"a": tmp_path / "none"}, "a: "),
    ):  # fmt: skip
        with pytest.raises(pw.TablesRefused, match=words):
            pw.Federation(**QUICK, ignore=["id"]).fit(files(folder), data_sheets=given)
    toml = fitted.to_file(tmp_path / "consortium.toml")
    tables = [word for path in files(folder).values() for word in ("--data", path)]
    for sheet in ("x", "z=x", f"a={tmp_path / 'none'}", f"b={tmp_path / 'sheet.txt'}"):
        result = Command()("simulate", toml, *tables, "--data-sheet", sheet, "--run", tmp_path / "run")
        assert result.exit_code == 2 and not (tmp_path / "run").exists()


def test_simulate_makes_the_same_rules_and_the_same_model(fitted, folder, monkeypatch):
    file = fitted.to_file(folder / "consortium.toml")
    seed = b"proofward/api/7"
    monkeypatch.setattr(in_process, "RunFolder", lambda directory, _: RunFolder(directory, seed))
    given = [word for path in files(folder).values() for word in ("--data", path)]
    (folder / "sheet.txt").write_text(SHEET)
    sheet = ("--data-sheet", f"b={folder / 'sheet.txt'}")
    result = Command()("simulate", file, *given, *sheet, "--run", folder / "simulated", "--no-plot")
    assert result.exit_code == 0, result.stderr
    for name in (MODEL, RULES, "features.json", "classes.json"):
        assert (folder / "simulated" / name).read_bytes() == (fitted.folder / name).read_bytes(), name


def test_arrays_and_a_file_make_the_same_model_as_tables_with_names(fitted, folder, tmp_path):
    pandas = pytest.importorskip("pandas")
    file = fitted.to_file(tmp_path / "consortium.toml")
    again = pw.Federation.from_file(file, progress=False, seed=7, folder=tmp_path / "run")
    a, b, c = sites().values()
    frame = pandas.DataFrame(b[0], columns=COLUMNS).assign(diagnosis=b[1])[["diagnosis", *reversed(COLUMNS)]]
    again.fit({"a": a, "b": frame, "c": (pandas.DataFrame(c[0], columns=COLUMNS), pandas.Series(c[1]))})
    assert (tmp_path / "run" / MODEL).read_bytes() == (fitted.folder / MODEL).read_bytes()
    assert (tmp_path / "run" / RULES).read_bytes() == (fitted.folder / RULES).read_bytes()
    assert again.settings == fitted.settings
    assert list(again.classes_) == ["B", "M"]


def test_the_run_folder_is_kept_where_it_is_asked_for(fitted, folder):
    assert fitted.folder == folder / "run" and (folder / "run.private").is_dir()
    names = {entry.name for entry in fitted.folder.iterdir()}
    assert names == {"ledger", "proofs", MODEL, RULES, "features.json", "classes.json"}
    assert Command()("audit", fitted.folder).exit_code == 0
    with pytest.raises(pw.RunRefused, match="holds a finished run; choose another folder"):
        fitted.fit(files(folder))


def test_probabilities_and_classes(fitted, folder):
    values, _ = arrays(9, seed=5)
    found = fitted.predict_proba(values)
    assert found.shape == (9, 2) and np.allclose(found.sum(axis=1), 1)
    assert list(fitted.predict(values)) == [fitted.classes_[row] for row in found.argmax(axis=1)]
    path = folder / "new.csv"
    path.write_text("\n".join([",".join(COLUMNS), *(",".join(map(repr, row)) for row in values.tolist())]))
    assert np.array_equal(fitted.predict_proba(path), found)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(values, columns=COLUMNS).assign(more="x")[["more", *reversed(COLUMNS)]]
    assert np.array_equal(fitted.predict_proba(frame), found)


def test_evaluation_is_that_of_scikit_learn(fitted):
    metrics = pytest.importorskip("sklearn.metrics")
    values, labels = arrays(60, seed=6)
    found, chances = fitted.evaluate(values, labels), fitted.predict_proba(values)
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels == "M", chances[:, 1]), abs=1e-12)
    assert found.accuracy == metrics.accuracy_score(labels, fitted.predict(values))
    assert np.array_equal(found.confusion, metrics.confusion_matrix(labels, fitted.predict(values)))
    assert found.loss == pytest.approx(metrics.log_loss(labels, chances), abs=1e-12)
    low, high = found.auc_interval
    assert low < found.auc < high and found.auc > 0.8
    text = str(found).splitlines()
    assert text[0] == f"60 records: accuracy {found.accuracy:.1%}, loss {found.loss:.3f}"
    assert text[1] == f"AUC {found.auc:.3f}, 95% interval {low:.3f} to {high:.3f}"
    assert text[2].split() == ["is", "\\", "taken", "for", "B", "M"] and len(text) == 5


def test_one_class_has_no_auc(fitted):
    values, _ = arrays(6, seed=6)
    found = fitted.evaluate(values, ["M"] * 6)
    assert found.auc is None and found.auc_interval is None and found.auc_by_class == {}
    assert "no AUC" in str(found) and "doubtful: all 6 records have one label" in str(found)


def test_history_is_of_every_round(fitted):
    first, *rounds = fitted.history
    assert (first.number, first.hospitals) == (0, ())
    assert [(entry.number, entry.hospitals) for entry in rounds] == [(1, NAMES), (2, NAMES)]
    assert rounds[-1].loss < first.loss


def test_settings_are_those_that_were_agreed(fitted):
    found = fitted.settings
    assert (found["rounds"], found["hidden"], found["batch"], found["clip_bound"]) == (2, [4], 4, 2.0)
    assert found["classes"] == ["B", "M"] and list(found["features"]) == list(COLUMNS)
    whole = np.concatenate([values for values, _ in sites().values()])
    for at, name in enumerate(COLUMNS):
        centre, spread = found["features"][name]
        assert centre == pytest.approx(whole[:, at].mean()) and spread == pytest.approx(whole[:, at].std())
    assert found["sites"] == {**{name: ["hospital"] for name in NAMES}, "verifier-1": ["verifier"]}
    assert repr(fitted) == f"Federation(3 hospitals, 4-4-2, 2 rounds, run in {fitted.folder})"


def test_a_report_is_written(fitted, tmp_path):
    values, labels = arrays(30, seed=6)
    page = fitted.report(tmp_path / "own", draw=False)
    assert "72 records of the training" in page.read_text()
    page = fitted.report(tmp_path / "own", values, labels, draw=False)
    assert page == tmp_path / "own" / "report.md" and "30 held-out records" in page.read_text()
    (tmp_path / "report.txt").write_text("mine")
    with pytest.raises(pw.RunRefused, match="holds other files"):
        fitted.report(tmp_path)
    with pytest.raises(pw.RunRefused, match="is no folder"):
        fitted.report(tmp_path / "report.txt")


def test_a_report_to_file_is_written(fitted, tmp_path):
    page = fitted.report(tmp_path / "filed.html")
    assert page == tmp_path / "filed.html" and "The record is consistent." in page.read_text()
    with pytest.raises(pw.RunRefused, match="leave out x and y"):
        fitted.report(tmp_path / "filed.html", *arrays(30, seed=6))


def test_exported_models_say_the_same(fitted, tmp_path):
    for name in ("model.json", "model.safetensors"):
        data = fitted.export(tmp_path / name).read_bytes()
        assert read_exported(data).digest == fitted.model.digest
    assert json.loads((tmp_path / "model.json").read_text())["classes"] == ["B", "M"]
    assert fitted.export(tmp_path / "any", to="json").read_bytes() == (tmp_path / "model.json").read_bytes()
    values, _ = arrays(5, seed=9)
    (tmp_path / "new.csv").write_text(
        "\n".join([",".join(COLUMNS), *(",".join(map(repr, row)) for row in values.tolist())])
    )
    said = Command().json("predict", tmp_path / "model.json", tmp_path / "new.csv")
    assert [row["class"] for row in said["predictions"]] == list(fitted.predict(values))
    for path, to, words in (
        ("model", None, "expected one of json, monai, onnx, safetensors, torch, found a file named model"),
        ("model.json", "pickle", "found 'pickle': name the format with to="),
        ("no/model.json", None, "there is no folder"),
    ):
        with pytest.raises(pw.ExportRefused, match=words):
            fitted.export(tmp_path / path, to)


def test_an_onnx_file_computes_by_itself(fitted, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    data = fitted.export(tmp_path / "model.onnx").read_bytes()
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    assert len(session.get_inputs()) == 1


def test_an_audit_says_both_sentences(fitted):
    found = fitted.audit()
    assert found.passed and found.consistent and found.rules_kept is True
    assert found.sentences == ("The record is consistent.", "Everybody kept the rules.")
    assert found.failures == () and found.breaches == () and found.checks > 50
    first, second = repr(found).splitlines()[:2]
    assert first == f"{found.sentences[0]} Sums are exact: no differential privacy."
    assert second == found.sentences[1] and "(as expected)" in repr(found)
    assert found.document["passed"] is True


def test_an_audit_finds_what_was_changed(fitted):
    path = fitted.folder / MODEL
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        found = fitted.audit()
    finally:
        path.write_bytes(whole)
    assert not found.passed and not found.consistent and found.rules_kept is None
    assert "The record is NOT consistent: 1 check FAILED" in str(found)
    assert len(found.failures) == 1 and MODEL in found.failures[0]


def test_a_validation_part_by_patients_is_that_of_the_file(folder, tmp_path, monkeypatch):
    settings = {**QUICK, "validation": {"share": 0.25, "every": 2}, "id": "id", "seed": 7}
    settings["schedule"] = {"kind": "step", "every": 1, "factor": 0.5}
    federation = pw.Federation(**settings, folder=tmp_path / "run").fit(files(folder))
    assert federation.settings["validation"]["share"] == 0.25 and federation.settings["id"] == "id"
    history = federation._done.outcome.history
    assert len(set(history.validation_beacons)) == 3 and history.rules.config.training.validation_share == 250_000
    assert history.rules.config.training.later_rates == ((2, 16),) and federation.settings["schedule"]["every"] == 1
    assert federation.audit().passed
    (evaluation,) = federation.evaluations
    assert evaluation.after == 2 and len(evaluation.hospitals) == 3 and evaluation.rows > 3
    (area,), ((low, high),) = evaluation.auc.values(), evaluation.auc_of_all_scores.values()
    assert low <= area <= high and evaluation.proved
    assert "The counts are proved to be those of the model" in repr(evaluation)
    assert [entry.number for entry in federation.history] == [0, 1, 2], "rounds that count have no model of their own"
    file = federation.to_file(tmp_path / "consortium.toml")
    monkeypatch.setattr(in_process, "RunFolder", lambda directory, _: RunFolder(directory, b"proofward/api/7"))
    given = [word for path in files(folder).values() for word in ("--data", path)]
    result = Command()("simulate", file, *given, "--run", tmp_path / "simulated", "--no-plot")
    assert result.exit_code == 0, result.stderr
    for name in (MODEL, RULES):
        assert (tmp_path / "simulated" / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), name


def test_training_goes_on_from_the_file_of_a_trusted_model(fitted, folder, tmp_path):
    chosen = tmp_path / "chosen" / "first.safetensors"
    chosen.parent.mkdir()
    chosen.write_bytes((fitted.folder / MODEL).read_bytes())
    settings = {**QUICK, "rounds": 1, "first_model": chosen, "ignore": ["id"], "seed": 7}
    federation = pw.Federation(**settings, folder=tmp_path / "run").fit(files(folder))
    assert federation.audit().passed and federation.settings["first_model"] == "first.safetensors"
    rules = federation._done.outcome.history.rules
    weights = chosen.read_bytes()[-8 * rules.config.model.parameters :]
    assert rules.trusts_first_model and rules.initial_model == hashlib.sha256(weights).digest()
    (tmp_path / "written").mkdir()
    file = federation.to_file(tmp_path / "written" / "consortium.toml")
    assert (file.parent / "first.safetensors").read_bytes() == chosen.read_bytes()
    assert pw.Federation.from_file(file, progress=False).settings == federation.settings
    with pytest.raises(pw.SettingsRefused, match="first_model: expected the path of a model's file"):
        pw.Federation(first_model=3)
