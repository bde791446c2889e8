"""F-arrays against plain integers: any shape, layout and number of threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import goldilocks, reference_arithmetic
from proofward.field.goldilocks import (
    add,
    invert,
    is_canonical,
    mul,
    random_field,
    scale,
    shift,
    sub,
    subtract_from,
    to_field,
    to_signed,
)
from proofward.field.scalar import P
from tests.field.values import EDGES, WORDS, Array, agrees, f_array, field, layouts

SHAPES = [(0,), (1,), (2,), (7,), (2, 0), (2, 1), (2, 9), (3, 5), (2, 3, 5), (3, 1, 1, 2)]
OPERATIONS = {add: lambda a, b: a + b, sub: lambda a, b: a - b, mul: lambda a, b: a * b}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_entrywise(operation: Callable[..., Array], shape: tuple[int, ...], cut: int) -> None:
    left, right = f_array(1, *shape), f_array(2, *shape)
    plain = OPERATIONS[operation]
    expected = [plain(a, b) % P for a, b in zip(left.ravel().tolist(), right.ravel().tolist(), strict=True)]
    for a, b in zip(layouts(left), reversed(layouts(right)), strict=True):
        assert agrees(operation, a, b).ravel().tolist() == expected


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_pair_of_edges(operation: Callable[..., Array]) -> None:
    pairs = np.array([(x, y) for x in EDGES for y in EDGES], dtype=np.uint64)
    plain = OPERATIONS[operation]
    expected = [plain(x, y) % P for x, y in pairs.tolist()]
    assert operation(pairs[:, 0], pairs[:, 1]).tolist() == expected


def test_halves_of_a_table_of_the_extension(cut: int) -> None:
    table = f_array(3, 2, 10)
    assert agrees(add, table[:, :5], table[:, 5:]).shape == (2, 5)


def test_the_kernel_of_products_takes_any_words() -> None:
    words = np.array(WORDS, dtype=np.uint64)
    out = np.empty_like(words)
    for other in WORDS:
        goldilocks._scale(words, np.uint64(other), out)
        assert out.tolist() == [word * other % P for word in WORDS]
    goldilocks._mul(words, words, out)
    assert out.tolist() == [word * word % P for word in WORDS]


@pytest.mark.parametrize("shape", SHAPES)
def test_inverses(shape: tuple[int, ...], cut: int) -> None:
    values = np.maximum(f_array(6, *shape), np.uint64(1))
    for same in layouts(values):
        found = agrees(invert, same)
        assert found.shape == shape and (mul(same, found) == 1).all()


def test_inverses_of_edges() -> None:
    edges = np.array([edge for edge in EDGES if edge], dtype=np.uint64)
    assert agrees(invert, edges).tolist() == [pow(edge, -1, P) for edge in edges.tolist()]


@pytest.mark.parametrize("zero", [0, 3, 8])
def test_zero_has_no_inverse(zero: int) -> None:
    values = np.arange(1, 10, dtype=np.uint64)
    values[zero] = 0
    with pytest.raises(ValueError, match="inverse"):
        invert(values)
    with reference_arithmetic(), pytest.raises(ValueError, match="invertible"):
        invert(values)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shapes", [((3,), (4,)), ((2, 3), (3, 2)), ((2, 3), (6,)), ((1,), (0,))])
def test_unequal_shapes(operation: Callable[..., Array], shapes: tuple[tuple[int, ...], ...]) -> None:
    left, right = (np.zeros(shape, dtype=np.uint64) for shape in shapes)
    with pytest.raises(ValueError, match="shapes"):
        operation(left, right)
    with reference_arithmetic(), pytest.raises((ValueError, TypeError)):
        operation(left, right)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", [0, 1, 2**32 - 1, 2**32, 2**32 + 1, P - 1])
def test_scale_and_shift(shape: tuple[int, ...], factor: int, cut: int) -> None:
    values = f_array(4, *shape)
    for same in layouts(values):
        assert agrees(scale, same, factor).ravel().tolist() == [
            v * factor % P for v in values.ravel().tolist()
        ]
        assert agrees(shift, same, factor).ravel().tolist() == [
            (v + factor) % P for v in values.ravel().tolist()
        ]


@pytest.mark.parametrize("size", [0, 1, 2, 5])
@pytest.mark.parametrize("constant", [0, 1, P - 1])
def test_subtract_from(size: int, constant: int, cut: int) -> None:
    values = f_array(5, size)
    out = np.empty(size, dtype=np.uint64)
    subtract_from(constant, values, out)
    assert out.tolist() == [(constant - v) % P for v in values.tolist()]


@pytest.mark.slow
@given(st.lists(st.tuples(field, field), min_size=1, max_size=20), field)
@settings(max_examples=100)
def test_random_entries(pairs: list[tuple[int, int]], factor: int) -> None:
    left, right = (np.array(side, dtype=np.uint64) for side in zip(*pairs, strict=True))
    for operation in (add, sub, mul):
        agrees(operation, left, right)
    agrees(scale, left, factor)
    agrees(shift, left, factor)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_signed_integers_modulo_p(values: list[int]) -> None:
    assert to_field(np.array(values, dtype=np.int64)).tolist() == [v % P for v in values]


@pytest.mark.parametrize("value", [0, 1, -1, 2**32, -(2**32), P // 2, -(P // 2), 2**62, -(2**62)])
def test_signed_integers_and_back(value: int) -> None:
    there = to_field(np.full((2, 3), value, dtype=np.int64))
    assert there.dtype == np.uint64
    assert there.tolist() == [[value % P] * 3] * 2
    back = to_signed(there)
    assert back.dtype == np.int64
    assert back.tolist() == [[value] * 3] * 2


@given(st.lists(field, max_size=20))
def test_centred_representatives(values: list[int]) -> None:
    assert to_signed(np.array(values, dtype=np.uint64)).tolist() == [
        v if v <= P // 2 else v - P for v in values
    ]


ENDS = [0, 1, -1, 2**32 - 1, 2**32, 2**32 + 1, -(2**32), P // 2, -(P // 2), 2**63 - 1, -(2**63)]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9))
def test_many_signed_integers_are_those_of_few(values: list[int]) -> None:
    """Many go through kernels on all cores, few do not."""
    several = np.array([*values, *ENDS], dtype=np.int64)
    many = np.resize(several, (2, 1 << 16))
    assert np.array_equal(to_field(many), np.resize(to_field(several), many.shape))
    there = to_field(several)
    assert np.array_equal(to_signed(to_field(many)), np.resize(to_signed(there), many.shape))


@pytest.mark.parametrize("value", [0, 1, P - 1, P // 2, P // 2 + 1, 2**32 - 1, 2**32, 2**32 + 1])
def test_many_centred_representatives(value: int) -> None:
    found = to_signed(np.full(1 << 17, value, dtype=np.uint64))
    assert set(found.tolist()) == {value if value <= P // 2 else value - P}


def test_is_canonical() -> None:
    for word in WORDS:
        assert is_canonical(np.array([0, word, 1], dtype=np.uint64)) == (word < P)
    assert is_canonical(np.empty((2, 0), dtype=np.uint64))


class _Source:
    """A random source that gives these words and records what it is asked."""

    def __init__(self, *words: int) -> None:
        self.words, self.asked = list(words), []  # type: ignore[var-annotated]

    def __call__(self, size: int) -> bytes:
        self.asked.append(size)
        taken, self.words = self.words[: size // 8], self.words[size // 8 :]
        return b"".join(word.to_bytes(8, "little") for word in taken)


def test_random_field_rejects_words_not_below_p() -> None:
    source = _Source(5, P, P - 1, 2**64 - 1, 0, P + 1, 8)
    assert random_field(4, source).tolist() == [5, 0, P - 1, 8]
    assert source.asked == [32, 16, 8], "every draw replaces exactly the words rejected before"


def test_random_field_of_nothing() -> None:
    source = _Source()
    assert random_field(0, source).shape == (0,)


def test_random_field_needs_all_its_bytes() -> None:
    with pytest.raises(ValueError, match="expected 24 bytes, got 16"):
        random_field(3, lambda size: bytes(16))
    with pytest.raises(ValueError, match="expected 8 bytes, got 16"):
        random_field(2, lambda size: b"\xff" * 8 + bytes(8))
