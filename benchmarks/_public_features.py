"""Features of pictures that anybody can recompute: fixed filters, and scales from drawn pictures of heads.

What hospitals send through these is what a frozen network of theirs would do: a convolution, ReLU, a mean
over windows, and a linear map. No weight depends on a record. Where a pretrained network is at hand, take it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import Inspection, inspect
from proofward.data.images.sources import source_at
from proofward.data.images.stream import batches

Real = NDArray[np.float64]
Filters = list[NDArray[np.float32]]
SIDE, STRIDE, WINDOWS, DIRECTIONS = 64, 2, 4, 8
COMPONENTS, RIDGE, FACTOR = 128, 0.03, 0.4
HEADS, SEED = 1500, 7
_BATCH = 64


def read_pictures(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64], Inspection]:
    """Grey levels from 0 to 1, whether each is of another class than the first, and what was found."""
    source = source_at(path, Admission(bytes(32)))
    found = inspect(source, ImageRule(SIDE, SIDE))
    found.require()
    read = list(batches(source, found, 256))
    pixels = np.concatenate([own.pixels[:, 0] for own in read]).astype(np.float32) / 255
    return pixels, (np.concatenate([own.labels for own in read]) > 0).astype(np.int64), found


def gabor_filters() -> Iterator[NDArray[np.float32]]:
    """Waves of 4, 8 and 16 pixels in eight directions, both phases, under a bell: (16, size, size)."""
    for size, length in ((5, 4), (9, 8), (17, 16)):
        down, right = np.mgrid[-(size // 2) : size // 2 + 1, -(size // 2) : size // 2 + 1]
        bell, bank = np.exp(-(down**2 + right**2) / (length**2 / 2)), []
        for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
            along = 2 * np.pi / length * (right * np.cos(angle) + down * np.sin(angle))
            for phase in (0, np.pi / 2):
                wave = bell * np.cos(along + phase)
                bank.append((wave - wave.mean()) / np.abs(wave - wave.mean()).sum())
        yield np.array(bank, dtype=np.float32)


def random_filters() -> NDArray[np.float32]:
    """64 of 7 x 7 from a seed: (64, 7, 7)."""
    bank = np.random.default_rng(1).standard_normal((64, 7, 7))
    bank -= bank.mean(axis=(1, 2), keepdims=True)
    return (bank / np.linalg.norm(bank, axis=(1, 2), keepdims=True)).astype(np.float32)


def responses(pictures: NDArray[np.float32], bank: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """What the filters make of a batch of the pictures: (n, outputs, 32, 32)."""
    size = bank.shape[1]
    for at in range(0, len(pictures), _BATCH):
        margin = size // 2
        wide = np.pad(pictures[at : at + _BATCH], ((0, 0), (margin, margin), (margin, margin)))
        seen = np.lib.stride_tricks.sliding_window_view(wide, (size, size), axis=(1, 2))
        places = seen[:, ::STRIDE, ::STRIDE].reshape(-1, size * size)
        found = places @ bank.reshape(len(bank), -1).T
        yield found.reshape(-1, SIDE // STRIDE, SIDE // STRIDE, len(bank)).transpose(0, 3, 1, 2)


def means(values: NDArray[np.float32], windows: int) -> NDArray[np.float32]:
    """Of so many windows along each side: (n, channels, windows, windows)."""
    count, channels, side, _ = values.shape
    return values.reshape(count, channels, windows, side // windows, windows, -1).mean(axis=(3, 5))


def gabor_features(pictures: NDArray[np.float32]) -> Real:
    """How strong each wave is in each of 4 x 4 windows, and the grey level in 8 x 8: (n, 448)."""
    found = [means(pictures[:, None], 2 * WINDOWS).reshape(len(pictures), -1)]
    for bank in gabor_filters():
        strengths = [means(np.abs(own), WINDOWS) for own in responses(pictures, bank)]
        both = np.concatenate(strengths).reshape(len(pictures), DIRECTIONS, 2, -1)
        found.append(4 * both.mean(axis=2).reshape(len(pictures), -1))
    return np.concatenate(found, axis=1).astype(np.float64)


def random_features(pictures: NDArray[np.float32]) -> Real:
    """ReLU of 64 random filters with drawn thresholds, means in 4 x 4 windows: (n, 1024)."""
    biases = np.random.default_rng(2).uniform(-0.5, 0.3, (64, 1, 1)).astype(np.float32)
    found = [means(np.maximum(own + biases, 0), WINDOWS) for own in responses(pictures, random_filters())]
    return np.concatenate(found).reshape(len(pictures), -1).astype(np.float64)


def drawn_heads(count: int = HEADS) -> NDArray[np.float32]:
    """Ellipses in an ellipse with a bright rim: (count, 64, 64) grey levels from 0 to 1, from a seed."""
    rng, made = np.random.default_rng(SEED), np.zeros((count, SIDE, SIDE))
    down, right = np.mgrid[:SIDE, :SIDE] * (2 / SIDE) - 1 + 1 / SIDE

    def ellipse(across: float, below: float, width: float, height: float, turn: float) -> NDArray[np.bool_]:
        along = (right - across) * np.cos(turn) + (down - below) * np.sin(turn)
        over = (down - below) * np.cos(turn) - (right - across) * np.sin(turn)
        return (along / width) ** 2 + (over / height) ** 2 < 1

    for own in made:
        (across, below), (width, height) = rng.uniform(-0.1, 0.1, 2), rng.uniform(0.6, 0.9, 2)
        turn, rim, grey = rng.uniform(-0.3, 0.3), rng.uniform(0.04, 0.15), rng.uniform(0.15, 0.6)
        own[ellipse(across, below, width, height, turn)] = rng.uniform(0.3, 1)
        inside = ellipse(across, below, width - rim, height - rim, turn)
        own[inside] = grey
        for _ in range(rng.integers(3, 12)):
            place = np.array([across, below]) + rng.uniform(-0.5, 0.5, 2)
            part = ellipse(*place, *rng.uniform(0.05, 0.35, 2), rng.uniform(0, np.pi))
            own[part & inside] = np.clip(grey + rng.normal(0, 0.2), 0, 1)
    noisy = np.clip(made + rng.normal(0, 0.03, made.shape), 0, 1)
    wide = np.pad(noisy, ((0, 0), (1, 1), (1, 1)), mode="edge")
    smooth = sum(wide[:, i : i + SIDE, j : j + SIDE] for i in range(3) for j in range(3))
    return (np.asarray(smooth) / 9).astype(np.float32)


def heads_features(pictures: NDArray[np.float32]) -> tuple[Real, Real]:
    """(n, COMPONENTS) for a private head, and all of them, (n, 1472), for one without limits.

    Centres, deviations and principal components are those of the drawn heads. Both kinds of filters count
    alike; a component is divided by its deviation there, the lesser ones by more than that.
    """
    heads, families, drawn = drawn_heads(), [], []
    for made in (gabor_features, random_features):
        public = made(heads)
        centre, total = public.mean(axis=0), np.sqrt(public.var(axis=0).sum())
        families.append((made(pictures) - centre) / total)
        drawn.append((public - centre) / total)
    features, public = np.concatenate(families, axis=1), np.concatenate(drawn, axis=1)
    values, vectors = np.linalg.eigh(np.cov(public.T))
    values, vectors = values[::-1][:COMPONENTS], vectors[:, ::-1][:, :COMPONENTS]
    deviations = public.std(axis=0) + 0.05 * public.std()
    whitened = FACTOR * (features @ vectors) / np.sqrt(values + RIDGE * values[0])
    return whitened, 8 * features / deviations / np.sqrt(features.shape[1])
