"""Pixels as a network's inputs: grey levels from 0 to 1, minus a centre, divided by a spread.

    feature = round((byte / 255 - centre) / spread * 2^fa), halves to even

computed with fractions, of the decimal numbers that centre and spread are written as: one byte gives one
integer at every site.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofward.data.images.contract.example import Bytes
from proofward.encoding.errors import printable
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import FixedPoint, Int64Array

WHITE = 255


@dataclass(frozen=True)
class Levels:
    """centre, spread: one for each channel, of grey levels from 0 (black) to 1 (white)."""

    centre: tuple[float, ...] = (0.5,)
    spread: tuple[float, ...] = (0.25,)

    def __post_init__(self) -> None:
        for name, above, said in (("centre", -math.inf, "a number"), ("spread", 0.0, "a number above 0")):
            for value in getattr(self, name):
                if type(value) is not float or not math.isfinite(value) or value <= above:
                    raise ConfigurationError(f"images.{name}", said, printable(value))

    def check(self, channels: int, scales: FixedPoint) -> None:
        """Raises ConfigurationError unless black and white of every channel are in the range of inputs."""
        self.check_range(channels, scales.activation_bits, scales.input_range)

    def check_range(self, channels: int, bits: int, ends: tuple[int, int]) -> None:
        """Raises ConfigurationError unless black and white at scale 2^bits are within these ends."""
        for side in ("centre", "spread"):
            count = len(getattr(self, side))
            if count != channels:
                raise ConfigurationError(f"images.{side}", f"a number for each of {channels} channels", count)
        low, high = ends
        for centre, spread in zip(self.centre, self.spread, strict=True):
            found = [_integer(byte, centre, spread, bits) for byte in (0, WHITE)]
            if not low <= found[0] <= found[1] <= high:
                unit = 1 << bits
                expected = f"black and white within {low / unit:g} and {high / unit:g}"
                words = f"{found[0] / unit:g} and {found[1] / unit:g}, with centre {centre!r}"
                raise ConfigurationError(f"images.spread {spread!r}", expected, words)

    def table(self, bits: int) -> Int64Array:
        """What every byte becomes at scale 2^bits: int64 (channels, 256)."""
        return np.array(
            [
                [_integer(byte, centre, spread, bits) for byte in range(WHITE + 1)]
                for centre, spread in zip(self.centre, self.spread, strict=True)
            ],
            dtype=np.int64,
        )

    def features(self, pixels: Bytes, scales: FixedPoint) -> Int64Array:
        """Inputs int64 (n, channels * height * width), row-major, of pixels (n, channels, height, width)."""
        return self.values(pixels, scales.activation_bits).reshape(len(pixels), -1)

    def values(self, pixels: Bytes, bits: int) -> Int64Array:
        """What pixels (n, channels, height, width) become at scale 2^bits, of the same shape."""
        table = self.table(bits)
        return np.stack([table[channel][pixels[:, channel]] for channel in range(len(table))], axis=1)


def usual_levels(channels: int) -> Levels:
    """Those of a preset of pictures: black becomes -2 and white 2."""
    return Levels((0.5,) * channels, (0.25,) * channels)


def numbers(field: str, value: object, channels: int) -> tuple[float, ...]:
    """A number for all channels, or a list with one for each; raises ConfigurationError."""
    listed: Sequence[object] = value if isinstance(value, list | tuple) else [value] * channels
    if not all(type(entry) in (int, float) and abs(entry) < 1e9 for entry in listed):  # type: ignore[arg-type]
        raise ConfigurationError(field, "a number, or a list with one for each channel", printable(value))
    return tuple(float(entry) for entry in listed)  # type: ignore[arg-type]


def _integer(byte: int, centre: float, spread: float, bits: int) -> int:
    scaled = (Fraction(byte, WHITE) - Fraction(repr(centre))) / Fraction(repr(spread))
    return round(scaled * (1 << bits))
