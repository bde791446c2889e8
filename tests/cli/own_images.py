"""A consortium's file and images of three hospitals: 16 x 16 pixels, dark ones and such with a bright square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

HOSPITALS, SIDE = ("a", "b", "c"), 16
LAYERS = '["conv2d 2 kernel 4 stride 4", "linear 4"]'
CLASSES = ("clear", "mass")


def picture(rng: np.random.Generator, label: int) -> np.ndarray:
    """One picture, uint8 (16, 16)."""
    made = rng.integers(40, 110, (SIDE, SIDE), dtype=np.uint8)
    if label:
        top, left = rng.integers(1, 9, 2)
        made[top : top + 6, left : left + 6] += 120
    return made


def write_folders(folder: Path, count: int = 16, seed: int = 5) -> list[Path]:
    """FOLDER/a/clear, FOLDER/a/mass and so on, with `count` PNG files at every hospital."""
    rng, paths = np.random.default_rng(seed), []
    for name in HOSPITALS:
        paths.append(folder / name)
        for at in range(count):
            place = folder / name / CLASSES[at % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(rng, at % 2)).save(place / f"{at:03}.png")
    return paths


def write_npz(path: Path, count: int = 16, seed: int = 6) -> Path:
    """An archive in MedMNIST's layout, without names of classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 2
    images = np.stack([picture(rng, int(label)) for label in labels])
    np.savez(path, train_images=images, train_labels=labels[:, None])
    return path


def write_project(
    folder: Path, *, rounds: int = 1, images: str = f'size = "{SIDE}x{SIDE}"', layers: str = LAYERS,
    label: str = 'positive = "mass"\nnegative = "clear"', more: str = "", roles: str = '"hospital", "verifier"',
) -> Path:  # fmt: skip
    """FOLDER/consortium.toml."""
    lines = ['title = "Patches"', 'server = "localhost"', f"rounds = {rounds}", more, "[images]", images]
    lines += ["[label]", label, "[model]", f"layers = {layers}", "[training]", "learning_rate = 0.125", "batch = 8"]
    lines += ["steps = 2", "clip_bound = 2"]
    for name in HOSPITALS:
        lines += ["[[site]]", f'name = "{name}"', f"roles = [{roles}]"]
    path = folder / "consortium.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
