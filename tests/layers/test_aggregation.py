"""What a hospital submits and the model that follows, against plain integers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.layers.averaging.aggregation import (
    mean_update,
    quantise_update,
    squared_norm,
)
from proofward.layers.averaging.clipping import clipped_multiplier, norm_is_at_most
from proofward.layers.averaging.weighting import BY_RECORDS
from proofward.layers.basics.errors import ConfigurationError
from proofward.optimizers.fedavg import FedAvg
from proofward.optimizers.next_model import ModelRule

LIMIT = 64 << 24
RULE = ModelRule(FedAvg(), 24, 2048 << 14, LIMIT)


ODD = st.sampled_from([1, 1, 3, 49, 2401, (1 << 20) - 1])
"""Of the divisor, beside means of numbers of values that are no powers of two."""


def submitted(update: list[int], multiplier: int, shift: int, odd: int) -> list[int]:
    """U in plain integers."""
    return [(value * multiplier + (odd << (shift - 1))) // (odd << shift) for value in update]


def bisected(update: list[int], full: int, shift: int, bound: int, odd: int) -> int:
    """The largest multiplier within the bound, one by one from a near guess."""
    low, high = 0, full + 1
    while high - low > 1:
        middle = (low + high) // 2
        fits = sum(v * v for v in submitted(update, middle, shift, odd)) <= bound * bound
        low, high = (middle, high) if fits else (low, middle)
    return low


@given(
    st.lists(st.integers(-(2**33), 2**33), min_size=1, max_size=6),
    st.integers(0, 2**27),
    st.integers(1, 30),
    ODD,
)
def test_quantised_update_is_rounded_to_nearest(values: list[int], multiplier: int, shift: int, odd: int) -> None:
    result = quantise_update(np.array(values, dtype=np.int64), multiplier, shift, odd)
    assert result.tolist() == submitted(values, multiplier, shift, odd)
    for value, got in zip(values, result.tolist(), strict=True):
        error = got - Fraction(value * multiplier, odd << shift)
        assert -Fraction(1, 2) < error <= Fraction(1, 2)


def test_quantised_update_refuses_overflow() -> None:
    for values, multiplier in (([1 << 50], 1 << 12), ([-(1 << 50)], 1 << 12), ([1], -1)):
        with pytest.raises(ConfigurationError):
            quantise_update(np.array(values, dtype=np.int64), multiplier, 24)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=9))
def test_squared_norm(values: list[int]) -> None:
    small = [value >> 10 for value in values]
    assert squared_norm(np.array(values, dtype=np.int64)) == sum(v * v for v in values)
    assert squared_norm(np.array(small, dtype=np.int64)) == sum(v * v for v in small)


@pytest.mark.slow
@settings(max_examples=300)
@given(
    values=st.lists(st.integers(-(2**35), 2**35), min_size=1, max_size=6),
    full=st.integers(1, 2**26),
    shift=st.integers(1, 40),
    bound=st.integers(0, 2**31 - 1),
    odd=ODD,
)
def test_clipping_finds_the_largest_multiplier(
    values: list[int], full: int, shift: int, bound: int, odd: int
) -> None:
    update = np.array(values, dtype=np.int64)
    found = clipped_multiplier(update, full=full, shift=shift, bound=bound, odd=odd)
    assert found == bisected(values, full, shift, bound, odd)
    assert norm_is_at_most(update, found, shift, bound, odd)
    if found < full:
        assert sum(v * v for v in submitted(values, found + 1, shift, odd)) > bound * bound


@pytest.mark.slow
@given(
    values=st.lists(st.integers(-(2**36), 2**36), min_size=1, max_size=5),
    multiplier=st.integers(0, 2**25),
    shift=st.integers(1, 24),
    slack=st.integers(-3, 3),
    odd=ODD,
)
def test_norms_are_compared_exactly_at_their_bound(
    values: list[int], multiplier: int, shift: int, slack: int, odd: int
) -> None:
    norm = sum(v * v for v in submitted(values, multiplier, shift, odd))
    bound = min(max(0, isqrt(norm) + slack), 2**31 - 1)
    found = norm_is_at_most(np.array(values, dtype=np.int64), multiplier, shift, bound, odd)
    assert found == (norm <= bound * bound)


def test_sums_that_pass_the_kernels_range_are_beyond_every_bound() -> None:
    """Entries of 2^61 and many of 2^31: the sum is cut, never wrapped."""
    for update in (np.full(1 << 17, 1 << 40), np.full(3, -(1 << 61) + 1), np.array([1 << 61, 0])):
        for odd in (1, 3, (1 << 8) - 1):
            assert not norm_is_at_most(update, 1, 1, 2**31 - 1, odd)
    assert norm_is_at_most(np.full(1 << 17, 1 << 20), 1, 1, isqrt((1 << 17) * (1 << 38)) + 1)


@pytest.mark.parametrize("threads", [1, 3])
def test_many_parameters_are_summed_alike_on_threads(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr("proofward.field.threads.thread_count", lambda: threads)
    update = np.random.default_rng(5).integers(-(1 << 30), 1 << 30, 200_003)
    for bound in (0, 1 << 20, 1 << 25, 2**31 - 1):
        found = clipped_multiplier(update, full=92_160, shift=24, bound=bound)
        assert squared_norm(quantise_update(update, found, 24)) <= bound**2
        if found < 92_160:
            assert squared_norm(quantise_update(update, found + 1, 24)) > bound**2


def test_the_bisection_takes_the_same_steps_whatever_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clipped or not, and wherever the multiplier is: bit_length(full) looks at all parameters."""
    steps: list[int] = []
    plain = norm_is_at_most

    def counted(update: np.ndarray, *others: int) -> bool:
        steps[-1] += update.size
        return plain(update, *others)

    monkeypatch.setattr("proofward.layers.averaging.clipping.norm_is_at_most", counted)
    rng = np.random.default_rng(7)
    full = 92_160
    for size in (0, 1, 1 << 10, 1 << 20, 1 << 36):
        steps.append(0)
        clipped_multiplier(rng.integers(-size, size + 1, 50), full=full, shift=24, bound=1000)
    assert steps == [50 * full.bit_length()] * 5


