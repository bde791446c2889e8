"""`proofward evaluate`: the figures of an exported and of an outside model on tables and images of one's own."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.layers.networks.network import mlp
from proofward.report.comparing.evaluation import auc
from proofward.report.handover.formats.exported_onnx import onnx_program
from proofward.report.handover.models.description import Description
from proofward.report.handover.models.exported_model import ExportedModel
from proofward.report.handover.predictions.prediction import NewRecords, predict
from tests.cli.own_evaluation import (
    CLASSES,
    COLUMNS,
    ORIGIN,
    ROWS,
    SCALES,
    outside,
    small_model,
    weights_of,
    write,
    write_evaluated,
)
from tests.cli.own_images import SIDE, picture


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def own(model, tmp_path_factory):
    """A folder with the model in all formats and a table; its values, labels and sexes."""
    folder = tmp_path_factory.mktemp("evaluated")
    found = write_evaluated(folder)
    (folder / "m.json").write_bytes(model.to_json())
    (folder / "m.safetensors").write_bytes(model.to_safetensors())
    (folder / "m.onnx").write_bytes(onnx_program(model)[0])
    return folder, *found


def figures(said):
    """The class's figures of all records."""
    assert said["exit"] == 0, said
    return said["whole"]["classes"][0]


def inside(figure, value):
    low, high = figure["of_all_scores"]
    return low <= value <= high and low <= figure["value"] <= high


@pytest.mark.parametrize("kind", ["safetensors", "json", "onnx"])
def test_the_figures_are_those_of_all_predictions(proofward, own, model, kind):
    folder, values, labels, sexes = own
    said = proofward.json("evaluate", folder / f"m.{kind}", folder / "clinic.csv", "--label", "diagnosis", "--by", "sex")
    found = figures(said)
    predicted = predict(model, NewRecords(values, tuple(range(ROWS)), ()))
    expected = auc(predicted.scores, labels)
    assert inside(found["auc"], expected) and 0.6 < expected < 0.99
    assert inside(found["brier"], float(((predicted.probabilities - labels) ** 2).mean()))
    assert said["not_used"] == ["patient", "sex"] and said["clipped"] == {} and said["doubts"] == []
    assert found["records"] == {"of_the_class": labels.sum(), "others": ROWS - labels.sum()}
    low, high = found["auc"]["interval"]
    assert low < expected < high and said["auc"] == found["auc"]["value"]
    taken = np.array([CLASSES.index(name) for name in predicted.classes])
    if kind != "onnx":  # which may decide differently where the score is a hair from 0
        assert said["whole"]["confusion"][1][1] == ((taken == 1) & (labels == 1)).sum()
        assert said["model"] == model.digest.hex()
    else:
        assert said["model"] == hashlib.sha256((folder / "m.onnx").read_bytes()).hexdigest()
    assert [[group["subgroup"], group["level"]] for group in said["subgroups"]] == [["sex", "f"], ["sex", "m"]]
    for group in said["subgroups"]:
        there = sexes == group["level"]
        assert group["records"] == there.sum()
        assert inside(group["classes"][0]["auc"], auc(predicted.scores[there], labels[there]))
    assert said["notes"][-1] == "sex: levels that are not shown, with fewer than 10 records of a class: 1"


def test_more_bins_give_narrower_bounds(proofward, own):
    folder = own[0]
    call = ("evaluate", folder / "m.json", folder / "clinic.csv", "--label", "diagnosis", "--bins")
    widths = []
    for bins in (4, 32, 1024):
        found = figures(proofward.json(*call, bins))["auc"]
        widths.append(found["of_all_scores"][1] - found["of_all_scores"][0])
    assert widths[0] > widths[1] > widths[2] and widths[2] < 0.02


