"""The scalar intrinsics, through compiled loops, on every pair of edge values."""

from __future__ import annotations

from functools import cache

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.field import scalar
from proofward.field.jit import kernel
from proofward.field.scalar import P, ext_times, times_root
from tests.field.values import EDGES, WORDS, field, word

_SIGNATURE = "void(uint64[::1], uint64[::1], uint64[::1])"


def _loop(deferred):  # type: ignore[no-untyped-def]
    @cache
    def compiled():  # type: ignore[no-untyped-def]
        operation = deferred.load()

        @numba.njit(_SIGNATURE)
        def run(x, y, out):  # type: ignore[no-untyped-def]
            for i in range(out.size):
                out[i] = operation(x[i], y[i])

        return run

    def apply(pairs: list[tuple[int, int]]) -> list[int]:
        x, y = (np.array(side, dtype=np.uint64) for side in zip(*pairs, strict=True))
        out = np.empty(len(pairs), dtype=np.uint64)
        compiled()(x, y, out)
        return out.tolist()

    return apply


@kernel("void(uint64[:, ::1], uint64[:, ::1])")
def _ext_loop(quadruples, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1] = ext_times(
            quadruples[i, 0], quadruples[i, 1], quadruples[i, 2], quadruples[i, 3]
        )


@kernel("void(uint64[::1], uint64[::1])")
def _root_loop(values, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = times_root(values[i])


PLUS, MINUS, TIMES = _loop(scalar.plus), _loop(scalar.minus), _loop(scalar.times)
SEVEN, JOIN = _loop(scalar.plus_seven), _loop(scalar.join)
CANONICAL = [(x, y) for x in EDGES for y in EDGES]
ALL = [(x, y) for x in WORDS for y in WORDS]


def test_the_modulus() -> None:
    assert P == 2**64 - 2**32 + 1
    assert pow(7, (P - 1) // 2, P) == P - 1, "7 is a square"
    assert all(pow(7, (P - 1) // q, P) != 1 for q in (2, 3, 5, 17, 257, 65537)), "7 does not generate"


def test_plus_minus_and_plus_seven_on_all_pairs_of_edges() -> None:
    assert PLUS(CANONICAL) == [(x + y) % P for x, y in CANONICAL]
    assert MINUS(CANONICAL) == [(x - y) % P for x, y in CANONICAL]
    assert SEVEN(CANONICAL) == [(x + 7 * y) % P for x, y in CANONICAL]


def test_times_root_takes_any_words() -> None:
    words = np.array(WORDS, dtype=np.uint64)
    out = np.empty_like(words)
    _root_loop(words, out)
    assert out.tolist() == [value * 2**48 % P for value in WORDS]
    assert pow(7, (P - 1) // 4, P) == 2**48, "the root of order 4 of the transforms"


def test_times_takes_any_words() -> None:
    assert (2**64 - 1, 2**64 - 1) in ALL
    assert (P, P + 1) in ALL
    assert TIMES(ALL) == [x * y % P for x, y in ALL]


def test_join_takes_any_sums_of_halves() -> None:
    assert JOIN(ALL) == [(low + (high << 32)) % P for low, high in ALL]


def test_join_holds_the_largest_sums_that_kernels_make() -> None:
    # 2^32 terms of P - 1, whose halves are 0 and 2^32 - 1, and of words with a low half of 2^32 - 1
    count = 2**32
    low, high = (count * half for half in (2**32 - 1, 2**32 - 2))
    assert max(low, high) < 2**64
    assert JOIN([(low, high), (0, count * (2**32 - 1))]) == [
        count * ((2**32 - 1) + ((2**32 - 2) << 32)) % P,
        count * (P - 1) % P,
    ]


@pytest.mark.slow
@given(st.lists(st.tuples(field, field), min_size=1, max_size=40))
@settings(max_examples=200)
def test_plus_minus_and_plus_seven(pairs: list[tuple[int, int]]) -> None:
    assert PLUS(pairs) == [(x + y) % P for x, y in pairs]
    assert MINUS(pairs) == [(x - y) % P for x, y in pairs]
    assert SEVEN(pairs) == [(x + 7 * y) % P for x, y in pairs]


@pytest.mark.slow
@given(st.lists(st.tuples(word, word), min_size=1, max_size=40))
@settings(max_examples=200)
def test_times_and_join(pairs: list[tuple[int, int]]) -> None:
    assert TIMES(pairs) == [x * y % P for x, y in pairs]
    assert JOIN(pairs) == [(x + (y << 32)) % P for x, y in pairs]


@pytest.mark.parametrize("seed", [0, 1])
def test_products_in_the_extension(seed: int) -> None:
    random = np.random.default_rng(seed)
    chosen = np.array(EDGES, dtype=np.uint64)[random.integers(0, len(EDGES), (20_000, 4))]
    chosen[0] = P - 1
    out = np.empty((len(chosen), 2), dtype=np.uint64)
    _ext_loop(chosen, out)
    for (a0, a1, b0, b1), (c0, c1) in zip(chosen.tolist(), out.tolist(), strict=True):
        assert c0 == (a0 * b0 + 7 * a1 * b1) % P
        assert c1 == (a0 * b1 + a1 * b0) % P
