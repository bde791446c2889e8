"""Hospitals with Excel, Parquet and HDF5 files: looked at, run and predicted as with CSV, bit for bit."""

from __future__ import annotations

import csv
import json

import pytest

from tests.cli.own_tables import data, write_project, write_tables
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


def in_other_formats(tables):
    """The same three tables as Excel, Parquet and HDF5."""
    a, b, c = tables
    write_sheets(a.with_suffix(".xlsx"), {"notes": {"x": [1]}, "records": columns_of(a)})
    write(b.with_suffix(".parquet"), columns_of(b))
    write_group(c.with_suffix(".h5"), "study/records", columns_of(c))
    return a.with_suffix(".xlsx"), b.with_suffix(".parquet"), c.with_suffix(".h5")


def test_check_data_says_the_same_of_every_format(proofward, tmp_path, tables):
    project = write_project(tmp_path)
    excel, parquet, hdf5 = in_other_formats(tables)
    for before, now, *options in ((tables[0], excel, "--sheet", "records"), (tables[1], parquet),
                                  (tables[2], hdf5, "--key", "study/records")):  # fmt: skip
        expected = proofward.json("check-data", project, "--data", before, "--json")
        assert proofward.json("check-data", project, "--data", now, *options, "--json") == expected
    said = proofward("check-data", project, "--data", parquet, "--sheet", "x", code=1)
    assert "--sheet with a table of Excel only, found one of Parquet" in said


@pytest.mark.slow
def test_a_model_of_parquet_files_is_that_of_csv_files(proofward, tmp_path, tables):
    project = write_project(tmp_path, rounds=1)
    others = [write(path.with_suffix(".parquet"), columns_of(path)) for path in tables]
    found = []
    for name, files in (("csv", tables), ("parquet", others)):
        run = tmp_path / name
        proofward("simulate", project, *data(*files), "--run", run, "--no-plot", "--held-out", files[0])
        proofward("model", "export", run, "--to", "json", "--out", tmp_path / f"{name}.json")
        exported = json.loads((tmp_path / f"{name}.json").read_text())
        found.append(len(exported["tensors"]))
        model = tmp_path / f"{name}.json"
    assert found[0] == found[1]
    words = [proofward("predict", model, file) for file in (tables[0], others[0])]
    assert words[0] == words[1]
