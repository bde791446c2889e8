"""`proofward consortium statistics`: as a command counts them, reads them again, and puts them into the file."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.statistics_terms import statistics_layout, statistics_project
from proofward.cli.run.words.statistics import hospital_lines
from proofward.data.columns.statistics_layout import schema_of
from proofward.data.inspection.table_values import read_values
from proofward.data.tables.table_file import TableFile
from proofward.report.statistics_source import read_statistics
from proofward.statistics.counts import counts_of, ranges_of
from tests.cli.own_statistics import ROWS, write_all, write_uncentred
from tests.cli.own_tables import data


@pytest.fixture(scope="module")
def counted(proofward, tmp_path_factory):
    folder = tmp_path_factory.mktemp("counted")
    path, (tables, files) = write_uncentred(folder), write_all(folder)
    before = path.read_text()
    said = proofward.json("consortium", "statistics", path, *data(*files), "--run", folder / "run", "--write")
    assert said["exit"] == 0, said
    return folder, path, before, tables, files, said


def column(said, name):
    return next(own for own in said["columns"] if own["name"] == name)


def test_what_is_said_is_what_the_joined_table_has(counted):
    *_, tables, _, said = counted
    assert said["rows"] == sum(ROWS.values()) and said["hospitals"] == ["a", "b", "c"] and said["written"]
    for name in ("age", "size"):
        own, plain = column(said, name), np.array([v for table in tables for v in table[name] if v != -9])
        low, high = own["histogram"]["low"], own["histogram"]["high"]
        clipped = np.clip(plain, low, high)
        assert own["values"] == own["counted"] == len(plain) and own["precision"] == (high - low) / 2**17
        assert abs(own["centre"] - clipped.mean()) <= own["precision"] * 1.000001
        assert abs(own["spread"] - clipped.std()) <= own["precision"] * 1.000001
        for percent, quantile in own["quantiles"].items():
            true = np.quantile(plain, int(percent) / 100, method="inverted_cdf")
            assert (quantile["low"] or -1e9) <= true <= (quantile["high"] or 1e9)
        histogram = own["histogram"]
        assert sum(histogram["bins"]) + sum(histogram[k] for k in ("below", "above", "withheld")) == len(plain)
    assert (column(said, "age")["missing"], column(said, "age")["histogram"]["low"]) == (23, 18.0)
    stains = [stain for table in tables for stain in table["stain"]]
    assert column(said, "stain")["levels"] == {"HE": stains.count("HE"), "IHC": stains.count("IHC")}
    assert column(said, "diagnosis")["levels"] == {"B": 112, "M": 113}
    grades = np.array([grade - 1 for table in tables for grade in table["grade"]])
    assert np.isclose(column(said, "grade")["centre"], grades.mean(), rtol=1e-12)


def test_the_file_has_them_and_where_they_come_from(counted):
    _, path, before, _, _, said = counted
    project, after = read_project(path), path.read_text()
    assert project.notation.statistics == said["ledger"]
    for own in tomllib.loads(after)["feature"]:
        if own.get("kind") != "category":
            assert np.isclose(own["centre"], column(said, own["name"])["centre"], rtol=1e-4)
            assert np.isclose(own["spread"], column(said, own["name"])["spread"], rtol=1e-4)
    kept = [line for line in after.splitlines() if not line.startswith(("centre", "spread", "ledger", "[statistics]"))]
    assert [line for line in kept if line] == [line for line in before.splitlines() if line and "spread" not in line]
    (path.parent / "again.toml").write_text(project_text(project))
    assert read_project(path.parent / "again.toml") == project
    other = after.replace(said["ledger"], "0" * 64)
    (path.parent / "again.toml").write_text(other)
    assert read_project(path.parent / "again.toml").terms().digest != project.terms().digest, "members compare it"


def test_the_ledger_says_the_same_to_everybody(proofward, counted):
    folder, path, _, _, _, said = counted
    assert proofward("audit", folder / "run").exit_code == 0
    again = proofward.json("consortium", "statistics", path, "--from", folder / "run")
    assert again["exit"] == 0 and again["columns"] == said["columns"] and again["ledger"] == said["ledger"]
    lines = proofward("consortium", "statistics", path, "--from", folder / "run").stdout
    assert "225 rows in all tables together" in lines and f"ledger {said['ledger']}" in lines
    assert "stain, category: 225 values" in lines and "age (years), number: 202 values, 23 missing" in lines
    other = path.parent / "other.toml"
    other.write_text(path.read_text().replace("maximum = 110", "maximum = 111"))
    refused = proofward.json("consortium", "statistics", other, "--from", folder / "run")
    assert refused["exit"] == 1 and "statistics of other columns" in refused["reason"]


def encodings(vector: np.ndarray):
    """How a few consecutive counts may be written down."""
    listed = vector.tolist()
    for kind in ("<i8", ">i8", "<i4", ">i4", "<i2", ">i2", "u1"):
        yield vector.astype(kind).tobytes()
    yield json.dumps(listed).encode()
    yield json.dumps(listed, separators=(",", ":")).encode()
    yield b"".join(map(cbor, listed))


def cbor(number: int) -> bytes:
    """As canonical records have it."""
    if number < 24:
        return bytes([number])
    width = 1 if number < 1 << 8 else 2 if number < 1 << 16 else 4
    return bytes([23 + width.bit_length()]) + number.to_bytes(width, "big")


def telling(vector: np.ndarray, width: int = 6) -> np.ndarray:
    """The piece of a vector with the most different counts, which no other data would have."""
    pieces = [vector[start : start + width] for start in range(len(vector) - width + 1)]
    piece = max(pieces, key=lambda own: (len(set(own.tolist())), own.sum()))
    assert len(set(piece.tolist())) >= 4
    return piece


def test_no_hospitals_own_counts_are_in_any_message_object_or_log(counted):
    folder, path, _, _, files, said = counted
    layout = statistics_layout(statistics_project(path), 32, 5)
    schema, vectors, sums = schema_of(layout), [], {}
    values = [read_values(TableFile(file), schema) for file in files]
    for counting, step in zip(layout.countings(), layout.steps, strict=True):
        raw = [counts_of(layout, step, own, ranges_of(layout, sums)) for own in values]
        told = [counting.told(own) for own in raw]
        sums[step] = np.sum(told, axis=0)
        vectors += [*raw, *told]
    everything = b"".join(file.read_bytes() for file in sorted((folder / "run").rglob("*")) if file.is_file())
    everything += json.dumps(said).encode() + path.read_bytes()
    assert len(vectors) == 18
    assert not [1 for vector in vectors if any(piece in everything for piece in encodings(telling(vector)))]
    for total in sums.values():
        assert any(piece in everything for piece in encodings(telling(total))), "the scan finds sums"


def test_a_file_without_centres_is_told_what_computes_them(counted):
    folder, _, before, *_ = counted
    (folder / "bare.toml").write_text(before)
    project, problems = read_whole_project(folder / "bare.toml")
    assert project is None
    assert str(problems[0]) == (
        "feature 1.centre: expected a number, which `proofward consortium statistics` computes of all tables together, found nothing"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        ((), 2, "expected one of --data"),
        (("--kits", "--from", "."), 2, "expected one of --data"),
        (("--kits", "--write"), 2, "there are no sums yet"),
        (("--from", "."), 2, "has no ledger"),
    ],
)
def test_wrong_use(proofward, tmp_path, arguments, code, what):
    path = write_uncentred(tmp_path)
    arguments = [tmp_path if argument == "." else argument for argument in arguments]
    result = proofward("consortium", "statistics", path, *arguments)
    assert result.exit_code == code and what in result.stderr


def test_tables_that_cannot_be_read_are_all_named(proofward, tmp_path):
    path, (_, files) = write_uncentred(tmp_path), write_all(tmp_path)
    files[1].write_text("patient,age\n1,2\n")
    files[2].write_text(files[2].read_text() + "1,2\n")
    said = proofward.json("consortium", "statistics", path, *data(*files), "--run", tmp_path / "run")
    assert said["exit"] == 1 and said["reason"].startswith("nothing was counted") and len(said["problems"]) == 2
    assert "of b: row 1: missing 4 of 6 columns" in said["problems"][0] and "of c: rows that have not 6 cells" in said["problems"][1]


def test_sums_of_different_hospitals_are_said_to_be(counted):
    folder, *_ = counted
    summed = read_statistics(folder / "run")
    assert hospital_lines(summed) == ["hospitals in the sums: a, b, c"]
    other = replace(summed, hospitals={**summed.hospitals, "moments": ("a", "c")})
    assert other.in_all == ("a", "c") and hospital_lines(other)[2:] == [
        "hospitals in the moments: a, c",
        "the sums are of different hospitals: together they tell more of who is in one only",
    ]


def test_a_ledger_of_training_has_no_statistics(proofward, tmp_path, demo_run):
    path = write_uncentred(tmp_path)
    said = proofward.json("consortium", "statistics", path, "--from", demo_run[0])
    assert said["exit"] == 1 and "found one of training" in said["reason"]
