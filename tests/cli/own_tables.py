"""A consortium's file and CSV files of three hospitals with twelve columns and labels M and B."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HOSPITALS, COLUMNS = ("a", "b", "c"), 12
CENTRE, SPREAD = 10.0, 3.0


def data(*files: object) -> list[object]:
    """The words of a command that name a hospital's file or folder each."""
    return [word for file in files for word in ("--data", file)]


def write_tables(folder: Path, rows: int = 100, seed: int = 1) -> list[Path]:
    """FOLDER/a.csv and so on; the label depends on two columns and chance."""
    rng, paths = np.random.default_rng(seed), []
    folder.mkdir(exist_ok=True)
    for name in HOSPITALS:
        values = rng.normal(CENTRE, SPREAD, (rows, COLUMNS))
        labels = (values[:, 0] + values[:, 1] + rng.normal(0, 1, rows) > 2 * CENTRE).astype(int)
        lines = [",".join([*(f"marker {number}" for number in range(COLUMNS)), "diagnosis", "id"])]
        for row, label in zip(values, labels, strict=True):
            lines.append(",".join([*(f"{value:.3f}" for value in row), "BM"[label], f"{name}{len(lines)}"]))
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def write_project(folder: Path, rounds: int = 2, hidden: str = "[16]", more: str = "", **training: object) -> Path:
    """FOLDER/consortium.toml: what has to be in it, network and training."""
    values = {"learning_rate": 0.0625, "batch": 16, "steps": 14, "clip_bound": 2, **training}
    lines = ['title = "Markers"', 'server = "localhost"', f"rounds = {rounds}", 'ignore = ["id"]', more]
    lines += ["[model]", f"hidden = {hidden}", "[training]"]
    lines += [f"{name} = {value}" for name, value in values.items()]
    lines += ["[label]", 'column = "diagnosis"', 'positive = "M"', 'negative = "B"']
    for name in HOSPITALS:
        lines += ["[[site]]", f'name = "{name}"', 'roles = ["hospital", "verifier"]']
    lines += ["[[site]]", 'name = "judge"', 'roles = ["verifier"]']
    for number in range(COLUMNS):
        lines += ["[[feature]]", f'name = "marker {number}"', f"centre = {CENTRE}", f"spread = {SPREAD}"]
    path = folder / "consortium.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def edit_draft(path: Path, rounds: int = 5) -> None:
    """What an operator does by hand: the columns, the label's notation, network and training."""
    text = path.read_text()
    for old, new in (
        ("rounds = 15", f"rounds = {rounds}"),
        ("ignore = []", 'ignore = ["id"]'),
        ("# hidden = [4]", "hidden = [16]"),
        ("# learning_rate = 0.015625", "learning_rate = 0.0625"),
        ("# batch = 4 ", "batch = 16 "),
        ("# steps = 7 ", "steps = 14 "),
        ("# clip_bound = 4.0", "clip_bound = 2"),
        ('column = "label"', 'column = "diagnosis"'),
        ('positive = "1"', 'positive = "M"'),
        ('negative = "0"', 'negative = "B"'),
    ):
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    features = "\n".join(
        f'[[feature]]\nname = "marker {number}"\ncentre = {CENTRE}\nspread = {SPREAD}\n' for number in range(COLUMNS)
    )
    path.write_text(text[: text.index("[[feature]]")] + features)
