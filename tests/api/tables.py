"""Three hospitals' tables of four columns, whose label follows from two of them, and settings that are quick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

NAMES, COLUMNS = ("a", "b", "c"), ("age", "size", "dose", "noise")
QUICK: dict[str, Any] = {
    "hidden": [4], "learning_rate": 0.125, "batch": 4, "steps": 12, "rounds": 2, "verifiers": 1,
    "label": "diagnosis", "progress": False,
}  # fmt: skip


def arrays(rows: int = 24, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(rows, 4) in units of their own, and labels B and M."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, len(COLUMNS)))
    labels = np.where(values[:, 0] + values[:, 1] + rng.normal(0, 0.3, rows) > 0, "M", "B")
    return np.round(values * [12, 3, 0.5, 1] + [60, 20, 1.5, 0], 3), labels


def sites(rows: int = 24) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Arrays of each hospital."""
    return {name: arrays(rows, seed) for seed, name in enumerate(NAMES, 1)}


def write_csv(path: Path, values: np.ndarray, labels: np.ndarray) -> Path:
    """A file with a header and a column of numbers, which is no feature."""
    lines = [",".join(["id", *COLUMNS, "diagnosis"])]
    for number, (row, label) in enumerate(zip(values.tolist(), labels, strict=True)):
        lines.append(",".join([str(number), *map(repr, row), str(label)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def files(folder: Path, rows: int = 24) -> dict[str, Path]:
    """The same tables as files."""
    return {name: write_csv(folder / f"{name}.csv", *table) for name, table in sites(rows).items()}
