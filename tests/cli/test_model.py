"""From a run to predictions: export in both formats, the federation's own integers, refusals in words."""

from __future__ import annotations

import csv
import io
import json
import shutil

import numpy as np
import pytest

from proofward.layers.local_training.training import logit_differences
from proofward.report.comparing.evaluation import auc
from proofward.report.demonstrations.scenario import make_scenario
from proofward.report.handover.models.exported_model import read_exported
from proofward.report.handover.predictions.prediction_proof import named

KINDS = ("safetensors", "json")


@pytest.fixture(scope="module")
def models(proofward, demo_run, tmp_path_factory):
    """The demonstration's model in both formats."""
    folder = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        said = proofward.json("model", "export", demo_run[0], "--to", kind, "--out", folder / f"m.{kind}")
        assert (said["exit"], said["did"], said["round"]) == (0, "exported", 2)
        own = named(read_exported((folder / f"m.{kind}").read_bytes()))
        assert {name: said[name] for name in own} == {name: digest.hex() for name, digest in own.items()}
        assert said["model"] == demo_run[1]["model"] and said["consortium"] == demo_run[1]["consortium"]
    return folder


def written(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def table(tmp_path):
    """The held-out records of the demonstration as a clinic has them: a number, other columns, another order."""
    records = make_scenario("tiny", 3, 2, 0).held_out
    header = ["patient", "feature-4", "feature-3", "feature-2", "feature-1", "diagnosis"]
    rows = [
        [f"P{number}", *(features[::-1] / 64).tolist(), label]
        for number, (features, label) in enumerate(zip(records.features, records.labels, strict=True))
    ]
    return written(tmp_path / "clinic.csv", header, rows)


@pytest.mark.parametrize("kind", KINDS)
def test_from_the_demonstration_to_predictions(proofward, demo_run, models, table, kind):
    scenario = make_scenario("tiny", 3, 2, 0)
    setup, held_out = scenario.setup, scenario.held_out
    said = proofward.json("predict", models / f"m.{kind}", table)
    assert said["exit"] == 0 and said["clipped"] == {} and said["not_used"] == ["patient", "diagnosis"]
    weights = np.frombuffer((demo_run[0] / "model.safetensors").read_bytes(), "<i8")[
        -setup.model.parameters :
    ]
    expected = logit_differences(setup.model, setup.scales, weights.astype(np.int64), held_out.features)
    scores = np.array([entry["score"] for entry in said["predictions"]])
    assert (scores == expected).all() and len(set(scores.tolist())) > 3
    assert auc(scores, held_out.labels) == demo_run[1]["auc"]["proofward"]
    for number, entry in enumerate(said["predictions"]):
        assert entry["row"] == number + 2 and entry["class"] == ("1" if entry["score"] > 0 else "0")
        assert entry["probability"] == pytest.approx(1 / (1 + np.exp(-entry["score"] / 64)), abs=1e-6)


def test_both_formats_say_the_same(proofward, models, table, tmp_path):
    printed = [proofward("predict", models / f"m.{kind}", table) for kind in KINDS]
    assert printed[0].exit_code == 0 and printed[0].stdout == printed[1].stdout
    rows = list(csv.reader(io.StringIO(printed[0].stdout)))
    assert rows[0] == ["row", "score", "probability of 1", "class"] and len(rows) > 4
    assert "patient, diagnosis" in printed[0].stderr
    out = tmp_path / "out.csv"
    quiet = proofward("predict", models / "m.json", table, "--out", out)
    assert quiet.stdout == "" and out.read_text() == printed[0].stdout and out.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_scaling_and_class_names_of_the_breast_cancer_model(proofward, tmp_path):
    run, model = tmp_path / "run", tmp_path / "m.json"
    arguments = ("--preset", "logistic", "--hospitals", 3, "--rounds", 1, "--no-plot", "--run", run)
    arguments += ("--repeatable",)
    metrics = proofward.json("demo", *arguments)
    assert proofward("model", "export", run, "--to", "json", "--out", model).exit_code == 0
    plain = json.loads(model.read_text())
    assert plain["classes"] == ["benign", "malignant"] and len(plain["features"]) == 30
    assert plain["features"][0] == {"name": "mean radius", "centre": 14.1, "spread": 3.52}

    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    table = written(tmp_path / "all.csv", bunch.feature_names.tolist(), bunch.data.tolist())
    said = proofward.json("predict", model, table)
    classes = np.array([entry["class"] for entry in said["predictions"]])
    truth = np.where(bunch.target == 0, "malignant", "benign")
    scores = np.array([entry["score"] for entry in said["predictions"]])
    assert auc(scores, (bunch.target == 0).astype(np.int64)) > 0.9
    assert (classes == truth).mean() > 0.8
    scenario = make_scenario("logistic", 3, 1, 0)
    loaded = read_exported(model.read_bytes())
    mine = logit_differences(loaded.model, loaded.scales, loaded.weights, scenario.held_out.features)
    assert auc(mine, scenario.held_out.labels) == metrics["auc"]["proofward"]
    assert set(mine.tolist()) <= set(scores.tolist())


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("feature-1,feature-2,feature-3", "1,2,3", ["missing 1 of 4 columns: feature-4"]),
        ("feature-1,Feature-2,feature-4", "1,2,3", ["feature-2, feature-3"]),
        ("a,b", "1,2", ["no column of the model", "feature-1, feature-2, feature-3, feature-4"]),
        ("feature-1,feature-2,feature-3,feature-4,feature-1", "1,2,3,4,5", ["there twice: feature-1"]),
        (
            "feature-1,feature-2,feature-3,feature-4",
            "1,,x73,4",
            ["feature-2: empty, in row 2", "feature-3: no number"],
        ),
        ("feature-1,feature-2,feature-3,feature-4", "1,2,3", ["not 4 cells", "row 2"]),
        ("feature-1,feature-2,feature-3,feature-4", "1,2,1e999,4", ["feature-3: no number"]),
    ],
)
def test_wrong_tables(proofward, models, tmp_path, header, row, words):
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\n{row}\n")
    result = proofward("predict", models / "m.json", path)
    assert result.exit_code == 1 and result.stdout == ""
    assert all(text in result.stderr.replace("\n", " ") for text in words) and "73" not in result.stderr
    said = proofward.json("predict", models / "m.json", path)
    assert said["did"] == "refused" and said["exit"] == 1


