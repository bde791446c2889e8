"""Hospitals with Excel, Parquet and HDF5 files: looked at, run and predicted as with CSV."""

from __future__ import annotations

import csv

import pytest

from tests.cli.own_tables import HOSPITALS, data, write_project, write_tables
from tests.data.own_formats import write, write_group, write_sheets


def columns_of(path) -> dict[str, list[object]]:
    """The columns of a CSV file, numbers as such."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
    return {name: list(map(float, cells)) if name.startswith("marker") else cells for name, cells in columns.items()}


@pytest.fixture
def tables(tmp_path):
    return write_tables(tmp_path / "tables", rows=40)


@pytest.fixture
def others(tables):
    """The same three tables as Excel, Parquet and HDF5."""
    a, b, c = tables
    write_sheets(a.with_suffix(".xlsx"), {"notes": {"x": [1]}, "records": columns_of(a)})
    write(b.with_suffix(".parquet"), columns_of(b))
    write_group(c.with_suffix(".h5"), "study/records", columns_of(c))
    return a.with_suffix(".xlsx"), b.with_suffix(".parquet"), c.with_suffix(".h5")


WHERE = ("--sheet", "records"), (), ("--key", "study/records")


def test_check_data_says_the_same_of_every_format(proofward, tmp_path, tables, others):
    project = write_project(tmp_path)
    for before, now, options in zip(tables, others, WHERE, strict=True):
        expected = proofward.json("check-data", project, "--data", before)
        assert proofward.json("check-data", project, "--data", now, *options) == expected and expected["exit"] == 0
    said = proofward("check-data", project, "--data", others[1], "--sheet", "x")
    assert said.exit_code == 1 and "--sheet with a table of Excel only, found one of Parquet" in said.stderr
    assert proofward("check-data", project, "--data", others[1], "--delimiter", "M").exit_code == 2


@pytest.mark.slow
def test_one_run_and_its_predictions_on_all_formats(proofward, tmp_path, tables, others):
    project, run, model = write_project(tmp_path, rounds=1), tmp_path / "run", tmp_path / "model.json"
    options = [word for words in WHERE for word in words]
    said = proofward.json("simulate", project, *data(*others), *options, "--held-out", others[1], "--run", run, "--no-plot")
    assert said["exit"] == 0 and said["rows"] == dict.fromkeys(HOSPITALS, 40)
    assert proofward("model", "export", run, "--to", "json", "--out", model).exit_code == 0
    for before, now, where in zip(tables, others, WHERE, strict=True):
        expected = proofward.json("predict", model, before)
        assert proofward.json("predict", model, now, *where)["predictions"] == expected["predictions"]
