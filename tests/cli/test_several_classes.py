"""A consortium of three classes: its file, its tables, a whole run, and what its model says of new records."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.table import ProjectError
from proofward.layers.networks.network import mlp
from proofward.report.handover.models.exported_model import read_exported
from tests.cli.own_images import write_project as write_image_project
from tests.cli.own_tables import data

pytestmark = pytest.mark.slow

HOSPITALS, KINDS, COLUMNS = ("a", "b", "c"), ("benign", "malignant", "normal"), 4


def write_tables(folder: Path, rows: int = 24, kinds: tuple[str, ...] = KINDS) -> list[Path]:
    """FOLDER/a.csv and so on; the class is that of the largest of three columns, nearly always."""
    random, paths = np.random.default_rng(1), []
    for name in HOSPITALS:
        values = random.normal(10, 3, (rows, COLUMNS))
        labels = np.argmax(values[:, :3] + random.normal(0, 0.3, (rows, 3)), axis=1)
        lines = [",".join([*(f"marker {number}" for number in range(COLUMNS)), "kind"])]
        for row, label in zip(values, labels, strict=True):
            lines.append(",".join([*(f"{value:.3f}" for value in row), kinds[label]]))
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def write_project(folder: Path, label: str = 'classes = ["benign", "malignant", "normal"]', rounds: int = 2) -> Path:
    lines = ['title = "Kinds"', 'server = "localhost"', f"rounds = {rounds}", "[model]", "hidden = [6]", "[training]"]
    lines += ["learning_rate = 0.125", "batch = 8", "epochs = 4", "clip_bound = 8", "[label]", 'column = "kind"', label]
    for name in HOSPITALS:
        lines += ["[[site]]", f'name = "{name}"', 'roles = ["hospital", "verifier"]']
    for number in range(COLUMNS):
        lines += ["[[feature]]", f'name = "marker {number}"', "centre = 10.0", "spread = 3.0"]
    path = folder / "consortium.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def ran(proofward, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    path, files = write_project(folder), write_tables(folder)
    said = proofward.json("simulate", path, *data(*files), "--run", folder / "run")
    return folder, files, said


def test_the_file_says_the_classes_and_the_network_has_an_output_for_each(tmp_path):
    path = write_project(tmp_path)
    project = read_project(path)
    assert project.schema.classes == KINDS and project.setup.model == mlp((COLUMNS, 6, 3))
    path.write_text(project_text(project))
    assert read_project(path) == project and 'classes = ["benign", "malignant", "normal"]' in path.read_text()
    project = read_project(write_project(tmp_path, "classes = [3, 1, 2]"))
    assert project.schema.classes == ("3", "1", "2")


def test_two_classes_may_be_listed_too(tmp_path):
    listed = read_project(write_project(tmp_path, 'classes = ["B", "M"]'))
    named = read_project(write_project(tmp_path, 'negative = "B"\npositive = "M"'))
    assert listed == named and listed.schema.to_bytes() == named.schema.to_bytes()
    assert listed.setup.model == mlp((COLUMNS, 6, 2))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ('classes = ["a", "b", "a"]', "different values for every class, found a and a"),
        ("classes = [1, 2, 1]", "different values for every class, found 1 and 1"),
        ('classes = ["a"]', "two classes or more, found 1"),
        ("classes = []", "two classes or more, found 0"),
        ('classes = "a"', "label.classes: expected a list of texts"),
        ("classes = [1.5, 2.5]", "label.classes: expected a list of texts"),
        ('classes = ["a", "b", " c"]', "without spaces"),
        (f"classes = {list(range(65))}", "2 to 64 classes, found 65"),
        ('classes = ["a", "b", "c"]\npositive = "b"', "either classes, or negative and positive"),
    ],
)
def test_other_classes_are_refused(tmp_path, label, words):
    with pytest.raises(ProjectError, match=words):
        read_project(write_project(tmp_path, label))


def test_a_run_passes_its_audit(proofward, ran):
    folder, _, said = ran
    assert (said["exit"], said["finished"], said["rounds"]) == (0, True, 2), said
    assert json.loads((folder / "run" / "classes.json").read_text()) == list(KINDS)
    judged = Path(said["page"]).read_text()
    assert "the class that is likeliest" in judged and all(f"| {kind} |" in judged for kind in KINDS)
    assert proofward("audit", folder / "run", "--consortium", said["consortium"]).exit_code == 0


def test_its_model_predicts_classes_with_probabilities(proofward, ran):
    folder, files, said = ran
    exported = folder / "model.json"
    result = proofward("model", "export", folder / "run", "--to", "json", "--out", exported)
    assert result.exit_code == 0 and "classes: benign, malignant, normal" in result.stderr + result.stdout
    model = read_exported(exported.read_bytes())
    assert model.description.classes == KINDS and model.model == mlp((COLUMNS, 6, 3))
    told = proofward("predict", exported, files[0])
    rows = list(csv.DictReader(told.stdout.splitlines()))
    assert list(rows[0]) == ["row", *(f"score of {kind}" for kind in KINDS),
                             *(f"probability of {kind}" for kind in KINDS), "class"]  # fmt: skip
    for row in rows:
        scores = [int(row[f"score of {kind}"]) for kind in KINDS]
        chances = [float(row[f"probability of {kind}"]) for kind in KINDS]
        assert row["class"] == KINDS[scores.index(max(scores))] and sum(chances) == pytest.approx(1, abs=1e-5)
        exact = np.exp(np.array(scores) / 64)
        assert np.allclose(chances, exact / exact.sum(), atol=1e-6)
    plain = proofward.json("predict", exported, files[0])
    assert plain["classes"] == plain["probability_of"] == list(KINDS) and plain["model"] == said["model"]
    first = plain["predictions"][0]
    assert first["class"] == rows[0]["class"] and list(first["scores"]) == list(first["probabilities"]) == list(KINDS)


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_its_programs_are_within_their_bound(proofward, ran, kind):
    pytest.importorskip(kind)
    folder, _, _ = ran
    out = folder / f"model.{kind}"
    result = proofward("model", "export", folder / "run", "--to", kind, "--out", out)
    assert result.exit_code == 0 and "largest error of the logits on" in " ".join((result.stdout + result.stderr).split())


def test_a_table_with_a_class_that_is_not_agreed_is_refused(proofward, tmp_path):
    path, files = write_project(tmp_path), write_tables(tmp_path, 20, ("benign", "malignant", "other"))
    result = proofward("simulate", path, *data(*files), "--run", tmp_path / "run")
    assert result.exit_code == 1
    assert "none of the agreed labels, benign, malignant and normal" in " ".join(result.stderr.split())


def test_every_class_is_counted(ran):
    from proofward.cli.kit.records.data_file import described
    from tests.data.reading import read_csv

    folder, files, _ = ran
    project = read_project(folder / "consortium.toml")
    table = read_csv(files[0], project.schema, project.setup.scales)
    plain, lines = described(table, project.schema)
    assert list(plain["labels"]) == list(KINDS) and sum(plain["labels"].values()) == 24 == plain["rows"]
    assert all(count > 0 for count in plain["labels"].values()) and "of label normal" in lines[0]


def weigh(path: Path, weights: str) -> Path:
    path.write_text(path.read_text().replace("[training]", f"[training]\nclass_weights = {weights}"))
    return path


def test_classes_are_weighted_as_the_file_says(proofward, tmp_path):
    path, files = weigh(write_project(tmp_path, rounds=1), "[2, 1, 3]"), write_tables(tmp_path, 16)
    project = read_project(path)
    assert project.setup.model.class_weights == (2, 1, 3) and project.setup.model.widths == (COLUMNS, 6, 3)
    said = proofward.json("simulate", path, *data(*files), "--run", tmp_path / "run")
    assert (said["exit"], said["finished"]) == (0, True), said
    assert proofward("audit", tmp_path / "run", "--consortium", said["consortium"]).exit_code == 0
    out = tmp_path / "model.json"
    assert proofward("model", "export", tmp_path / "run", "--to", "json", "--out", out).exit_code == 0
    assert read_exported(out.read_bytes()).model == project.setup.model
    path.write_text(project_text(project))
    assert read_project(path) == project and "class_weights = [2, 1, 3]" in path.read_text()


@pytest.mark.parametrize(("weights", "words"), [
    ("[1, 2]", "class_weights: expected a list of 3 integers"), ("[1, 2, 17]", "integers in .1, 16., found 17"),
    ("2", "a list of integers, one for each class"),
])  # fmt: skip
def test_other_weights_are_refused(tmp_path, weights, words):
    with pytest.raises(ProjectError, match=words):
        read_project(weigh(write_project(tmp_path), weights))


def test_weights_of_1_are_none(tmp_path):
    plain, weighed = write_project(tmp_path), tmp_path / "weighed"
    weighed.mkdir()
    equal = read_project(weigh(write_project(weighed), "[1, 1, 1]"))
    assert equal.setup.model == read_project(plain).setup.model


SIDES = 'classes = ["clear", ["lump", "mass"], "cyst"]'


def write_pictures(folder: Path) -> list[Path]:
    """FOLDER/a/clear and so on: dark pictures, and such with a bright upper or lower half."""
    random, paths = np.random.default_rng(3), []
    for name in HOSPITALS:
        paths.append(folder / name)
        for at, kind in enumerate(("clear", "lump", "mass", "cyst") * 4):
            made = random.integers(40, 110, (16, 16), dtype=np.uint8)
            if kind != "clear":
                made[8:] += 0 if kind == "cyst" else 120
                made[:8] += 120 if kind == "cyst" else 0
            place = folder / name / kind
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(made).save(place / f"{at:03}.png")
    return paths


def test_images_of_several_classes_are_trained_and_predicted(proofward, tmp_path):
    path, files = write_image_project(tmp_path, label=SIDES), write_pictures(tmp_path / "data")
    project = read_project(path)
    assert project.schema.classes == ("clear", "lump or mass", "cyst") and project.setup.model.words == "1x16x16-2x4x4-4-3"
    said = proofward.json("simulate", path, *data(*files), "--run", tmp_path / "run")
    assert (said["exit"], said["finished"]) == (0, True), said
    assert proofward("audit", tmp_path / "run", "--consortium", said["consortium"]).exit_code == 0
    out = tmp_path / "model.json"
    assert proofward("model", "export", tmp_path / "run", "--to", "json", "--out", out).exit_code == 0
    told = proofward.json("predict", out, files[0] / "cyst")
    assert told["classes"] == ["clear", "lump or mass", "cyst"] and len(told["predictions"]) == 4
    assert all(sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5) for row in told["predictions"])
    path.write_text(project_text(project))
    assert read_project(path) == project and SIDES in path.read_text()


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ('classes = ["a", ["b", "a"], "c"]', "each class of images once, found a twice"),
        ('classes = ["a"]', "two classes or more, found 1"),
        ('classes = "a"', "label.classes: expected a list of classes of images"),
        ('classes = ["a", [], "c"]', "expected 1 to 100 classes of images, found 0"),
        ('classes = ["a", "b", "c"]\nnegative = "a"', "either classes, or negative and positive"),
    ],
)
def test_other_classes_of_images_are_refused(tmp_path, label, words):
    with pytest.raises(ProjectError, match=words):
        read_project(write_image_project(tmp_path, label=label))