def test_a_page_with_pictures(proofward, own, tmp_path):
    folder, out = own[0], tmp_path / "page"
    call = ("evaluate", folder / "m.json", folder / "clinic.csv", "--label", "diagnosis", "--by", "sex", "--out")
    printed = proofward(*call, out)
    assert printed.exit_code == 0 and "AUC" in printed.stdout and "sensitivity" in printed.stdout
    assert "sex: x" not in printed.stdout and "is \\ taken for" in printed.stdout
    names = {path.name for path in out.iterdir()}
    pictures = {"roc.png", "precision-recall.png", "reliability.png", "decision-curve.png", "confusion.png"}
    assert names == {"evaluation.md", "evaluation.json", *pictures}
    text = (out / "evaluation.md").read_text()
    assert all(f"({name})" in text for name in pictures) and "P17" not in text
    assert (out / "evaluation.md").stat().st_mode & 0o077 == 0
    assert json.loads((out / "evaluation.json").read_text())["format"] == "proofward/evaluation/v1"
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    refused = proofward(*call, other)
    assert refused.exit_code == 1 and "holds other files" in refused.stderr and len(list(other.iterdir())) == 1


def test_without_matplotlib_the_page_says_it(proofward, own, tmp_path, monkeypatch):
    from proofward.report.figures import canvas
    from proofward.report.histograms import pictures

    def absent(*_):
        raise canvas.PicturesUnavailable("pictures need matplotlib: pip install matplotlib")

    monkeypatch.setattr(pictures, "new_figure", absent)
    folder = own[0]
    call = ("evaluate", folder / "m.json", folder / "clinic.csv", "--label", "diagnosis", "--out", tmp_path / "p")
    for _ in range(2):  # an evaluation is replaced
        said = proofward.json(*call)
        assert said["exit"] == 0 and said["pictures"] == []
    assert "There are no pictures: pictures need matplotlib" in (tmp_path / "p" / "evaluation.md").read_text()


def test_all_that_is_wrong_with_a_file_is_said_at_once_and_no_value(proofward, own, tmp_path):
    folder = own[0]
    table = write(
        tmp_path / "t.csv", ["age", "größe", "marker", "label"],
        [["SECRET", "1,7", "0", "benign"], ["50", "1.7", "", "unknown"], ["51", "1.8", "1", "malignant"]],
    )  # fmt: skip
    said = proofward.json("evaluate", folder / "m.json", table)
    assert said["exit"] == 1 and said["did"] == "refused" and len(said["problems"]) == 4
    assert "SECRET" not in json.dumps(said) and "unknown" not in json.dumps(said)


def of_model(folder):
    return folder / "m.json", folder / "clinic.csv", "--label", "diagnosis"


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        (lambda f: (f / "clinic.csv", f / "clinic.csv"), 2, "is no exported model"),
        (lambda f: (f / "m.json", f), 2, "is a folder"),
        (lambda f: (f / "m.json", f / "clinic.csv"), 1, "missing 1 of 4 columns: label"),
        (lambda f: (*of_model(f), "--by", "height"), 1, "no column height for subgroups"),
        (lambda f: (*of_model(f), "--by", "diagnosis"), 1, "no column diagnosis for subgroups"),
        (lambda f: (*of_model(f), "--features", f / "m.json"), 2, "--features: MODEL is no ONNX file"),
        (lambda f: (*of_model(f), "--scores", "logits"), 2, "--scores: MODEL is no ONNX file"),
        (lambda f: (*of_model(f), "--frozen", f / "m.json"), 2, "the model has no frozen network"),
        (lambda f: (*of_model(f), "--sheet", "a"), 1, "--sheet"),
        (lambda f: (*of_model(f), "--labels", f / "clinic.csv"), 1, "--labels"),
        (lambda f: (*of_model(f), "--bins", "1"), 2, "--bins"),
        (lambda f: (f / "m.onnx", *of_model(f)[1:], "--frozen", f / "m.json"), 2, "--frozen: MODEL is an ONNX file"),
        (lambda f: (f / "m.onnx", *of_model(f)[1:], "--output", "nothing"), 1, "found logits, probabilities"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(proofward, own, call, code, words):
    result = proofward("evaluate", *call(own[0]))
    assert result.exit_code == code and words in result.stderr


WEIGHT, BIAS = np.array([[0.2, -0.6], [0.1, 0.1], [-0.3, 0.9]]), np.array([0.1, -0.2])


@pytest.fixture(scope="module")
def described(own):
    """A file of columns and classes, as a kit has it."""
    path, columns = own[0] / "features.json", [column.to_plain() for column in COLUMNS]
    label = {"column": "diagnosis", "negative": CLASSES[0], "positive": CLASSES[1]}
    path.write_text(json.dumps({"features": columns, "label": label}))
    return path


@pytest.mark.parametrize(
    ("way", "more"),
    [
        ({}, ()),
        ({"squash": "Softmax"}, ()),
        ({"batch": 7}, ()),
        ({"dtype": np.float64}, ("--scores", "logits")),
        ({"single": True}, ()),
        ({"single": True, "squash": "Sigmoid"}, ()),
    ],
)
def test_an_outside_model_is_evaluated_on_normalised_values(proofward, own, described, tmp_path, way, more):
    folder, values, labels, _ = own
    weight, bias, way = WEIGHT, BIAS, dict(way)
    if way.pop("single", False):
        weight, bias = weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1]
    path = outside(tmp_path / "m.onnx", weight, bias, **way)
    call = ("evaluate", path, folder / "clinic.csv", "--label", "diagnosis", "--features", described, *more)
    found = figures(proofward.json(*call))
    scaled = (values - [50, 1.7, 0]) / [12.5, 0.1, 1]
    logits = scaled @ WEIGHT + BIAS
    margin = logits[:, 1] - logits[:, 0]
    assert inside(found["auc"], auc(margin, labels))
    probability = 1 / (1 + np.exp(-margin))
    assert inside(found["brier"], float(((probability - labels) ** 2).mean()))


