"""Elements of E and E-arrays against the definition phi^2 = 7."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import reference_arithmetic
from proofward.field.extension import (
    Ext,
    add_scaled,
    ext_add,
    ext_add_scaled,
    ext_dot,
    ext_mul,
    ext_scale,
    ext_shift,
    ext_sub,
    lift,
    planes,
    powers,
    zeros,
)
from proofward.field.scalar import P
from tests.field.values import EDGES, Array, agrees, elements, ext, f_array, field, layouts, one_ext, total

ZERO, ONE, PHI = Ext(0), Ext(1), Ext(0, 1)
LENGTHS = [0, 1, 2, 3, 8, 13]
ARITHMETIC = {ext_add: lambda a, b: a + b, ext_sub: lambda a, b: a - b, ext_mul: lambda a, b: a * b}


def test_phi_squared_is_seven() -> None:
    assert Ext(7) == PHI * PHI
    assert Ext(P, -1) == Ext(0, P - 1)
    assert Ext(3, P + 4) == Ext(3, 4)


@given(ext, ext, ext)
def test_laws_of_a_ring(a: Ext, b: Ext, c: Ext) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a * b == b * a
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - b == a + -b
    assert a + ZERO == a * ONE == a
    assert a - a == ZERO
    assert hash(a + b) == hash(b + a)


@given(ext, st.integers(-(2**70), 2**70))
def test_integers_as_operands(a: Ext, n: int) -> None:
    assert a + n == n + a == a + Ext(n)
    assert a * n == n * a == a * Ext(n)
    assert a - n == a - Ext(n)
    assert n - a == Ext(n) - a


@given(field, field, field, field)
def test_products_by_coordinates(a0: int, a1: int, b0: int, b1: int) -> None:
    product = Ext(a0, a1) * Ext(b0, b1)
    assert (product.c0, product.c1) == ((a0 * b0 + 7 * a1 * b1) % P, (a0 * b1 + a1 * b0) % P)


@given(ext)
def test_inverses(a: Ext) -> None:
    if a == ZERO:
        with pytest.raises(ZeroDivisionError):
            a.inverse()
    else:
        assert a * a.inverse() == ONE
        assert a.inverse().inverse() == a


def test_zero_has_no_inverse() -> None:
    with pytest.raises(ZeroDivisionError):
        ZERO.inverse()
    assert ONE.inverse() == ONE
    assert Ext(1, 1).inverse() * Ext(1, 1) == ONE


def test_equality_is_with_elements_only() -> None:
    assert Ext(1) != 1
    assert Ext(1, 2) != Ext(2, 1)
    assert len({Ext(1, 2), Ext(1 + P, 2), Ext(2, 1)}) == 2
    assert repr(Ext(1, 2)) == "Ext(1, 2)"
    with pytest.raises(AttributeError):
        Ext(1).c2 = 3  # type: ignore[attr-defined]


@given(ext)
def test_bytes_and_back(a: Ext) -> None:
    data = a.to_bytes()
    assert data == a.c0.to_bytes(8, "little") + a.c1.to_bytes(8, "little")
    assert Ext.from_bytes(data) == a


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(15),
        bytes(17),
        bytes(8),
        P.to_bytes(8, "little") + bytes(8),
        bytes(8) + P.to_bytes(8, "little"),
        b"\xff" * 16,
        bytes(8) + (P + 1).to_bytes(8, "little"),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="expected 16 bytes"):
        Ext.from_bytes(data)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("operation", ARITHMETIC)
def test_arrays_entry_by_entry(operation: Callable[..., Array], length: int, cut: int) -> None:
    left, right = f_array(1, 2, length), f_array(2, 2, length)
    plain = ARITHMETIC[operation]
    expected = [plain(a, b) for a, b in zip(elements(left), elements(right), strict=True)]
    for a, b in zip(layouts(left), reversed(layouts(right)), strict=True):
        assert elements(agrees(operation, a, b)) == expected


def test_products_of_all_pairs_of_edges() -> None:
    grid = [(x, y) for x in EDGES for y in EDGES]
    left = np.array(grid, dtype=np.uint64).T.copy()
    right = left[::-1, ::-1]
    expected = [a * b for a, b in zip(elements(left), elements(right), strict=True)]
    assert elements(ext_mul(left, right)) == expected


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("factor", [ZERO, ONE, PHI, Ext(P - 1, P - 1), Ext(2**32, 2**32 - 1)], ids=repr)
def test_scale_and_shift(factor: Ext, length: int, cut: int) -> None:
    values = f_array(3, 2, length)
    for same in layouts(values):
        assert elements(agrees(ext_scale, same, factor)) == [a * factor for a in elements(values)]
        assert elements(agrees(ext_shift, same, factor)) == [a + factor for a in elements(values)]
        target = f_array(5, 2, 2 * length)
        expected = [
            a + factor * b for a, b in zip(elements(target[:, :length]), elements(values), strict=True)
        ]
        assert elements(agrees(ext_add_scaled, target[:, :length], same, factor)) == expected
        add_scaled(target[:, :length], same, factor)
        assert elements(target[:, :length]) == expected
        assert np.array_equal(target[:, length:], f_array(5, 2, 2 * length)[:, length:])


def test_adding_in_place_needs_the_place() -> None:
    values = f_array(6, 2, 8)
    for target in (values[:, :4], values[:, ::2]):
        with pytest.raises(ValueError, match="shapes"):
            add_scaled(target, values if target.strides[1] == 8 else values[:, :4], ONE)


@pytest.mark.parametrize("length", LENGTHS)
def test_inner_products(length: int, cut: int) -> None:
    left, right = f_array(4, 2, length), f_array(5, 2, length)
    expected = total([a * b for a, b in zip(elements(left), elements(right), strict=True)])
    for a, b in zip(layouts(left), reversed(layouts(right)), strict=True):
        assert agrees(ext_dot, a, b) == expected


def test_an_inner_product_of_many_large_terms() -> None:
    count = 1 << 17
    values = np.full((2, count), P - 1, dtype=np.uint64)
    assert ext_dot(values, values) == Ext(8 * count, 2 * count)


@pytest.mark.parametrize("operation", [*ARITHMETIC, ext_dot])
@pytest.mark.parametrize("shapes", [((2, 3), (2, 4)), ((2, 3), (2, 0)), ((2, 3), (3, 3))])
def test_unequal_lengths(operation: Callable[..., object], shapes: tuple[tuple[int, ...], ...]) -> None:
    left, right = (np.zeros(shape, dtype=np.uint64) for shape in shapes)
    with pytest.raises(ValueError):
        operation(left, right)
    with reference_arithmetic(), pytest.raises(ValueError):
        operation(left, right)


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (4,), (2, 2, 2)])
def test_products_need_two_planes(shape: tuple[int, ...]) -> None:
    values = np.zeros(shape, dtype=np.uint64)
    for operation in (ext_mul, ext_dot):
        with pytest.raises(ValueError, match="E-array"):
            operation(values, values)
    with pytest.raises(ValueError, match="E-array"):
        ext_scale(values, ONE)
    with pytest.raises(ValueError, match="E-array"):
        planes(values)


@pytest.mark.parametrize("shape", [(3, 4), (1, 4)])
def test_the_specification_needs_two_planes(shape: tuple[int, ...]) -> None:
    values = np.zeros(shape, dtype=np.uint64)
    with reference_arithmetic():
        with pytest.raises(ValueError):
            ext_mul(values, values)
        with pytest.raises(ValueError):
            ext_scale(values, ONE)


def test_planes_of_half_a_table_are_no_copy() -> None:
    table = f_array(6, 2, 8)
    for half in (table, table[:, :4], table[:, 4:]):
        assert all(np.shares_memory(plane, table) for plane in planes(half))
    strided = planes(table[:, ::2])
    assert all(plane.flags.c_contiguous for plane in strided)
    assert [plane.tolist() for plane in strided] == table[:, ::2].tolist()


def test_lift_and_zeros() -> None:
    assert lift(np.array([3, P - 1], dtype=np.uint64)).tolist() == [[3, P - 1], [0, 0]]
    assert zeros(3).tolist() == [[0] * 3] * 2
    assert zeros(0).shape == (2, 0)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 16, 17])
@pytest.mark.parametrize("base", [ZERO, ONE, PHI, one_ext(1)], ids=repr)
def test_powers(base: Ext, count: int, cut: int) -> None:
    expected, current = [], ONE
    for _ in range(count):
        expected.append(current)
        current = current * base
    assert elements(agrees(powers, base, count)) == expected


@pytest.mark.slow
@given(st.lists(st.tuples(ext, ext), min_size=1, max_size=12), ext)
@settings(max_examples=60)
def test_random_arrays(pairs: list[tuple[Ext, Ext]], factor: Ext) -> None:
    left, right = (
        np.array([[x.c0 for x in side], [x.c1 for x in side]], dtype=np.uint64)
        for side in zip(*pairs, strict=True)
    )
    assert elements(agrees(ext_mul, left, right)) == [a * b for a, b in pairs]
    assert agrees(ext_dot, left, right) == total([a * b for a, b in pairs])
    assert elements(agrees(ext_scale, left, factor)) == [a * factor for a, _ in pairs]
