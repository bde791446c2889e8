"""A consortium whose columns have no centre and spread yet, and tables of its three hospitals."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.cli.own_kinds import write_kinds
from tests.data.own_formats import write

FEATURES = """
missing_codes = [-9]
[id]
column = "patient"

[[feature]]
name = "age"  # as at admission
unit = "years"
minimum = 18
maximum = 110
missing = 62

[[feature]]
name = "stain"
kind = "category"
levels = ["HE", "IHC"]
other = true

[[feature]]
kind = "ordinal"
name = "grade"
levels = [1, 2, 3]
spread = 2.5

[[feature]]
name = "size"
"""
ROWS = {"a": 90, "b": 60, "c": 75}


def columns(seed: int, rows: int) -> dict[str, list[object]]:
    """A hospital's table."""
    rng = np.random.default_rng(seed)
    ages = [-9 if n % 10 == 0 else float(np.clip(rng.normal(60, 9), 18, 110).round(1)) for n in range(rows)]
    return {
        "patient": [f"{seed}-{n}" for n in range(rows)],
        "age": ages,
        "stain": ["HE" if n % 3 else "IHC" for n in range(rows)],
        "grade": [1 + int(grade) for grade in rng.integers(0, 3, rows)],
        "size": [round(float(size), 3) for size in rng.lognormal(2, 0.5, rows)],
        "diagnosis": ["MB"[n % 2] for n in range(rows)],
    }


def write_uncentred(folder: Path) -> Path:
    """FOLDER/consortium.toml."""
    path = write_kinds(folder, FEATURES.replace("missing_codes = [-9]\n", ""))
    path.write_text("missing_codes = [-9]\n" + path.read_text())
    return path


def write_all(folder: Path) -> tuple[list[dict[str, list[object]]], list[Path]]:
    """The hospitals' tables, and their files."""
    tables = [columns(seed, rows) for seed, rows in enumerate(ROWS.values())]
    return tables, [write(folder / f"{name}.csv", table) for name, table in zip(ROWS, tables, strict=True)]
