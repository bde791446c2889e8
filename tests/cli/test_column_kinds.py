"""A data dictionary in consortium.toml: read, written, bound by the terms, and applied again by `predict`."""

from __future__ import annotations

import json

import pytest

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.table import ProjectError
from proofward.data.columns.schema import EXTENDED
from tests.cli.own_kinds import FEATURES, columns, write_kinds
from tests.cli.own_tables import data, write_project
from tests.data.own_formats import write


def test_the_file_is_written_as_it_was_read(tmp_path):
    project = read_project(write_kinds(tmp_path))
    assert [feature.name for feature in project.schema.inputs] == [
        "age", "age (missing)", "stain=HE", "stain=IHC", "stain=(other)", "grade", "size",
    ]  # fmt: skip
    assert project.setup.model.features == 7
    (tmp_path / "again.toml").write_text(project_text(project))
    assert read_project(tmp_path / "again.toml") == project


def test_the_terms_name_the_dictionary_and_say_nothing_new_of_plain_numbers(tmp_path):
    project = read_project(write_kinds(tmp_path))
    assert project.terms().federation == f"Kinds; columns {project.schema.digest.hex()}"
    other = read_project(write_kinds(tmp_path, FEATURES.replace("missing = 62", "missing = 61")))
    assert other.terms().digest != project.terms().digest
    assert read_project(write_project(tmp_path)).terms().federation == "Markers"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('kind = "ordinal"', 'kind = "order"', "feature 3.kind: expected one of number, category, ordinal"),
        ('levels = ["HE", "IHC"]', 'levels = ["HE", "HE"]', "expected different ones"),
        ("missing = 62", "missing = 17", "expected a value in its range"),
        ("missing = 62", 'missing = "refuse"', "expected a stated value, missing, beside its indicator"),
        ("other = true", "minimum = 3", "feature 2.minimum: expected one of kind, name, levels"),
        ('column = "patient"', 'column = "age"', "id: expected a column of its own, found age"),
        ('column = "patient"', "", "id.column: expected a text"),
    ],
)
def test_wrong_dictionaries(tmp_path, old, new, what):
    assert old in FEATURES
    with pytest.raises(ProjectError, match=what):
        read_project(write_kinds(tmp_path, FEATURES.replace(old, new)))


def test_codes_for_missing_values(tmp_path):
    own = FEATURES.replace("missing = 62", 'missing = 62\nmissing_codes = [-9, "NA"]')
    project = read_project(write_kinds(tmp_path, own))
    assert project.features[0].missing_codes == ("-9", "NA") and project.features[1].missing_codes == ()
    (tmp_path / "again.toml").write_text(project_text(project))
    assert read_project(tmp_path / "again.toml") == project
    text = write_kinds(tmp_path, own).read_text()
    (tmp_path / "shared.toml").write_text('missing_codes = ["?"]\nduplicate_percent = 30\n' + text)
    shared = read_project(tmp_path / "shared.toml")
    assert [column.missing_codes for column in shared.features] == [("-9", "NA"), ("?",), ("?",), ("?",)]
    assert shared.notation.duplicate_percent == 30
    (tmp_path / "again.toml").write_text(project_text(shared))
    assert read_project(tmp_path / "again.toml") == shared
    with pytest.raises(ProjectError, match=r"feature 1\.missing_codes: expected a list of texts in quotes"):
        read_project(write_kinds(tmp_path, FEATURES.replace("missing = 62", "missing_codes = -9")))


def test_what_a_hospital_is_told(proofward, tmp_path):
    project, table = write_kinds(tmp_path), columns(1)
    path = write(tmp_path / "a.csv", table)
    said = proofward.json("check-data", project, "--data", path)
    assert said["exit"] == 0 and said["notes"] == ["40 records of 20 patients"]
    table["age"][3], table["grade"][5] = 17, 4
    said = proofward.json("check-data", project, "--data", write(tmp_path / "a.csv", table))
    assert said["exit"] == 1 and said["problems"] == [
        "column 2, age: numbers outside the agreed range, 18 to 110: 1 (row 5)",
        "column 4, grade: cells that are none of the agreed levels, 1, 2, 3: 1 (row 7)",
    ]


@pytest.mark.slow
def test_an_exported_model_applies_the_same_recipe(proofward, tmp_path):
    project, run, model = write_kinds(tmp_path), tmp_path / "run", tmp_path / "model.json"
    tables = [columns(seed) for seed in (1, 2, 3)]
    files = [write(tmp_path / f"{name}.parquet", table) for name, table in zip("abc", tables, strict=True)]
    said = proofward.json("simulate", project, *data(*files), "--run", run, "--no-plot")
    assert said["exit"] == 0
    assert proofward("audit", run).exit_code == 0
    for form in ("json", "safetensors"):
        model = tmp_path / f"model.{form}"
        assert proofward("model", "export", run, "--to", form, "--out", model).exit_code == 0
        new = write(tmp_path / "new.csv", tables[0])
        by_form = proofward.json("predict", model, new)
        assert len(by_form["predictions"]) == 40 and by_form["not_used"] == ["patient", "diagnosis"]
    plain = json.loads((tmp_path / "model.json").read_text())
    assert [entry["name"] for entry in plain["columns"]] == ["age", "stain", "grade", "size"]
    stated = {**tables[0], "age": [62 if age is None else age for age in tables[0]["age"]]}
    other = proofward.json("predict", model, write(tmp_path / "stated.csv", stated))["predictions"]
    same = [age is not None for age in tables[0]["age"]]
    assert not all(same)
    for known, one, two in zip(same, by_form["predictions"], other, strict=True):
        assert not known or one == two
    wrong = {**tables[0], "age": [200] * 40, "grade": [9] * 40}
    refused = proofward.json("predict", model, write(tmp_path / "wrong.csv", wrong))
    assert refused["exit"] == 1 and "numbers outside the agreed range, 18 to 110, in 40 rows" in refused["reason"]
    assert "none of the agreed levels, 1, 2, 3" in refused["reason"]
    plain["columns"][0]["missing"] = 61.0
    plain["columns"][1]["levels"] = ["IHC", "HE"]
    (tmp_path / "changed.json").write_text(json.dumps(plain))
    changed = proofward.json("predict", tmp_path / "changed.json", new)
    assert changed["exit"] == 1 and "expected those that the columns give" in changed["reason"]


def test_a_kit_holds_the_dictionary(proofward, tmp_path):
    write_kinds(tmp_path)
    assert proofward("consortium", "init", tmp_path).exit_code == 0
    kit = tmp_path / "kits" / "a"
    assert json.loads((kit / "proofward" / "features.json").read_text())["version"] == EXTENDED
    assert proofward("join", kit).exit_code == 0
    table = write(tmp_path / "a.parquet", columns(1))
    assert proofward("enrol", kit, "--data", table).exit_code == 0
    features = kit / "proofward" / "features.json"
    features.write_text(features.read_text().replace('"missing": 62.0', '"missing": 61.0'))
    again = proofward("enrol", kit, "--data", table, "--replace")
    assert again.exit_code == 1 and "which the terms name" in again.stderr
