"""The kernels of convolutions against plain integers."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.field.scalar import P
from proofward.field.spatial import combine_ext_rows, ext_products, shifted_rows
from tests.field.values import agrees, elements, f_array, total

EDGES = [0, 1, P - 1, 2**32 - 1, 2**32, 2**32 + 1]


@pytest.mark.parametrize(("rows", "others", "width"), [(1, 1, 1), (3, 2, 5), (40, 3, 17), (5, 4, 0)])
def test_products_of_rows(rows: int, others: int, width: int, cut: int) -> None:
    left, right = f_array(1, 2, rows, width), f_array(2, 2, others, width)
    found = agrees(ext_products, left, right)
    assert found.shape == (2, rows, others)
    for r in range(rows):
        for j in range(others):
            pairs = zip(elements(left[:, r]), elements(right[:, j]), strict=True)
            assert elements(found[:, r])[j] == total([a * b for a, b in pairs])


PLACES = [
    ([0, 0, 1, 1, 2], [0, 1, 0, 1, 0], [0, 1, 2, 3, 4]),
    ([], [], []),
    ([3, 3, 3], [2, 2, 0], [6, 6, 0]),
]


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("rows", [1, 3, 2000])
def test_shifted_rows(places: tuple[list[int], ...], rows: int, cut: int) -> None:
    values, weights = f_array(3, 2, rows, 7), f_array(4, 2, 3)
    arrays = tuple(np.array(place, dtype=np.int64) for place in places)
    found = agrees(shifted_rows, values, weights, arrays, 4)
    assert found.shape == (2, rows, 4)
    expected = [Ext(0, 0)] * 4
    for y, k, h in zip(*places, strict=True):
        expected[y] = expected[y] + elements(weights)[k] * elements(values[:, rows - 1])[h]
    assert elements(found[:, rows - 1]) == expected


@pytest.mark.parametrize("value", EDGES)
def test_at_the_edges_of_the_field(value: int) -> None:
    rows = np.full((2, 1, 300), value % P, dtype=np.uint64)
    ones = np.full((2, 1, 300), P - 1, dtype=np.uint64)
    square = Ext(value % P, value % P) * Ext(P - 1, P - 1)
    assert elements(agrees(ext_products, rows, ones)[:, 0]) == [total([square] * 300)]
    places = (np.zeros(300, np.int64), np.zeros(300, np.int64), np.arange(300))
    weights = np.full((2, 1), P - 1, dtype=np.uint64)
    assert elements(agrees(shifted_rows, rows, weights, places, 1)[:, 0]) == [total([square] * 300)]


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (3, 5), (8, 2)])
def test_combinations_of_rows_over_the_extension(rows: int, width: int, cut: int) -> None:
    weights, table = f_array(5, 2, rows), f_array(6, 2, rows, width)
    expected = [
        total([w * elements(table[:, r])[c] for r, w in enumerate(elements(weights))]) for c in range(width)
    ]
    assert elements(combine_ext_rows(weights, table)) == expected


@pytest.mark.parametrize(
    "places", [([4], [0], [0]), ([0], [3], [0]), ([0], [0], [7]), ([-1], [0], [0]), ([0, 1], [0], [0])]
)
def test_places_outside_are_refused(places: tuple[list[int], ...]) -> None:
    arrays = tuple(np.array(place, dtype=np.int64) for place in places)
    with pytest.raises(ValueError, match="places"):
        shifted_rows(f_array(1, 2, 2, 7), f_array(2, 2, 3), arrays, 4)


def test_shapes_that_do_not_match() -> None:
    with pytest.raises(ValueError):
        ext_products(f_array(1, 2, 3, 4), f_array(1, 2, 3, 5))
    with pytest.raises(ValueError):
        ext_products(f_array(1, 3, 4), f_array(1, 2, 3, 4))
    with pytest.raises(ValueError):
        combine_ext_rows(f_array(1, 2, 3), f_array(1, 3, 4))
