"""Windows, colours and resampling against the same in rational numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.data.images.contract.refusal import ImageRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.colour import luma, over_black, rgb_of_ybr
from proofward.data.images.pixels.grey import Window, scaled, windowed
from proofward.data.images.pixels.resampling import fitted, resampled
from tests.data.images.making import textured
from tests.peak_memory import begin_peak, peak_megabytes

DECIMALS = st.decimals(-3000, 3000, places=3).map(Fraction)


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


@pytest.mark.slow
@settings(max_examples=60)
@given(DECIMALS, st.decimals(1, 5000, places=2).map(Fraction), DECIMALS.filter(bool), DECIMALS,
       st.lists(st.integers(-32768, 65535), min_size=1, max_size=20))  # fmt: skip
def test_linear_window_is_the_standards_formula(centre, width, slope, intercept, stored):
    window = Window.linear(centre, width)
    found = windowed(np.array(stored), window, slope, intercept)
    for value, byte in zip(stored, found.tolist(), strict=True):
        x = slope * value + intercept
        if x <= centre - Fraction(1, 2) - (width - 1) / 2:
            expected = 0
        elif x > centre - Fraction(1, 2) + (width - 1) / 2:
            expected = 255
        else:
            expected = half_up(((x - (centre - Fraction(1, 2))) / (width - 1) + Fraction(1, 2)) * 255)
        assert byte == expected


def test_exact_and_sigmoid_windows():
    stored = np.arange(-200, 200)
    linear = windowed(stored, Window.exact(Fraction(0), Fraction(200)), Fraction(1), Fraction(0))
    assert [linear[at] for at in (0, 100, 200, 300, 399)] == [0, 0, 128, 255, 255]
    curve = windowed(stored, Window.exact(Fraction(0), Fraction(200), sigmoid=True), Fraction(1), Fraction(0))
    expected = np.floor(255 / (1 + np.exp(-4 * stored / 200)) + 0.5)
    assert (curve == expected).all() and (np.diff(curve.astype(int)) >= 0).all()


@pytest.mark.slow
def test_a_large_plane_has_the_bytes_of_its_pixels_one_by_one():
    stored = np.random.default_rng(3).integers(-1000, 3000, (300, 300))
    window = Window.linear(Fraction(40), Fraction(400))
    whole = windowed(stored, window, Fraction("0.684"), Fraction(-24))
    rows = np.stack([windowed(row, window, Fraction("0.684"), Fraction(-24)) for row in stored])
    assert (whole == rows).all()


@pytest.mark.parametrize(("width", "slope"), [(Fraction(1, 2), 1), (Fraction(0), 1), (Fraction(5), 0)])
def test_windows_that_are_none(width, slope):
    with pytest.raises(ImageRefused):
        windowed(np.arange(4), Window.linear(Fraction(0), width), Fraction(slope), Fraction(0))


def test_full_range_of_every_depth():
    assert scaled(np.array([0, 255, 128]), 8).tolist() == [0, 255, 128]
    assert scaled(np.array([0, 65535, 32768]), 16).tolist() == [0, 255, 128]
    assert scaled(np.array([-2048, 2047]), 12, signed=True).tolist() == [0, 255]
    assert scaled(np.array([0, (1 << 32) - 1]), 32).tolist() == [0, 255]


@settings(max_examples=40)
@given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99),
       st.sampled_from(["area", "bilinear"]))  # fmt: skip
def test_resampling_is_exact(high, wide, height, width, seed, how):
    plane = textured(seed, (high, wide))

    def weights(count: int, size: int, at: int) -> list[tuple[int, Fraction]]:
        if how == "area":
            low, top = Fraction(at * count, size), Fraction((at + 1) * count, size)
            parts = [(line, min(top, line + 1) - max(low, Fraction(line))) for line in range(count)]
            return [(line, part / (top - low)) for line, part in parts if part > 0]
        place = min(max(Fraction((2 * at + 1) * count, 2 * size) - Fraction(1, 2), Fraction(0)), Fraction(count - 1))
        whole = math.floor(place)
        return [(whole, 1 - (place - whole)), (min(whole + 1, count - 1), place - whole)]

    found = resampled(plane, height, width, how)
    for y in range(height):
        for x in range(width):
            total = sum(
                wy * wx * int(plane[row, column])
                for row, wy in weights(high, height, y)
                for column, wx in weights(wide, width, x)
            )
            assert found[y, x] == half_up(Fraction(total)), (y, x)


@pytest.mark.slow
def test_large_pictures_are_treated_in_parts():
    """One of 32 million pixels needs a fraction of what its pixels would take as integers of 64 bits."""
    stored = np.tile(np.arange(4096, dtype=np.uint16), (8192, 1))
    low = begin_peak()
    plane = windowed(stored, Window.linear(Fraction(2048), Fraction(4096)), Fraction(1), Fraction(0))
    small = resampled(plane, 64, 64, "area")
    assert peak_megabytes() - low < 130
    assert (plane == plane[0]).all() and (small == small[0]).all() and small[0, 0] == 2 and small[0, -1] == 253


def test_fits():
    plane = np.arange(2 * 6, dtype=np.uint8).reshape(2, 6)
    assert fitted(plane, ImageRule(2, 2, fit="crop")).tolist() == [[2, 3], [8, 9]]
    padded = fitted(plane, ImageRule(6, 6, fit="pad"))
    assert (padded[2:4] == plane).all() and not padded[:2].any() and not padded[4:].any()
    assert fitted(plane, ImageRule(1, 1)).tolist() == [[half_up(Fraction(int(plane.sum()), 12))]]


def test_colours():
    grey = np.arange(256, dtype=np.uint8)
    assert (luma(np.stack([grey] * 3, axis=-1)) == grey).all()
    assert luma(np.array([[255, 0, 0]], dtype=np.uint8)).tolist() == [76]
    neutral = np.stack([grey, np.full(256, 128, np.uint8), np.full(256, 128, np.uint8)], axis=-1)
    assert (rgb_of_ybr(neutral) == grey[:, None]).all()
    alpha = np.array([[0, 128, 255]], dtype=np.uint8)
    assert over_black(np.full((1, 3), 200, np.uint8), alpha).tolist() == [[0, 100, 200]]
    assert over_black(np.full((1, 3, 3), 200, np.uint8), alpha)[0, 1].tolist() == [100] * 3
