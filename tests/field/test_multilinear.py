"""Multilinear tables by the definition: sums over the cube, the first variable the most significant bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import multilinear, reference_arithmetic
from proofward.field.extension import Ext, lift
from proofward.field.multilinear import eq_table, evaluate, fold, suffix_tables, tensor_table
from proofward.field.scalar import P
from tests.field.values import agrees, elements, ext, f_array, layouts, one_ext, point, total

ONE = Ext(1)
SCALARS = [Ext(0), ONE, Ext(0, 1), Ext(P - 1, P - 1), Ext(2**32, 2**32 - 1), one_ext(3)]


def weight(weights: list[tuple[Ext, Ext]], index: int) -> Ext:
    """The product of each variable's weight for its bit of the index."""
    product = ONE
    for variable, (low, high) in enumerate(weights):
        bit = index >> (len(weights) - 1 - variable) & 1
        product = product * (high if bit else low)
    return product


@pytest.mark.parametrize("variables", range(6))
def test_tensor_and_eq_tables(variables: int, cut: int) -> None:
    weights = list(zip(point(1, variables), point(2, variables), strict=True))
    expected = [weight(weights, index) for index in range(1 << variables)]
    assert elements(agrees(tensor_table, weights)) == expected
    r = point(3, variables)
    eq = elements(agrees(eq_table, r))
    assert eq == [weight([(1 - x, x) for x in r], index) for index in range(1 << variables)]
    assert total(eq) == ONE


@pytest.mark.parametrize("variables", range(6))
@pytest.mark.parametrize("low_variables", [1, 2, 12])
def test_tensor_tables_of_two_parts_and_of_suffixes(
    variables: int, low_variables: int, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multilinear, "_LOW_VARIABLES", low_variables)
    weights = list(zip(point(5, variables), point(6, variables), strict=True))
    weights[:1] = [(Ext(P - 1, P - 1), Ext(2**32, 2**32 - 1))][: len(weights)]
    expected = [weight(weights, index) for index in range(1 << variables)]
    assert elements(agrees(tensor_table, weights)) == expected
    tables = agrees(suffix_tables, weights)
    assert tables.shape == (2, 2 << variables) and not tables[:, 0].any()
    for last in range(variables + 1):
        table = tensor_table(weights[variables - last :])
        assert np.array_equal(tables[:, 1 << last : 2 << last], table)


def test_eq_at_a_corner_selects_it() -> None:
    corner = [Ext(1), Ext(0), Ext(1)]
    assert elements(eq_table(corner)) == [Ext(int(index == 0b101)) for index in range(8)]


@pytest.mark.parametrize("size", [2, 4, 6, 16, 26])
@pytest.mark.parametrize("challenge", SCALARS, ids=repr)
def test_fold(size: int, challenge: Ext, cut: int) -> None:
    table = f_array(4, 2, size)
    entries, half = elements(table), size // 2
    expected = [a + challenge * (b - a) for a, b in zip(entries[:half], entries[half:], strict=True)]
    for same in layouts(table):
        assert elements(agrees(fold, same, challenge)) == expected


@pytest.mark.parametrize("shape", [(2, 0), (2, 1), (2, 3), (3, 4), (1, 4)])
def test_tables_that_cannot_be_folded(shape: tuple[int, ...]) -> None:
    table = np.zeros(shape, dtype=np.uint64)
    with pytest.raises(ValueError):
        fold(table, ONE)
    with reference_arithmetic(), pytest.raises(ValueError):
        fold(table, ONE)


@pytest.mark.parametrize("variables", range(6))
@pytest.mark.parametrize("low_variables", [0, 2, 12])
def test_evaluation_over_both_fields(
    variables: int, low_variables: int, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multilinear, "_LOW_VARIABLES", low_variables)
    r = point(5, variables)
    weights = [weight([(1 - x, x) for x in r], index) for index in range(1 << variables)]
    base, table = f_array(6, 1 << variables), f_array(7, 2, 1 << variables)
    over_f = total([w * v for w, v in zip(weights, base.tolist(), strict=True)])
    over_e = total([w * v for w, v in zip(weights, elements(table), strict=True)])
    for same in layouts(base):
        assert agrees(evaluate, same, r) == over_f
        assert agrees(evaluate, same, tuple(r)) == over_f
    for same in layouts(table):
        assert agrees(evaluate, same, r) == over_e
    assert agrees(evaluate, lift(base), r) == over_f


def test_evaluation_at_corners_reads_the_table() -> None:
    base, table = f_array(8, 8), f_array(9, 2, 8)
    for index in range(8):
        corner = [Ext(index >> 2 & 1), Ext(index >> 1 & 1), Ext(index & 1)]
        assert agrees(evaluate, base, corner) == Ext(int(base[index]))
        assert agrees(evaluate, table, corner) == elements(table)[index]


def test_evaluation_without_variables() -> None:
    assert agrees(evaluate, np.array([P - 1], dtype=np.uint64), []) == Ext(P - 1)
    assert agrees(evaluate, np.array([[5], [P - 1]], dtype=np.uint64), []) == Ext(5, P - 1)


@pytest.mark.parametrize("shape", [(3,), (8,), (2,), (1,), (2, 3), (2, 8), (2, 1), (0,), (2, 0)])
def test_points_of_another_number_of_coordinates(shape: tuple[int, ...]) -> None:
    table = np.zeros(shape, dtype=np.uint64)
    with pytest.raises(ValueError, match="2 coordinates"):
        evaluate(table, point(1, 2))
    with reference_arithmetic(), pytest.raises(ValueError, match="2 coordinates"):
        evaluate(table, point(1, 2))


@given(st.lists(st.tuples(ext, ext), max_size=4), st.integers(0, 100))
@settings(max_examples=50)
def test_random_weights_and_points(weights: list[tuple[Ext, Ext]], seed: int) -> None:
    agrees(tensor_table, weights)
    table = f_array(seed, 2, 1 << len(weights))
    agrees(evaluate, table, [low for low, _ in weights])
    agrees(evaluate, table[0].copy(), [high for _, high in weights])
    if weights:
        agrees(fold, table, weights[0][0])