def test_all_errors_of_a_table_at_once(proofward, models, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("feature-1,feature-2,feature-3,feature-4\n" + "1,2,3,4\n,2,3,4\n" * 4 + "1,2,3,x\n")
    words = proofward("predict", models / "m.json", path).stderr
    assert "feature-1: empty, in 4 rows (3, 5, 7, ...)" in words and "row 10" in words
    path.write_text("feature-1,feature-2,feature-3,feature-4\n")
    assert "no records" in proofward("predict", models / "m.json", path).stderr
    path.write_bytes(b"\xff\xfe")
    assert "UTF-8" in proofward("predict", models / "m.json", path).stderr


def test_values_out_of_range_are_counted(proofward, models, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("feature-1;feature-2;feature-3;feature-4\n1000;2;3;4\n1e308;-1e308;3;4\n")
    said = proofward.json("predict", models / "m.json", path, "--delimiter", "semicolon")
    assert said["exit"] == 0 and said["clipped"] == {"feature-1": 2, "feature-2": 1}
    words = proofward("predict", models / "m.json", path, "--delimiter", "semicolon")
    assert "2 values of feature-1" in words.stderr and "Warning" not in words.stderr


def test_what_is_no_model(proofward, demo_run, models, table, tmp_path):
    own = proofward("predict", demo_run[0] / "model.safetensors", table)
    assert own.exit_code == 2 and "proofward model export" in own.stderr
    assert proofward("predict", table, table).exit_code == 2
    assert proofward("predict", tmp_path / "none", table).exit_code == 2
    altered = tmp_path / "altered"
    data = (models / "m.safetensors").read_bytes()
    altered.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused = proofward("predict", altered, table)
    assert refused.exit_code == 1 and "refused: " in refused.stderr


def test_where_the_file_goes(proofward, demo_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert proofward("model", "export", demo_run[0], "--to", "json").exit_code == 0
    again = proofward("model", "export", demo_run[0], "--to", "json")
    assert again.exit_code == 1 and "--force" in again.stderr
    assert proofward("model", "export", demo_run[0], "--to", "json", "--force").exit_code == 0
    assert read_exported((tmp_path / "model-round-2.json").read_bytes()).origin.round == 2


def test_folders_without_a_model(proofward, demo_run, tmp_path):
    nothing = proofward("model", "export", tmp_path, "--to", "json")
    assert nothing.exit_code == 2 and "no ledger" in nothing.stderr
    bare = tmp_path / "ledger-alone"
    shutil.copytree(demo_run[0] / "ledger", bare)
    without = proofward("model", "export", bare, "--to", "json", "--out", tmp_path / "m")
    assert without.exit_code == 1 and "--features" in without.stderr and not (tmp_path / "m").exists()
    given = ("--features", demo_run[0] / "features.json")
    assert proofward("model", "export", bare, "--to", "json", "--out", tmp_path / "m", *given).exit_code == 0
    (bare / "features.json").write_text('[{"name": "one", "centre": 0, "spread": 1}]')
    other = proofward("model", "export", bare, "--to", "json", "--out", tmp_path / "n")
    assert other.exit_code == 1 and "4 inputs, 1 features" in other.stderr


def test_an_altered_model_object_is_not_exported(proofward, demo_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(demo_run[0], folder, ignore=shutil.ignore_patterns("parties"))
    digest = demo_run[1]["model"]
    path = folder / "ledger" / "objects" / digest[:2] / digest[2:]
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    result = proofward("model", "export", folder, "--to", "json", "--out", tmp_path / "m")
    assert result.exit_code == 1 and not (tmp_path / "m").exists()


def test_a_decimal_comma(proofward, models, tmp_path):
    path, other = tmp_path / "t.csv", tmp_path / "u.csv"
    path.write_text("feature-1;feature-2;feature-3;feature-4\n0,5;-1,25;3e-1;4\n")
    other.write_text("feature-1,feature-2,feature-3,feature-4\n0.5,-1.25,3e-1,4\n")
    comma = ("--decimal", "comma")  # and so the semicolon between cells
    said = proofward.json("predict", models / "m.json", path, *comma)
    assert said["exit"] == 0
    assert said["predictions"] == proofward.json("predict", models / "m.json", other)["predictions"]
    path.write_text("feature-1;feature-2;feature-3;feature-4\n0,5;1.25;1;4\n")
    words = proofward("predict", models / "m.json", path, *comma)
    assert words.exit_code == 1 and "feature-2: no number with the decimal mark ," in words.stderr
