"""Round messages and levels of the fraction tree by their definitions; sums of the layers."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.field.extension import Ext, lift
from proofward.field.multilinear import fold
from proofward.field.scalar import P
from proofward.field.sums import SplitWeights, fill_denominators, fraction_level, ones_level, round_message
from proofward.layers.columns.stack import suffix_sums, sum_last
from tests.field.values import Array, agrees, elements, f_array, layouts, one_ext, total

SPLITS = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 8), (8, 1), (5, 4), (3, 1)]


def plain_message(
    factors: list[tuple[Array, Array]], linear: Array | None, weights: SplitWeights
) -> tuple[Ext, Ext]:
    w = [a * b for a in elements(weights.high) for b in elements(weights.low)]
    half = len(w)
    zero, lead = Ext(0), Ext(0)
    for f, g in ((elements(f), elements(g)) for f, g in factors):
        zero = zero + total([w[x] * f[x] * g[x] for x in range(half)])
        lead = lead + total([w[x] * (f[half + x] - f[x]) * (g[half + x] - g[x]) for x in range(half)])
    if linear is not None:
        zero = zero + total([a * b for a, b in zip(w, elements(linear)[:half], strict=True)])
    return zero, lead


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("pairs", [0, 1, 2, 3])
@pytest.mark.parametrize("with_linear", [False, True])
def test_round_messages(split: tuple[int, int], pairs: int, with_linear: bool, cut: int) -> None:
    high, low = split
    length = 2 * high * low
    tables = [f_array(i, 2, length) for i in range(2 * pairs)]
    factors = list(zip(tables[::2], tables[1::2], strict=True))
    linear = f_array(9, 2, length) if with_linear else None
    weights = SplitWeights(f_array(10, 2, high), f_array(11, 2, low))
    expected = plain_message(factors, linear, weights)
    assert agrees(round_message, factors, linear, weights) == expected
    for layout in range(1, 4):
        moved = [(layouts(f)[layout], layouts(g)[layout]) for f, g in factors]
        rest = None if linear is None else layouts(linear)[layout]
        strided = SplitWeights(layouts(weights.high)[layout], layouts(weights.low)[layout])
        assert round_message(moved, rest, strided) == expected


def test_a_round_message_is_the_polynomial_at_every_point() -> None:
    f, g, linear = (f_array(i, 2, 16) for i in range(3))
    weights = SplitWeights(f_array(3, 2, 2), f_array(4, 2, 4))
    zero, lead = round_message([(f, g)], linear, weights)

    def t(x: Ext) -> Ext:
        bound = [fold(table, x) for table in (f, g, linear)]
        w = [a * b for a in elements(weights.high) for b in elements(weights.low)]
        a, b, c = (elements(table) for table in bound)
        return total([w[i] * (a[i] * b[i] + c[i]) for i in range(8)])

    assert t(Ext(0)) == zero
    middle = t(Ext(1)) - zero - lead
    for x in (one_ext(5), Ext(P - 1, 2**32)):
        assert t(x) == zero + middle * x + lead * x * x


def test_a_round_message_of_many_large_terms() -> None:
    half = 1 << 15
    table = np.full((2, 2 * half), P - 1, dtype=np.uint64)
    table[:, half:] = 0
    ones = np.full((2, 1), P - 1, dtype=np.uint64), np.full((2, half), P - 1, dtype=np.uint64)
    value = Ext(-1, -1) * Ext(-1, -1) * Ext(-1, -1) * Ext(-1, -1) * half
    weights = SplitWeights(*ones)
    assert round_message([(table, table)], None, weights) == (value, value)
    assert round_message([(table, table)] * 2, None, weights) == (2 * value, 2 * value)


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("shape", [(2, 4), (2, 16), (2, 9), (2, 0), (3, 8), (8,)])
def test_tables_of_another_length(position: int, shape: tuple[int, ...]) -> None:
    tables = [np.zeros((2, 8), dtype=np.uint64) for _ in range(5)]
    tables[position] = np.zeros(shape, dtype=np.uint64)
    weights = SplitWeights(f_array(1, 2, 2), f_array(2, 2, 2))
    factors = [(tables[0], tables[1]), (tables[2], tables[3])]
    with pytest.raises(ValueError, match="weights of 4 entries"):
        round_message(factors, tables[4], weights)
    with reference_arithmetic(), pytest.raises(ValueError, match="weights of 4 entries"):
        round_message(factors, tables[4], weights)


@pytest.mark.parametrize("size", [0, 2, 4, 6, 18])
def test_fraction_levels(size: int, cut: int) -> None:
    p, q = f_array(1, 2, size), f_array(2, 2, size)
    half = size // 2
    a, b = elements(p), elements(q)
    expected = (
        [a[x] * b[half + x] + a[half + x] * b[x] for x in range(half)],
        [b[x] * b[half + x] for x in range(half)],
    )
    for left, right in zip(layouts(p), reversed(layouts(q)), strict=True):
        n, d = agrees(fraction_level, left, right)
        assert (elements(n), elements(d)) == expected
    ones = agrees(ones_level, q)
    assert [x.tolist() for x in ones] == [
        x.tolist() for x in fraction_level(lift(np.ones(size, dtype=np.uint64)), q)
    ]


@pytest.mark.parametrize("shapes", [((2, 4), (2, 6)), ((2, 3), (2, 3)), ((3, 4), (3, 4))])
def test_levels_that_cannot_be_halved(shapes: tuple[tuple[int, ...], ...]) -> None:
    p, q = (np.zeros(shape, dtype=np.uint64) for shape in shapes)
    with pytest.raises(ValueError):
        fraction_level(p, q)
    with reference_arithmetic(), pytest.raises(ValueError):
        fraction_level(p, q)


def test_ones_level_of_an_odd_length() -> None:
    with pytest.raises(ValueError):
        ones_level(np.zeros((2, 3), dtype=np.uint64))


@pytest.mark.parametrize("shape", [(1,), (2,), (3, 1), (2, 5), (2, 3, 4), (4, 0)])
def test_sums_over_the_last_axis(shape: tuple[int, ...]) -> None:
    values = f_array(3, *shape)
    for same in layouts(values):
        result = agrees(sum_last, same)
        assert result.shape == shape[:-1]
        flat = values.reshape(-1, shape[-1]) if values.size else np.zeros((shape[0], 0), dtype=np.uint64)
        assert result.reshape(-1).tolist() == [sum(row) % P for row in flat.tolist()]


@pytest.mark.parametrize("value", [P - 1, 2**32 - 1, 2**64 - 2**33 + 2**32 - 1])
def test_sums_of_many_large_entries(value: int) -> None:
    # the halves of 2^22 entries sum to 2^54: far above 2^32, where the remainder matters
    count = 1 << 22
    values = np.broadcast_to(np.array([[value]], dtype=np.uint64), (2, count))
    assert sum_last(values).tolist() == [count * value % P] * 2


@pytest.mark.parametrize("size", [0, 1, 2, 9])
def test_suffix_sums(size: int) -> None:
    values = f_array(4, 2, size)
    expected = [total(elements(values)[i + 1 :]) for i in range(size)]
    assert elements(agrees(suffix_sums, values)) == expected
    largest = np.full((2, size), P - 1, dtype=np.uint64)
    assert suffix_sums(largest).tolist() == [[(i + 1 - size) % P for i in range(size)]] * 2


@pytest.mark.parametrize("size", [0, 1, 2, 7, 64])
@pytest.mark.parametrize("pairs", [False, True])
def test_denominators_of_leaves(size: int, pairs: bool, cut: int) -> None:
    constant, beta, first, second = one_ext(1), one_ext(2), f_array(3, size), f_array(4, size)
    expected = [
        constant - f - (beta * s if pairs else 0)
        for f, s in zip(first.tolist(), second.tolist(), strict=True)
    ]
    for f, s in zip(layouts(first), layouts(second), strict=True):
        out = np.full((2, size + 3), 5, dtype=np.uint64)
        fill_denominators(constant, beta, f, s if pairs else None, out[:, 1 : size + 1])
        assert elements(out[:, 1 : size + 1]) == expected
        assert (out[:, [0, size + 1, size + 2]] == 5).all()


def test_denominators_of_another_length() -> None:
    out, values = np.zeros((2, 4), dtype=np.uint64), f_array(1, 4)
    for first, second in ((values[:3], None), (values, values[:3])):
        with pytest.raises(ValueError, match="denominators"):
            fill_denominators(one_ext(1), one_ext(2), first, second, out)
