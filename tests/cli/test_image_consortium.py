"""A consortium on images: its file, `simulate` on folders and archives, kits, exported models, predictions."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.table import ProjectError
from proofward.data.columns.schema import FEATURES_NAME
from proofward.data.image_records import ImageFiles, read_images
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.engines.remote.agreement.home import Home
from proofward.layers.local_training.training import logit_differences
from proofward.report.handover.models.exported_model import read_exported
from tests.cli.own_images import CLASSES, HOSPITALS, SIDE, picture, write_folders, write_npz, write_project
from tests.cli.own_tables import data, write_tables
from tests.cli.own_tables import write_project as write_project_of_tables

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(proofward, tmp_path_factory):
    """(folder, what `simulate` said) of a run on folders of PNG files."""
    folder = tmp_path_factory.mktemp("images")
    write_folders(folder / "data")
    paths = [folder / "data" / name for name in HOSPITALS]
    return folder, proofward.json("simulate", write_project(folder), *data(*paths), "--run", folder / "run")


def test_a_run_on_folders_passes_its_audit(proofward, trained):
    folder, said = trained
    assert (said["exit"], said["finished"], said["rounds"]) == (0, True, 1), said
    assert said["rows"] == dict.fromkeys(HOSPITALS, 16) and said["forced"] == {}
    assert proofward("audit", folder / "run", "--consortium", said["consortium"]).exit_code == 0
    assert json.loads((folder / "run" / "classes.json").read_text()) == list(CLASSES)
    kept = (folder / "run" / FEATURES_NAME).read_bytes()
    assert kept == read_project(folder / "consortium.toml").images.to_bytes()


def test_pictures_of_records_stay_with_the_states_and_are_not_packed(proofward, trained):
    folder, said = trained
    own = folder / "run.private" / "report"
    pictures = {"curves.png", "roc.png", "confusion.png", "saliency.png"}
    assert {path.name for path in own.iterdir()} == {"report.md", "report.json", *pictures}
    assert said["page"] == str(own / "report.md") and not list((folder / "run").rglob("*.png"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in (own, *own.iterdir()))
    text = (own / "report.md").read_text()
    assert "](saliency.png)" in text and "48 images of the training itself, for want of others" in text
    assert json.loads((own / "report.json").read_text()) == said["judged"]
    assert said["judged"]["trained_on"] and said["judged"]["classes"] == list(CLASSES)
    packed = proofward("export-audit", folder / "run", "--out", folder / "pack.zip")
    assert packed.exit_code == 0 and "none is in it" in packed.stdout
    with zipfile.ZipFile(folder / "pack.zip") as pack:
        assert not [name for name in pack.namelist() if "report" in name or name.endswith(".png")]


@pytest.mark.parametrize("kind", ["json", "safetensors"])
def test_the_exported_model_gives_the_federations_integers(proofward, trained, kind, tmp_path):
    folder, said = trained
    out = tmp_path / "model"
    told = proofward("model", "export", folder / "run", "--to", kind, "--out", out)
    assert told.exit_code == 0 and "1x16x16-2x4x4-4-2 after round 1 of 1" in told.stdout
    assert "images of 16 x 16, grey" in told.stdout
    model, schema = read_exported(out.read_bytes()), read_project(folder / "consortium.toml").images
    assert model.digest.hex() == said["model"] and model.description.images == schema
    new = tmp_path / "new"
    new.mkdir()
    for at in range(3):
        Image.fromarray(picture(np.random.default_rng(at), at % 2)).save(new / f"{at}.png")
    pixels = np.stack([np.asarray(Image.open(new / f"{at}.png"))[None] for at in range(3)])
    inputs = schema.levels.features(pixels, model.scales)
    scores = logit_differences(model.model, model.scales, model.weights, inputs).tolist()
    rows = list(csv.reader(proofward("predict", out, new).stdout.splitlines()[:4]))
    assert rows[0] == ["image", "score", "probability of mass", "class"]
    assert [(row[0], int(row[1]), row[3]) for row in rows[1:]] == [
        (f"{at}.png", score, CLASSES[score > 0]) for at, score in enumerate(scores)
    ]
    one = proofward.json("predict", out, new / "1.png")
    assert [(row["image"], row["score"]) for row in one["predictions"]] == [("1.png", scores[1])]
    archive = proofward.json("predict", out, write_npz(tmp_path / "a.npz", 70))
    assert len(archive["predictions"]) == 70 and archive["predictions"][69]["image"] == "train_images[69]"


def test_predictions_that_are_refused(proofward, trained, tmp_path):
    folder, _ = trained
    out = tmp_path / "model.json"
    assert proofward("model", "export", folder / "run", "--to", "json", "--out", out).exit_code == 0
    (tmp_path / "bad").mkdir()
    assert "no images were found" in proofward("predict", out, tmp_path / "bad").stderr
    (tmp_path / "bad" / "a.png").write_bytes(b"no picture")
    Image.fromarray(picture(np.random.default_rng(0), 0)).save(tmp_path / "bad" / "b.png")
    result = proofward("predict", out, tmp_path / "bad")
    assert result.exit_code == 1 and "1 of 2 cannot be read: nothing was predicted" in result.stderr
    assert "a.png: no image" in result.stderr and result.stdout == ""
    assert "takes images, not a table" in proofward("predict", out, tmp_path, "--decimal", "comma").stderr


def test_a_run_on_archives_and_a_table_of_labels(proofward, tmp_path):
    label = 'positive = ["1", "mass"]\nnegative = ["0", "clear"]'
    path = write_project(tmp_path, label=label)
    flat = tmp_path / "flat"
    flat.mkdir()
    rows = ["file,label,patient"]
    for at in range(16):
        Image.fromarray(picture(np.random.default_rng(at), at % 2)).save(flat / f"{at}.png")
        rows.append(f"{at}.png,{CLASSES[at % 2]},{at // 2}")
    (flat / "labels.csv").write_text("\n".join(rows) + "\n")
    checked = proofward("check-data", path, "--data", flat, "--labels", "labels.csv")
    assert checked.exit_code == 0, checked.stderr
    assert "16 images of 16 x 16, grey, 8 of label 0 or clear, 8 of label 1 or mass" in checked.stdout
    archives = [write_npz(tmp_path / f"{name}.npz", seed=at) for at, name in enumerate(HOSPITALS)]
    said = proofward.json("simulate", path, *data(*archives), "--part", "train", "--run", tmp_path / "run")
    assert (said["exit"], said["finished"]) == (0, True)
    assert proofward("audit", tmp_path / "run").exit_code == 0


def test_a_file_is_written_as_it_was_read(tmp_path):
    images = 'size = "16x16"\nwindow = "40,400"\nresampling = "bilinear"\nfit = "pad"\ncentre = 0.25\nspread = 0.5'
    for own in (images, f"{images}\ncolours = true", 'size = "16x16"\ncolours = true\ncentre = [0.5, 0.25, 0.75]'):
        label = 'positive = ["mass", "lump"]\nnegative = 0\ncolumn = "finding"'
        project = read_project(write_project(tmp_path, images=own, label=label))
        (tmp_path / "again.toml").write_text(project_text(project))
        assert read_project(tmp_path / "again.toml") == project
    assert project.setup.model.words == "3x16x16-2x4x4-4-2" and project.images.positive == ("mass", "lump")
    assert project.images.levels == Levels((0.5, 0.25, 0.75), 3 * (0.25,)) and project.images.negative == ("0",)


def test_the_terms_change_with_the_images(tmp_path):
    project = read_project(write_project(tmp_path))
    digests = {project.terms().digest}
    for rule in (ImageRule(16, 16, window="full"), ImageRule(16, 16, fit="crop")):
        digests.add(replace(project, images=replace(project.images, rule=rule)).terms().digest)
    digests.add(replace(project, images=replace(project.images, levels=Levels((0.4,), (0.25,)))).terms().digest)
    assert len(digests) == 4 and project.images.digest.hex() in project.terms().federation
    assert read_project(write_project(tmp_path)).terms().digest in digests


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": '["conv2d 2 kernel 17"]'}, "layer 1 (conv2d 2 kernel 17): kernel: expected at most 16"),
        ({"layers": '["pool 2"]'}, "model.layers, layer 1: expected `conv2d OUTPUTS"),
        ({"layers": "[]\nhidden = [4]"}, "model: expected either hidden or layers"),
        ({"images": ""}, "images.size: expected a text"),
        ({"images": 'size = "16"'}, "images.size: expected HEIGHTxWIDTH, such as"),
        ({"images": 'size = "0x16"'}, "images.height: expected an integer in [1, 4096]"),
        ({"images": 'size = "16x16"\nwindow = "lung"'}, "images.window: expected"),
        ({"images": 'size = "16x16"\nwindow = "40,0"'}, "images.window_width: expected"),
        ({"images": 'size = "16x16"\nfit = "tile"'}, "images.fit: expected one of stretch, crop, pad"),
        ({"images": 'size = "16x16"\nresampling = "cubic"'}, "images.resampling: expected one of area, bilinear"),
        ({"images": 'size = "16x16"\ncolours = 3'}, "images.colours: expected true or false, found 3"),
        ({"images": 'size = "16x16"\nspread = 0'}, "images.spread: expected a number above 0"),
        ({"images": 'size = "16x16"\nspread = 0.001'}, "images.spread 0.001: expected black and white within"),
        ({"images": 'size = "16x16"\ncentre = [0.5, 0.5]'}, "images.centre: expected a number for each of 1"),
        ({"images": 'size = "16x16"\ncentre = "half"'}, "images.centre: expected a number, or a list"),
        ({"images": 'size = "16x16"\nheight = 3'}, "images.height: expected one of size, colours"),
        ({"label": 'positive = "clear"\nnegative = "clear"'}, "expected each class of images once"),
        ({"label": "positive = []"}, "label.positive: expected 1 to 100 classes"),
        ({"more": 'ignore = ["id"]'}, "ignore: expected either columns of a table or [images]"),
        ({"more": 'decimal = ","'}, "decimal: expected either columns"),
        ({"more": "feature = [{ name = 'age', centre = 1, spread = 1 }]"}, "feature: expected either columns"),
    ],
)  # fmt: skip
def test_files_that_make_no_sense(tmp_path, changes, words):
    with pytest.raises(ProjectError) as refused:
        read_project(write_project(tmp_path, **changes))
    assert words in str(refused.value)


def test_data_of_another_kind_are_refused(proofward, tmp_path):
    (tmp_path / "tables").mkdir()
    images, tables = write_project(tmp_path), write_project_of_tables(tmp_path / "tables")
    (table, *_), (folder, *_) = write_tables(tmp_path / "tables", rows=20), write_folders(tmp_path)
    for arguments, words in (
        ((images, "--data", table), "expected a folder of images, an npz archive or an HDF5 file"),
        ((images, "--data", folder, "--decimal", "comma"), "--decimal: the consortium agreed on images"),
        ((images, "--data", folder, "--part", "val"), "parts have no meaning"),
        ((tables, "--data", folder), "expected a table's file, as the consortium agreed, found a folder"),
        ((tables, "--data", table, "--labels", table), "--labels: the consortium agreed on a table"),
        ((tables, "--data", table, "--part", "val"), "--part: the consortium agreed on a table"),
    ):
        result = proofward("check-data", *arguments)
        code = 2 if "found a folder" in words else 1
        assert result.exit_code == code and words in result.stderr, (words, result.stderr)


def test_what_is_wrong_at_any_hospital_is_said_at_once(proofward, tmp_path):
    path, folders = write_project(tmp_path), write_folders(tmp_path)
    (folders[0] / "mass" / "001.png").write_bytes(b"\x89PNG")
    (folders[2] / "mass").rename(folders[2] / "lump")
    result = proofward("simulate", path, *data(*folders), "--run", tmp_path / "run")
    assert result.exit_code == 1 and not (tmp_path / "run").exists()
    assert "a of a: mass/001.png: " in result.stderr and "of b" not in result.stderr
    assert "c of c: lump/001.png: unlabelled: expected a folder named as one of the classes clear, mass" in (
        result.stderr
    )
    missing = proofward("simulate", path, *data(*folders[:2], tmp_path / "none"), "--run", tmp_path / "run")
    assert missing.exit_code == 2 and "is no file or folder" in " ".join(missing.stderr.split())


def test_kits_take_images_and_no_other_rule(proofward, tmp_path):
    pytest.importorskip("nvflare")
    path, (folder, *_) = write_project(tmp_path, roles='"hospital", "verifier"'), write_folders(tmp_path / "data")
    assert proofward("consortium", "init", tmp_path).exit_code == 0
    kit, schema = tmp_path / "kits" / "a", read_project(path).images
    assert proofward("check-data", kit, "--data", folder).exit_code == 0
    said = proofward.json("enrol", kit, "--data", folder)
    assert (said["exit"], said["rows"], said["labels"]) == (0, 16, {"clear": 8, "mass": 8}), said
    home = Home(kit / "proofward")
    expected = read_images(ImageFiles(folder), schema, home.terms.round_config.scales).records
    features, labels = home.dataset("a")
    assert np.array_equal(features, expected.features) and np.array_equal(labels, expected.labels)
    assert features.shape == (16, SIDE * SIDE)
    other = replace(schema, rule=ImageRule(SIDE, SIDE, fit="crop"))
    home.write(FEATURES_NAME, other.to_bytes())
    refused = proofward("enrol", kit, "--data", folder, "--replace")
    assert refused.exit_code == 1 and f"expected images {schema.digest.hex()}, which the terms name" in refused.stderr
