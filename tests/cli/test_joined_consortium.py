"""A consortium on images with a row of a table each: its file, joining, `simulate`, export, predictions, kits."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.table import ProjectError
from proofward.data.columns.schema import FEATURES_NAME, FeaturesInvalid
from proofward.data.image_schema import ImageSchema, schema_from_bytes
from proofward.engines.remote.agreement.home import Home
from proofward.layers.local_training.training import logit_differences
from proofward.report.handover.models.exported_model import read_exported
from tests.cli.own_rows import COLUMNS, HOSPITALS, number, write_project, write_site, write_sites
from tests.cli.own_tables import data

pytestmark = pytest.mark.slow

TABLES = ("--labels", "labels.csv", "--table", "rows.csv")


@pytest.fixture(scope="module")
def trained(proofward, tmp_path_factory):
    """(folder, what `simulate` said)."""
    folder = tmp_path_factory.mktemp("joined")
    paths = write_sites(folder / "data")
    arguments = ("simulate", write_project(folder), *data(*paths), *TABLES, "--run", folder / "run")
    return folder, proofward.json(*arguments)


def test_a_run_passes_its_audit_and_keeps_no_number(proofward, trained):
    folder, said = trained
    assert (said["exit"], said["finished"], said["rounds"]) == (0, True, 1), said
    assert said["rows"] == dict.fromkeys(HOSPITALS, 16) and said["forced"] == {}
    assert proofward("audit", folder / "run", "--consortium", said["consortium"]).exit_code == 0
    kept = (folder / "run" / FEATURES_NAME).read_bytes()
    assert kept == read_project(folder / "consortium.toml").images.to_bytes()
    numbers = [number(at).encode() for at in range(16)]
    for path in [*(folder / "run").rglob("*"), *(folder / "run.private").rglob("*")]:
        if path.is_file():
            found = path.read_bytes()
            assert not any(own in found for own in numbers), path


def test_an_exported_model_takes_images_and_rows(proofward, trained, tmp_path):
    folder, said = trained
    out = tmp_path / "model.json"
    told = proofward("model", "export", folder / "run", "--to", "json", "--out", out)
    assert told.exit_code == 0 and "1x8x8,3-2x3x3-4+row-2 after round 1 of 1" in told.stdout
    assert "images of 8 x 8, grey, each with a row of 3 features" in told.stdout and "--table ROWS.csv" in told.stdout
    model, schema = read_exported(out.read_bytes()), read_project(folder / "consortium.toml").images
    assert model.digest.hex() == said["model"] and model.description.images == schema
    new = write_site(tmp_path / "new", count=3, seed=9)
    (new / "labels.csv").unlink()
    (new / "rows.csv").unlink()
    rows = tmp_path / "rows.csv"
    rows.write_text("brca,file,age,il6,ward\n40,002.png,70,20,x\n41,000.png,30,90,x\n42,001.png,60,50,x\n")
    values = {"000.png": (30, 90, 41), "001.png": (60, 50, 42), "002.png": (70, 20, 40)}
    pixels = np.stack([np.asarray(Image.open(new / name))[None] for name in values])
    unit = 1 << model.scales.activation_bits
    own = np.rint((np.array(list(values.values())) - 50) / 20 * unit).astype(np.int64)
    inputs = np.hstack([schema.levels.features(pixels, model.scales), own])
    scores = logit_differences(model.model, model.scales, model.weights, inputs).tolist()
    found = proofward("predict", out, new, "--table", rows, "--prove", tmp_path / "proof")
    assert found.exit_code == 0, found.stderr
    said = list(csv.reader(found.stdout.splitlines()[:4]))
    assert [(row[0], int(row[1])) for row in said[1:]] == list(zip(values, scores, strict=True))
    verified = proofward("verify", tmp_path / "proof", "--model", out)
    assert verified.exit_code == 0 and "VALID" in verified.stdout
    other = rows.read_text().replace("41,000.png,30,90", "41,000.png,30,10")
    rows.write_text(other)
    again = list(csv.reader(proofward("predict", out, new, "--table", rows).stdout.splitlines()[:4]))
    assert again[1][1] != said[1][1] and again[2:] == said[2:]
    rows.write_text("brca,file,age,il6\n40,002.png,70,20\n41,000.png,30,90\n1,1,1,1\n")
    refused = proofward("predict", out, new, "--table", rows)
    assert refused.exit_code == 1 and "images that the table has no row for, by the column file: 1" in refused.stderr
    assert "rows of the table whose file is no image: 1" in refused.stderr and refused.stdout == ""
    rows.write_text("brca,file,age,il6\n40,002.png,70,20\n41,002.png,30,90\n")
    assert "names that stand in several rows: 1" in proofward("predict", out, new, "--table", rows).stderr
    assert proofward("predict", out, new).exit_code == 2


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_an_exported_program_has_two_inputs(proofward, trained, kind, tmp_path):
    pytest.importorskip(kind)
    folder, _ = trained
    told = proofward("model", "export", folder / "run", "--to", kind, "--out", tmp_path / "program")
    assert told.exit_code == 0, told.stderr


def test_the_file_is_checked_and_its_costs_are_told(proofward, tmp_path):
    told = proofward("consortium", "check", write_project(tmp_path))
    assert told.exit_code == 0 and "1x8x8,3" in told.stdout, told.stdout
    inspected = proofward("inspect", tmp_path / "consortium.toml")
    assert inspected.exit_code == 0
    assert "a row of 3 values makes a record of 64 places one of 128" in " ".join(inspected.stdout.split())


def test_a_file_is_written_as_it_was_read(tmp_path):
    project = read_project(write_project(tmp_path, table='id = "patient"\nignore = ["ward"]\ndecimal = ","'))
    (tmp_path / "again.toml").write_text(project_text(project))
    again = read_project(tmp_path / "again.toml")
    assert again.images == project.images and again.setup.model == project.setup.model
    row = project.images.row
    assert row.id == "patient" and [entry.name for entry in row.features] == list(COLUMNS)
    data = project.images.to_bytes()
    assert schema_from_bytes(data) == project.images
    assert replace(project.images, row=None).digest != project.images.digest
    plain = project.images.to_plain()
    for other in ([], {"id": "patient"}, {**plain["row"], "features": []}, {**plain["row"], "more": 1}):
        with pytest.raises(FeaturesInvalid):
            ImageSchema.from_plain({**plain, "row": other})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": '["conv2d 2 kernel 3", "linear 4"]'}, "row of a record: expected a layer that it joins"),
        ({"layers": '["conv2d 2 kernel 3", "add row by linear 4"]'}, "values that join the sums"),
        ({"layers": '["linear 4", "add row"]'}, "row of a record: expected a layer between"),
        ({"layers": "[]\nhidden = [4]"}, "model: expected either hidden or layers"),
        ({"table": ""}, "table.id: expected a text"),
        ({"table": 'id = "age"'}, "the label's column has the name of a feature"),
        ({"table": 'id = "p"\nkey = 1'}, "table.key: expected one of id, ignore, decimal, clipped_percent"),
        ({"columns": ()}, "feature: expected tables, [[feature]]"),
        ({"columns": ("channel 1 row 1 column 1",)}, "expected another name than a pixel's"),
        ({"images": False, "layers": '["linear 4"]'}, "table: expected with [images] only"),
        ({"more": 'ignore = ["id"]'}, "ignore: expected either columns of a table or [images]"),
    ],
)  # fmt: skip
def test_files_that_make_no_sense(tmp_path, changes, words):
    with pytest.raises(ProjectError) as refused:
        read_project(write_project(tmp_path, **changes))
    assert words in str(refused.value)


def test_what_does_not_fit_is_said_at_once_and_without_a_value(proofward, tmp_path):
    path, folder = write_project(tmp_path), write_site(tmp_path / "a")
    assert "enrol would take this in" in proofward("check-data", path, "--data", folder, *TABLES).stdout
    rows = (folder / "rows.csv").read_text().splitlines()
    labels = (folder / "labels.csv").read_text().splitlines()
    labels[3] = labels[3].rpartition(",")[0] + ",Q1"  # an image of a patient without a row, and a row without image
    rows.append(rows[1])  # a number twice
    rows.append(f"30,{number(5).lower()},40,50")  # one that differs in case
    rows.append("30,,40,50")
    rows[2] = rows[2].replace(rows[2].split(",")[0], "old", 1)
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "labels.csv").write_text("\n".join(labels) + "\n")
    result = proofward("check-data", path, "--data", folder, *TABLES)
    assert result.exit_code == 1
    for words in (
        "images whose patient has no row in the table: 1",
        "rows of the table whose patient has no image: 2",
        "numbers of an earlier row, so that which one is meant is not known: 1 (row 18)",
        "numbers that differ from an earlier row's in case or leading zeros only: write them alike: 1 (row 19)",
        "empty cells: 1 (row 20)",
        "cells that are no number with a decimal point: 1 (row 3)",
    ):
        assert words in result.stderr, (words, result.stderr)
    assert "Q1" not in result.stderr and "P0" not in result.stderr and "old" not in result.stderr


def test_images_that_name_no_patient_and_missing_tables_are_refused(proofward, tmp_path):
    path, folder = write_project(tmp_path), write_site(tmp_path / "a")
    for at, place in enumerate(sorted(folder.glob("*.png"))):
        (folder / ("mass" if at % 2 else "clear")).mkdir(exist_ok=True)
        place.rename(folder / ("mass" if at % 2 else "clear") / place.name)
    (folder / "labels.csv").unlink()
    result = proofward("check-data", path, "--data", folder, "--table", "rows.csv")
    assert result.exit_code == 1 and "images that name no patient, so that no row can be theirs: 16" in result.stderr
    none = proofward("check-data", path, "--data", folder)
    assert none.exit_code == 1 and "the consortium agreed on a table whose rows go with the images" in none.stderr
    missing = proofward("check-data", path, "--data", folder, "--table", "no.csv")
    assert missing.exit_code == 1 and "no.csv: No such file" in missing.stderr


def test_several_images_of_a_patient_have_one_row(proofward, tmp_path):
    path, folder = write_project(tmp_path), write_site(tmp_path / "a")
    rows = [line for line in (folder / "rows.csv").read_text().splitlines() if number(0) not in line]
    labels = (folder / "labels.csv").read_text().replace(number(0), number(1))
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "labels.csv").write_text(labels)
    result = proofward("check-data", path, "--data", folder, *TABLES)
    assert result.exit_code == 0 and "share a patient, and so a row, with another image: 1" in result.stdout


def test_kits_take_images_with_their_rows(proofward, tmp_path):
    pytest.importorskip("nvflare")
    write_project(tmp_path)
    folder = write_site(tmp_path / "data")
    assert proofward("consortium", "init", tmp_path).exit_code == 0
    kit = tmp_path / "kits" / "a"
    said = proofward.json("enrol", kit, "--data", folder, *TABLES)
    assert (said["exit"], said["rows"], said["labels"]) == (0, 16, {"clear": 8, "mass": 8}), said
    features, labels = Home(kit / "proofward").dataset("a")
    assert features.shape == (16, 67) and labels.tolist() == [0, 1] * 8
    unit = 64 / 20
    assert np.array_equal(features[:, 65], np.rint((np.where(labels, 70, 40) - 50) * unit))


def test_an_outside_model_of_pictures_with_rows_is_refused_with_what_to_do(proofward, tmp_path):
    path = write_project(tmp_path)
    path.write_text(path.read_text().replace("[model]", f'[outside_model]\ndigest = "{"0" * 64}"\n[model]', 1))
    said = proofward.json("consortium", "check", path)
    assert said["exit"] == 1 and "outside_model: expected pictures without [table]" in said["problems"][0]
