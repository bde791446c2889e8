"""A consortium on a table with a category, an order, a range, missing values and a patient's number."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.cli.own_tables import HOSPITALS

FEATURES = """
[id]
column = "patient"

[[feature]]
name = "age"
unit = "years"
centre = 60
spread = 12
minimum = 18
maximum = 110
missing = 62
indicator = true

[[feature]]
name = "stain"
kind = "category"
levels = ["HE", "IHC"]
other = true

[[feature]]
name = "grade"
kind = "ordinal"
levels = [1, 2, 3]
centre = 1
spread = 1

[[feature]]
name = "size"
centre = 20
spread = 8
"""


def write_kinds(folder: Path, features: str = FEATURES, rounds: int = 1) -> Path:
    """FOLDER/consortium.toml."""
    lines = ['title = "Kinds"', 'server = "localhost"', f"rounds = {rounds}", "[model]", "hidden = [8]", "[training]"]
    lines += ["learning_rate = 0.0625", "batch = 16", "steps = 4", "clip_bound = 2"]
    lines += ["[label]", 'column = "diagnosis"', 'positive = "M"', 'negative = "B"']
    for name in HOSPITALS:
        lines += ["[[site]]", f'name = "{name}"', 'roles = ["hospital", "verifier"]']
    path = folder / "consortium.toml"
    path.write_text("\n".join(lines) + "\n" + features)
    return path


def columns(seed: int, rows: int = 40) -> dict[str, list[object]]:
    """A hospital's table: two rows a patient, some ages missing."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(1, 4, rows)
    ages = [None if rng.random() < 0.1 else int(age) for age in rng.normal(60, 10, rows).clip(20, 100)]
    return {
        "patient": [f"{seed}-{row // 2}" for row in range(rows)],
        "age": ages,
        "stain": [str(name) for name in rng.choice(["HE", "IHC", "PAS"], rows)],
        "grade": [int(value) for value in grade],
        "size": [round(float(value), 2) for value in rng.normal(20, 8, rows)],
        "diagnosis": ["BM"[int(value > 2 or chance > 0.7)] for value, chance in zip(grade, rng.random(rows), strict=True)],
    }  # fmt: skip