@pytest.mark.parametrize(
    ("way", "more", "words"),
    [
        ({"inputs": 2}, (), "expected one input, of rows (n, features) or pictures"),
        ({"inputs": 2}, (), "export the model with a single input"),
        ({}, ("--scores", "probabilities"), "taken for probabilities, and are none"),
        ({"weight": np.ones((4, 2))}, (), "takes records of (4) values, the data gives (3)"),
        ({"weight": np.ones((3, 5)), "bias": np.ones(5)}, (), "one for each of 2 classes"),
        ({"bias": np.array([np.nan, 0])}, (), "no numbers"),
    ],
)  # fmt: skip
def test_an_outside_model_that_does_not_fit_is_refused(proofward, own, described, tmp_path, way, more, words):
    way = dict(way)
    path = outside(tmp_path / "m.onnx", way.pop("weight", WEIGHT), way.pop("bias", BIAS), **way)
    call = ("evaluate", path, own[0] / "clinic.csv", "--label", "diagnosis", "--features", described, *more)
    result = proofward(*call)
    assert result.exit_code == 1 and words in result.stderr


def test_an_outside_model_needs_the_meaning_of_its_inputs(proofward, own, tmp_path):
    path = outside(tmp_path / "m.onnx", WEIGHT, BIAS)
    result = proofward("evaluate", path, own[0] / "clinic.csv", "--label", "diagnosis")
    assert result.exit_code == 1 and "--features" in result.stderr
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x08 no network")
    result = proofward("evaluate", broken, own[0] / "clinic.csv")
    assert result.exit_code == 1 and "cannot be evaluated" in result.stderr


def test_images_in_folders_of_classes(proofward, tmp_path):
    schema = ImageSchema(ImageRule(SIDE, SIDE), Levels((0.5,), (0.25,)), ("clear",), ("mass",))
    network = mlp((SIDE * SIDE, 4, 2))
    exported = ExportedModel(ORIGIN, network, SCALES, Description.of_images(schema), weights_of(network) // 16)
    path, rng, folder = tmp_path / "m.safetensors", np.random.default_rng(3), tmp_path / "images"
    path.write_bytes(exported.to_safetensors())
    for label, name in enumerate(("clear", "mass")):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(picture(rng, label)).save(folder / name / f"{number}.png")
    said = proofward.json("evaluate", path, folder, "--least", "3")
    assert figures(said)["records"] == {"of_the_class": 12, "others": 12}
    predicted = proofward.json("predict", path, folder)["predictions"]
    labels = np.array([entry["image"].startswith("mass") for entry in predicted]).astype(np.int64)
    assert inside(figures(said)["auc"], auc(np.array([entry["score"] for entry in predicted]), labels))
    assert proofward("evaluate", path, folder, "--by", "sex").exit_code == 2
    (folder / "neither").mkdir()
    Image.fromarray(picture(rng, 0)).save(folder / "neither" / "1.png")
    assert proofward.json("evaluate", path, folder)["did"] == "refused"
