"""Rounds of a sumcheck in one pass, against binding and summing by the specification."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import reference_arithmetic
from proofward.field.extension import Ext
from proofward.field.multilinear import fold
from proofward.field.rounds import bind_first, bind_last, claim_coefficients, next_message
from proofward.field.scalar import P
from proofward.field.sums import SplitWeights, round_message
from tests.field.values import Array, agrees, elements, ext, f_array, layouts, one_ext

SPLITS = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 8), (8, 1), (5, 4), (3, 1)]
CHALLENGES = [Ext(0), Ext(1), Ext(P - 1, P - 1), Ext(2**32, 2**32 - 1), one_ext(3)]


def message(tables: list[Array], pairs: int, weights: SplitWeights) -> tuple[Ext, Ext]:
    factors = list(zip(tables[: 2 * pairs : 2], tables[1 : 2 * pairs : 2], strict=True))
    with reference_arithmetic():
        return round_message(factors, tables[2 * pairs] if len(tables) % 2 else None, weights)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("pairs", "linear"), [(0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 1)])
@pytest.mark.parametrize("challenge", [*CHALLENGES, None], ids=repr)
def test_a_round_is_binding_and_summing(
    split: tuple[int, int], pairs: int, linear: int, challenge: Ext | None, cut: int
) -> None:
    high, low = split
    length = 2 * high * low
    weights = SplitWeights(f_array(20, 2, high), f_array(21, 2, low))
    tables = [f_array(i, 2, 2 * length) for i in range(2 * pairs + linear)]
    matrix = np.concatenate(tables)
    with reference_arithmetic():
        bound = [t[:, :length] if challenge is None else fold(t, challenge) for t in tables]
    assert next_message(matrix, length, pairs, challenge, weights) == message(bound, pairs, weights)
    assert np.array_equal(matrix[:, :length], np.concatenate(bound))
    assert np.array_equal(matrix[:, length:], np.concatenate(tables)[:, length:])


def test_a_round_of_many_large_terms() -> None:
    # every half of 32 bits at its largest: the sums of a block reach 2^(32 + 13)
    length = 1 << 14
    matrix = np.full((4, 2 * length), P - 1, dtype=np.uint64)
    weights = SplitWeights(*(np.full((2, n), P - 1, dtype=np.uint64) for n in (1, length // 2)))
    value = Ext(-1, -1) * Ext(-1, -1) * Ext(-1, -1) * Ext(-1, -1) * (length // 2)
    assert next_message(matrix, length, 1, one_ext(5), weights) == (value, Ext(0))


@pytest.mark.parametrize("challenge", CHALLENGES, ids=repr)
@pytest.mark.parametrize("size", [2, 4, 26])
def test_the_first_and_the_last_binding(size: int, challenge: Ext, cut: int) -> None:
    tables = [f_array(i, 2, size) for i in range(3)]
    with reference_arithmetic():
        expected = np.concatenate([fold(table, challenge) for table in tables])
    for same in zip(*(layouts(table) for table in tables), strict=True):
        assert np.array_equal(bind_first(list(same), challenge), expected)
    if size == 2:
        matrix = np.concatenate(tables)
        bind_last(matrix, challenge)
        assert np.array_equal(matrix[:, :1], expected)


@pytest.mark.parametrize(("rows", "length"), [((4, 8), 8), ((4, 16), 4), ((4, 4), 4), ((4, 7), 8)])
def test_rows_of_another_length(rows: tuple[int, int], length: int) -> None:
    weights = SplitWeights(f_array(1, 2, 2), f_array(2, 2, 2))
    with pytest.raises(ValueError, match="entries"):
        next_message(np.zeros(rows, dtype=np.uint64), length, 1, Ext(1), weights)


@pytest.mark.slow
@given(st.lists(st.tuples(ext, ext.filter(lambda w: w != Ext(0)), ext, ext, ext), max_size=5))
@settings(max_examples=60)
def test_the_claim_after_all_rounds(rounds: list[tuple[Ext, Ext, Ext, Ext, Ext]]) -> None:
    weights, point = [(w0, w1) for w0, w1, *_ in rounds], [r for _, _, r, _, _ in rounds]
    sent = [value for *_, zero, lead in rounds for value in (zero, lead)]
    coefficients = elements(agrees(claim_coefficients, weights, point, sent))
    claim = one_ext(9)
    expected, constant = claim, Ext(0)
    for w0, w1, r, zero, lead in rounds:
        one = (expected - w0 * zero) * w1.inverse()
        expected = zero + (one - zero - lead) * r + lead * r * r
    for coefficient, value in zip(coefficients[: 2 * len(rounds)], sent, strict=True):
        constant = constant + coefficient * value
    assert coefficients[-1] == constant
    assert coefficients[-2] * claim + constant == expected


def test_a_claim_with_a_weight_of_zero() -> None:
    arguments = [(Ext(3), Ext(0))], [Ext(5)], [Ext(1), Ext(2)]
    with pytest.raises(ZeroDivisionError, match="inverse of 0"):
        claim_coefficients(*arguments)
    with reference_arithmetic(), pytest.raises(ZeroDivisionError, match="inverse of 0"):
        claim_coefficients(*arguments)
