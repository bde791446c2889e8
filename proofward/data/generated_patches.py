"""Generated patches that look like those of mammograms: fibrous tissue, in every second one a mass.

They are for demonstrations and tests, where no real pictures are to be had, and teach nothing about patients.
A mass is a bright body of uneven outline with spicules, thin rays that leave it; tissue without one has
fibres and soft dense spots of its own, so that neither brightness nor lines alone tell them apart. Two
patches in a row are of one invented patient.

All draws come from SHAKE-256 of the seed, and only sums, products, quotients and square roots of single
numbers follow: the same bytes everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.example import Bytes, Example, Picture, Unread
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.contract.rule import ImageRule

KIND = "generated"
CLASSES = ("tissue", "mass")
_DRAWS = 4096
_FIBRES, _SPOTS, _SPICULES = 5, 3, 9
_Plane = NDArray[np.float64]


@dataclass(frozen=True)
class GeneratedPatches:
    """`count` grey patches of `side` pixels, at the size that the rule has to ask for."""

    count: int
    side: int
    seed: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Without a mass, with one."""
        return CLASSES

    @property
    def ignored(self) -> tuple[str, ...]:
        """Nothing is."""
        return ()

    def examples(self, rule: ImageRule) -> Iterator[Example | Unread]:
        """All of them; raises ImagesRefused where the rule asks for another size or for colours."""
        if rule.shape != (1, self.side, self.side):
            expected = f"a rule of {self.side} x {self.side}, grey"
            raise ImagesRefused(f"generated patches: expected {expected}, found {rule.words}")
        for number in range(self.count):
            label = number % 2
            patient = hashlib.sha256(b"invented patient" + (number // 2).to_bytes(8, "little")).digest()
            pixels = make_patch(self.seed, number, self.side, mass=bool(label))
            yield Example(f"patch {number}", Picture(pixels[None], KIND, False, patient=patient), label)


def make_patch(seed: int, number: int, side: int, mass: bool) -> Bytes:
    """One patch: uint8 (side, side)."""
    draw = _Draws(seed, number)
    grid = np.arange(side, dtype=np.float64)
    rows, columns = grid[:, None] / side, grid[None, :] / side
    plane = 0.30 + 0.16 * _tissue(draw, side)
    for _ in range(_FIBRES):
        across, _ = _along(draw, rows, columns, draw.between(0.0, 1.0), draw.between(0.0, 1.0))
        plane = plane + draw.between(0.05, 0.16) * _bump(across / draw.between(0.02, 0.06))
    for _ in range(_SPOTS):
        away = _distance(rows, columns, draw.between(0.0, 1.0), draw.between(0.0, 1.0))
        plane = plane + draw.between(0.02, 0.18) * _bump(away / draw.between(0.25, 0.50))
    if mass:
        plane = plane + _mass(draw, rows, columns)
    noise = draw.integers(side * side).reshape(side, side) / 65535.0
    plane = plane + 0.06 * (noise - 0.5)
    clipped: Bytes = np.floor(np.minimum(np.maximum(plane, 0.0), 1.0) * 255.0 + 0.5).astype(np.uint8)
    return clipped


class _Draws:
    """Numbers in the order in which they are asked for."""

    def __init__(self, seed: int, number: int) -> None:
        domain = b"proofward/patches/v1" + seed.to_bytes(8, "little") + number.to_bytes(8, "little")
        self._shake, self._at = hashlib.shake_256(domain), 0
        self._held = np.frombuffer(self._shake.digest(2 * _DRAWS), dtype="<u2")

    def integers(self, count: int) -> _Plane:
        """`count` integers in [0, 65536)."""
        self._at += count
        if self._at > len(self._held):
            self._held = np.frombuffer(self._shake.digest(4 * self._at), dtype="<u2")
        return self._held[self._at - count : self._at].astype(np.float64)

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * float(self.integers(1)[0]) / 65536.0


def _tissue(draw: _Draws, side: int) -> _Plane:
    """Clouds of three sizes, in [0, 1]."""
    total = np.zeros((side, side))
    for cell, share in ((max(1, side // 4), 0.5), (max(1, side // 8), 0.3), (max(1, side // 16), 0.2)):
        count = -(-side // cell) + 1
        coarse = draw.integers(count * count).reshape(count, count) / 65535.0
        at = np.arange(side)
        low, part = at // cell, (at % cell) / cell
        upper = coarse[low][:, low] * (1 - part)[None] + coarse[low][:, low + 1] * part[None]
        lower = coarse[low + 1][:, low] * (1 - part)[None] + coarse[low + 1][:, low + 1] * part[None]
        total = total + share * (upper * (1 - part)[:, None] + lower * part[:, None])
    return total


def _mass(draw: _Draws, rows: _Plane, columns: _Plane) -> _Plane:
    """A body of two overlapping discs, and spicules."""
    row, column = draw.between(0.28, 0.72), draw.between(0.28, 0.72)
    radius, bright = draw.between(0.10, 0.19), draw.between(0.22, 0.42)
    plane = bright * _bump(_distance(rows, columns, row, column) / (1.5 * radius))
    beside = _distance(
        rows, columns, row + draw.between(-radius, radius), column + draw.between(-radius, radius)
    )
    plane = np.maximum(plane, 0.8 * bright * _bump(beside / (1.2 * radius)))
    for _ in range(_SPICULES):
        across, ahead = _along(draw, rows, columns, row, column)
        length = radius * draw.between(1.6, 3.0)
        ray = _bump(across / 0.03) * (ahead >= 0) * np.maximum(0.0, 1.0 - ahead / length)
        plane = np.maximum(plane, 0.9 * bright * ray)
    return plane


def _along(draw: _Draws, rows: _Plane, columns: _Plane, row: float, column: float) -> tuple[_Plane, _Plane]:
    """Distance of every pixel from a line through a point, and how far ahead on the line it is."""
    down, right = draw.between(-1.0, 1.0), draw.between(-1.0, 1.0)
    length = float(np.sqrt(down * down + right * right)) or 1.0
    down, right = down / length, right / length
    ahead = (rows - row) * down + (columns - column) * right
    across = (rows - row) * right - (columns - column) * down
    return np.abs(across), ahead


def _distance(rows: _Plane, columns: _Plane, row: float, column: float) -> _Plane:
    away: _Plane = np.sqrt((rows - row) * (rows - row) + (columns - column) * (columns - column))
    return away


def _bump(distance: _Plane) -> _Plane:
    """1 at 0, falling smoothly to 0 at 1."""
    inside = np.maximum(0.0, 1.0 - distance * distance)
    return inside * inside
