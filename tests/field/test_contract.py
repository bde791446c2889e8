"""Products of E-vectors and F-matrices by their sums."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.field.contract import (
    add_multiple,
    batched_combine_rows,
    combine_columns,
    combine_rows,
    sum_of_ext_products,
)
from proofward.field.extension import Ext, lift
from proofward.field.scalar import P
from tests.field.values import Array, agrees, elements, f_array, layouts, total

SHAPES = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 5), (5, 3), (4, 0), (2, 1025), (41, 70)]


@pytest.mark.parametrize("factor", [Ext(0), Ext(1), Ext(P - 1, P - 1), Ext(2**32, 2**32 - 1)], ids=repr)
@pytest.mark.parametrize("length", [0, 1, 9, 1000])
def test_multiples_are_added(length: int, factor: Ext, cut: int) -> None:
    target, values = f_array(1, 2, length), f_array(2, length)
    pairs = zip(elements(target), elements(lift(values)), strict=True)
    expected = [one + other * factor for one, other in pairs]
    add_multiple(target, values, factor)
    assert elements(target) == expected


def test_multiples_of_another_length() -> None:
    with pytest.raises(ValueError, match="shapes"):
        add_multiple(f_array(1, 2, 4), f_array(2, 5), Ext(1))


def combined(weights: Array, values: list[int]) -> Ext:
    return total([w * v for w, v in zip(elements(weights), values, strict=True)])


@pytest.mark.parametrize("shape", SHAPES)
def test_rows(shape: tuple[int, int], cut: int) -> None:
    weights, rows = f_array(1, 2, shape[0]), f_array(2, *shape)
    weights[:, 0] = 0  # a weight that the kernel skips
    expected = [combined(weights, column) for column in rows.T.tolist()]
    for w, m in zip(layouts(weights), reversed(layouts(rows)), strict=True):
        assert elements(agrees(combine_rows, w, m)) == expected


@pytest.mark.parametrize("shape", [(40, 1), (43, 33), (41, 300), (1030, 2)])
def test_many_rows(shape: tuple[int, int], cut: int) -> None:
    weights, rows = f_array(1, 2, shape[0]), f_array(2, *shape)
    weights[:, 4:8] = 0  # rows that are added in one go, and are skipped
    expected = [combined(weights, column) for column in rows.T.tolist()]
    assert elements(agrees(combine_rows, weights, rows)) == expected


@pytest.mark.parametrize("count", [1023, 1024, 1025, 2050])
@pytest.mark.parametrize("width", [1, 32, 257])
@pytest.mark.parametrize("value", [P - 1, 2**32 - 1, 2**32, (1 << 62) + (1 << 43) - 1])
def test_many_rows_of_the_largest_terms(value: int, count: int, width: int) -> None:
    weights = np.full((2, count), value, dtype=np.uint64)
    expected = Ext(value * value * count, value * value * count)
    assert elements(combine_rows(weights, np.full((count, width), value, dtype=np.uint64))) == [
        expected
    ] * width


@pytest.mark.parametrize("shape", SHAPES)
def test_columns(shape: tuple[int, int], cut: int) -> None:
    rows, weights = f_array(3, *shape), f_array(4, 2, shape[1])
    expected = [combined(weights, row) for row in rows.tolist()]
    for w, m in zip(layouts(weights), reversed(layouts(rows)), strict=True):
        assert elements(agrees(combine_columns, m, w)) == expected


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (1, 2, 3), (5, 3, 2), (3, 4, 7), (2, 45, 33)])
def test_batches(shape: tuple[int, int, int], cut: int) -> None:
    steps, batch, width = shape
    weights, tensor = f_array(5, 2, steps, batch), f_array(6, *shape)
    for w, m in zip(layouts(weights), reversed(layouts(tensor)), strict=True):
        result = agrees(batched_combine_rows, w, m)
        assert result.shape == (2, steps, width)
        for t in range(steps):
            expected = [combined(weights[:, t], column) for column in tensor[t].T.tolist()]
            assert elements(result[:, t]) == expected


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 2), (3, 700), (2, 1025)])
def test_sums_of_products(shape: tuple[int, int], cut: int) -> None:
    rows, width = shape
    left, right = f_array(7, rows, 2, width), f_array(8, rows, 2, width)
    expected = [
        total([a * b for a, b in zip(one, two, strict=True)])
        for one, two in zip(*(zip(*map(elements, both), strict=True) for both in (left, right)), strict=True)
    ]
    for a, b in zip(layouts(left), reversed(layouts(right)), strict=True):
        assert elements(agrees(sum_of_ext_products, a, b)) == expected


def test_batches_of_empty_rows() -> None:
    empty = np.empty((2, 3, 0), dtype=np.uint64)
    assert batched_combine_rows(f_array(1, 2, 2, 3), empty).shape == (2, 2, 0)


@pytest.mark.parametrize("value", [0, 1, P - 1, 2**32 - 1, 2**32, 2**32 + 1])
def test_many_equal_terms(value: int) -> None:
    count = 3000
    rows = np.full((1, count), value, dtype=np.uint64)
    weights = np.full((2, count), P - 1, dtype=np.uint64)
    expected = [[-value * count % P]] * 2
    assert agrees(combine_columns, rows, weights).tolist() == expected
    assert agrees(combine_rows, weights, rows.reshape(count, 1)).tolist() == expected


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (combine_rows, ((2, 3), (4, 5))),
        (combine_rows, ((2, 0), (0, 5))),
        (combine_rows, ((2, 3), (5, 4))),
        (combine_columns, ((4, 5), (2, 4))),
        (combine_columns, ((4, 5), (2, 6))),
        (sum_of_ext_products, ((3, 2, 4), (3, 2, 5))),
        (sum_of_ext_products, ((3, 3, 4), (3, 3, 4))),
        (batched_combine_rows, ((2, 3, 4), (3, 5, 2))),
        (batched_combine_rows, ((2, 3, 4), (2, 4, 2))),
    ],
)
def test_shapes_that_do_not_match(function, shapes) -> None:  # type: ignore[no-untyped-def]
    left, right = (np.zeros(shape, dtype=np.uint64) for shape in shapes)
    with pytest.raises(ValueError):
        function(left, right)
    with reference_arithmetic(), pytest.raises(ValueError):
        function(left, right)


@pytest.mark.parametrize(("planes", "rows"), [(3, 2), (1, 2)])
def test_weights_have_two_planes(planes: int, rows: int) -> None:
    weights, matrix = np.zeros((planes, rows), dtype=np.uint64), np.zeros((rows, rows), dtype=np.uint64)
    with pytest.raises(ValueError):
        combine_rows(weights, matrix)
    with pytest.raises(ValueError):
        combine_columns(matrix, weights)
