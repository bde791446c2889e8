"""A consortium on images of 8 x 8 pixels with a row of a table each, and three hospitals' images and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.own_images import CLASSES, HOSPITALS

COLUMNS = ("age", "il6", "brca")
LAYERS = '["conv2d 2 kernel 3 stride 2", "linear 4", "add row by linear 4"]'
TABLE = 'id = "patient"'


def write_project(
    folder: Path, *, table: str = TABLE, layers: str = LAYERS, more: str = "", columns: tuple[str, ...] = COLUMNS,
    images: bool = True,
) -> Path:  # fmt: skip
    """FOLDER/consortium.toml."""
    lines = ['title = "Patches and genes"', 'server = "localhost"', "rounds = 1", more]
    lines += ["[images]", 'size = "8x8"'] if images else []
    lines += ["[table]", table, "[label]", 'positive = "mass"', 'negative = "clear"']
    lines += ["[model]", f"layers = {layers}", "[training]", "learning_rate = 0.125", "batch = 8", "steps = 2"]
    lines += ["clip_bound = 2"]
    for name in HOSPITALS:
        lines += ["[[site]]", f'name = "{name}"', 'roles = ["hospital", "verifier"]']
    for name in columns:
        lines += ["[[feature]]", f'name = "{name}"', "centre = 50", "spread = 20"]
    path = folder / "consortium.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def number(at: int) -> str:
    """The number of the patient of an image."""
    return f"P{7919 * (at + 1) % 1000:04}"


def write_site(folder: Path, count: int = 16, seed: int = 5) -> Path:
    """A folder of images, with labels.csv and rows.csv in another order."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    labels, rows = ["file,label,patient"], []
    for at in range(count):
        pixels = rng.integers(40, 110, (8, 8), dtype=np.uint8)
        pixels[2:6, 2:6] += np.uint8(100 * (at % 2))
        Image.fromarray(pixels).save(folder / f"{at:03}.png")
        labels.append(f"{at:03}.png,{CLASSES[at % 2]},{number(at)}")
        rows.append(f"{rng.integers(20, 90)},{number(at)},{40 + 30 * (at % 2)},{rng.integers(30, 60)}")
    (folder / "labels.csv").write_text("\n".join(labels) + "\n")
    (folder / "rows.csv").write_text("\n".join(["age,patient,il6,brca", *reversed(rows)]) + "\n")
    return folder


def write_sites(folder: Path) -> list[Path]:
    """A folder for each hospital."""
    return [write_site(folder / name, seed=at) for at, name in enumerate(HOSPITALS)]