@pytest.mark.parametrize(
    ("full", "shift", "bound"), [(0, 24, 5), (1 << 40, 24, 5), (5, 0, 5), (5, 24, -1), (5, 24, 1 << 31)]
)
def test_clipping_refuses_what_could_overflow(full: int, shift: int, bound: int) -> None:
    with pytest.raises(ConfigurationError):
        clipped_multiplier(np.array([1 << 30], dtype=np.int64), full=full, shift=shift, bound=bound)


@pytest.mark.slow
@settings(max_examples=300)
@given(
    total=st.lists(st.integers(-(2**42), 2**42), min_size=1, max_size=6),
    weight=st.integers(1, 2**43),
    bits=st.integers(0, 30),
)
def test_mean_updates_are_rounded_to_nearest(total: list[int], weight: int, bits: int) -> None:
    total = [value % (weight << 18) if value > 0 else -(-value % (weight << 18)) for value in total]
    result = mean_update(np.array(total, dtype=np.int64), weight, bits)
    for value, got in zip(total, result.tolist(), strict=True):
        assert got == (2 * (value << bits) + weight) // (2 * weight)
        error = got - Fraction(value << bits, weight)
        assert -Fraction(1, 2) < error <= Fraction(1, 2)


def test_a_thousand_hospitals_of_a_million_rows_are_averaged_exactly() -> None:
    weight = 1000 * BY_RECORDS.weight(1_000_000, 0)
    bound = 1000 * (BY_RECORDS.weight(1_000_000, 0) * 2048 >> 10)
    for value in (bound, -bound, bound - 1, 1, -1, 0, weight // 2):
        got, _ = replace(RULE, limit=1 << 50).following(np.array([5]), (), np.array([value]), weight)
        assert got.tolist() == [5 + ((value << 25) + weight) // (2 * weight)]


@given(st.lists(st.integers(-(2**39), 2**39), min_size=1, max_size=6), st.integers(1, 10**6))
def test_without_a_shift_the_mean_is_that_of_rows(total: list[int], rows: int) -> None:
    """Weights of 2^10 a row give the model that a division by the rows gave: the shift cancels."""
    limited = [max(-rows << 20, min(rows << 20, value)) for value in total]
    result = mean_update(np.array(limited, dtype=np.int64), BY_RECORDS.weight(rows, 0), 24)
    assert result.tolist() == [((value << 15) + rows) // (2 * rows) for value in limited]


def test_the_next_model_is_projected() -> None:
    weights = np.array([LIMIT, -LIMIT, 0, LIMIT - 1])
    total = np.array([1, -1, 1, 1]) << 10
    assert RULE.following(weights, (), total, 1 << 10)[0].tolist() == [LIMIT, -LIMIT, 1 << 24, LIMIT]


@pytest.mark.parametrize(
    ("weights", "total", "weight"),
    [
        ([0, 0], [1], 5),
        ([0], [1], 0),
        ([0], [1], 1 << 60),
        ([0], [1 << 40], 1),
        ([1 << 62], [1], 5),
    ],
)
def test_models_that_could_overflow_are_refused(weights: list[int], total: list[int], weight: int) -> None:
    with pytest.raises(ConfigurationError):
        RULE.following(np.array(weights), (), np.array(total), weight)


@pytest.mark.parametrize(
    ("rows", "shift", "weight"), [(90, 0, 92160), (90, 3, 11520), (1, 10, 1), (1, 30, 1)]
)
def test_weights_are_divided_and_never_zero(rows: int, shift: int, weight: int) -> None:
    assert BY_RECORDS.weight(rows, shift) == weight
