"""Transforms against Horner's rule, in bit-reversed order."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import reference_arithmetic
from proofward.field.ntt import (
    COSET_SHIFT,
    bit_reversal,
    blinded_coefficients,
    domain,
    domain_generator,
    intt,
    low_degree_extend,
    ntt,
)
from proofward.field.reference import ntt as reference
from proofward.field.scalar import P
from tests.field.values import agrees, f_array, field, layouts

SIZES = [1, 2, 4, 8, 16, 32, 64, 128]
WRONG_SIZES = [0, 3, 6, 12]


def horner(coefficients: list[int], x: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % P
    return value


@pytest.mark.parametrize("log_size", range(33))
def test_roots_of_unity_have_their_order(log_size: int) -> None:
    root = domain_generator(1 << log_size)
    assert pow(root, 1 << log_size, P) == 1
    assert log_size == 0 or pow(root, 1 << (log_size - 1), P) == P - 1


@pytest.mark.parametrize("size", [*WRONG_SIZES, 1 << 33, -1])
def test_other_sizes_have_no_root(size: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        domain_generator(size)


@pytest.mark.parametrize("size", SIZES)
def test_the_order_is_bit_reversed(size: int) -> None:
    bits = size.bit_length() - 1
    order = [int(format(i, f"0{bits}b")[::-1], 2) if bits else 0 for i in range(size)]
    assert bit_reversal(size).tolist() == order
    assert [reference.bit_reversed(i, size) for i in range(size)] == order
    root = pow(7, (P - 1) // size, P)
    assert agrees(domain, size).tolist() == [pow(root, index, P) for index in order]


@cache
def values_by_horner(rows: int, size: int) -> list[list[int]]:
    """Of `f_array(1, rows, size)`, however many threads transform it."""
    points = domain(size).tolist()
    return [[horner(row, x) for x in points] for row in f_array(1, rows, size).tolist()]


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_values_by_horner_and_back(size: int, rows: int, cut: int) -> None:
    coefficients = f_array(1, rows, size)
    expected = values_by_horner(rows, size)
    for same in layouts(coefficients):
        before = same.copy()
        values = agrees(ntt, same)
        assert values.tolist() == expected
        assert np.array_equal(same, before), "the argument is unchanged"
    for same in layouts(values):
        assert np.array_equal(agrees(intt, same), coefficients)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("edge", [0, 1, P - 1, 2**32 - 1, 2**32, 2**32 + 1])
def test_rows_of_one_edge_value(size: int, edge: int) -> None:
    rows = np.full((1, size), edge, dtype=np.uint64)
    # a constant row is edge (X^n - 1) / (X - 1), which is n edge at 1 and 0 at the other roots
    assert agrees(ntt, rows).tolist() == [[size * edge % P] + [0] * (size - 1)]
    assert agrees(intt, rows).tolist() == [[edge] + [0] * (size - 1)]


def test_no_rows() -> None:
    empty = np.empty((0, 8), dtype=np.uint64)
    assert ntt(empty).shape == intt(empty).shape == (0, 8)
    assert low_degree_extend(empty, 16).shape == (0, 16)


@pytest.mark.parametrize("size", [1, 2, 4, 32])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 31, 32])
@pytest.mark.parametrize("rows", [1, 3])
def test_low_degree_extension_by_horner(size: int, count: int, rows: int, cut: int) -> None:
    coefficients = f_array(2, rows, count)
    if count > size:
        with pytest.raises(ValueError, match="coefficients"):
            low_degree_extend(coefficients, size)
        with reference_arithmetic(), pytest.raises(ValueError, match="coefficients"):
            low_degree_extend(coefficients, size)
        return
    points = [COSET_SHIFT * x % P for x in domain(size).tolist()]
    expected = [[horner(row, x) for x in points] for row in coefficients.tolist()]
    for same in layouts(coefficients):
        assert agrees(low_degree_extend, same, size).tolist() == expected


@pytest.mark.parametrize("size", [512, 1024])
def test_longer_rows_by_the_specification_s_splitting(size: int) -> None:
    coefficients = f_array(4, 2, size)
    values = ntt(coefficients)
    order = bit_reversal(size)
    for row, found in zip(coefficients.tolist(), values[:, order].tolist(), strict=True):
        assert found == reference.at_powers(row, domain_generator(size))
    assert np.array_equal(intt(values), coefficients)
    agrees(low_degree_extend, coefficients, size)
    agrees(low_degree_extend, coefficients, 2 * size)


@pytest.mark.parametrize(("k", "blinding"), [(1, 0), (1, 1), (4, 3), (4, 6), (16, 5)])
def test_blinded_rows_of_the_code(k: int, blinding: int, cut: int) -> None:
    data, added = f_array(5, 3, k), f_array(6, 3, blinding)
    for same in layouts(data):
        coefficients = blinded_coefficients(same, added)
        # the polynomial less (X^k - 1) B is the interpolation
        plain = coefficients.astype(object)
        plain[:, k:] -= added
        plain[:, :blinding] += added
        assert not (plain[:, k:] % P).any()
        assert (plain[:, :k] % P).tolist() == intt(data).tolist()


def test_blinding_of_other_rows() -> None:
    with pytest.raises(ValueError, match="blinding"):
        blinded_coefficients(f_array(7, 2, 4), f_array(8, 1, 1))


def test_the_coset_is_disjoint_from_the_subgroup() -> None:
    size = 1 << 12
    subgroup = set(domain(size).tolist())
    assert len(subgroup) == size
    assert not subgroup & {COSET_SHIFT * x % P for x in subgroup}


@pytest.mark.parametrize("size", [1, 2, 16])
def test_the_specification_s_splitting_by_horner(size: int) -> None:
    coefficients, root = f_array(3, size).tolist(), domain_generator(size)
    expected = [horner(coefficients, pow(root, j, P)) for j in range(size)]
    assert reference.at_powers(list(coefficients), root) == expected


@pytest.mark.parametrize("size", WRONG_SIZES)
def test_sizes_that_are_no_power_of_two(size: int) -> None:
    rows = np.zeros((2, size), dtype=np.uint64)
    for transform in (ntt, intt):
        with pytest.raises(ValueError, match="power of two"):
            transform(rows)
        with reference_arithmetic(), pytest.raises(ValueError, match="power of two"):
            transform(rows)
    one = np.zeros((1, 0), dtype=np.uint64)
    with pytest.raises(ValueError, match="power of two"):
        low_degree_extend(one, size)
    with reference_arithmetic(), pytest.raises(ValueError, match="power of two"):
        low_degree_extend(one, size)


@pytest.mark.slow
@given(st.integers(0, 5).flatmap(lambda n: st.lists(field, min_size=1 << n, max_size=1 << n)))
@settings(max_examples=60)
def test_random_rows(row: list[int]) -> None:
    rows = np.array([row], dtype=np.uint64)
    values = agrees(ntt, rows)
    assert values.tolist() == [[horner(row, x) for x in domain(len(row)).tolist()]]
    assert agrees(intt, values).tolist() == [row]
    agrees(low_degree_extend, rows, 4 * len(row))
