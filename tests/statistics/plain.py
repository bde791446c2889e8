"""Tables of five hospitals, what is summed of them without encryption, and the same from the joined table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from proofward.data.columns.column_kinds import Category, Number, Ordinal
from proofward.data.columns.feature import Feature
from proofward.data.columns.schema import Label, Notation, Schema
from proofward.data.columns.statistics_layout import schema_of
from proofward.data.inspection.table_values import read_values
from proofward.data.tables.table_file import TableFile
from proofward.report.statistics import Statistics, statistics_of
from proofward.statistics.counts import counts_of, ranges_of
from proofward.statistics.layout import Layout

SCHEMA = Schema(
    (
        Feature("size", 3.0, 7.0, "mm"),
        Number(Feature("age", 60.0, 12.0, "years"), 0, 120, 62, True, ("-9", "NA")),
        Category("stain", ("HE", "IHC"), other=True),
        Ordinal("grade", ("1", "2", "3"), 1.0, 0.5),
        Number(Feature("shift", 0.0, 1.0), missing=0.0),
    ),
    Notation(Label("diagnosis", "B", "M"), ("note",)),
)  # fmt: skip


def rows_of(seed: int, rows: int) -> list[list[object]]:
    """A hospital's: sizes over three octaves, some ages missing by three codes, stains that nobody agreed on."""
    rng = np.random.default_rng(seed)
    ages = [["NA", "-9", ""][n // 9 % 3] if n % 9 == 0 else round(float(rng.normal(60, 9)), 2) for n in range(rows)]
    return [
        [float(rng.lognormal(1, 0.7)), ages[n], ["HE", "IHC", "CT"][n % 7 % 3], 1 + int(rng.integers(3)), float(rng.normal(-3, 2)),
         "MB"[int(rng.integers(2))]]
        for n in range(rows)
    ]  # fmt: skip


def write_rows(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["size", "age", "stain", "grade", "shift", "diagnosis"], *rows])
    return path


def summed(layout: Layout, paths: list[Path]) -> Statistics:
    """The statistics of files, small counts moved at each as a hospital does before it encrypts."""
    tables, sums = [read_values(TableFile(path), schema_of(layout)) for path in paths], {}
    for counting, step in zip(layout.countings(), layout.steps, strict=True):
        ranges = ranges_of(layout, sums)
        told = [counting.told(counting.check_counts(counts_of(layout, step, values, ranges), 0)) for values in tables]
        sums[step] = np.sum(told, axis=0)
    return statistics_of(layout, sums)
