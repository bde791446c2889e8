"""The server's optimizers, against the specification in plain integers and a float twin; their bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.layers.arithmetic.exact import roots
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MILLION
from proofward.optimizers import reference
from proofward.optimizers.arithmetic import MOST, combined, multiplied
from proofward.optimizers.contract import BOUND_LIMIT, ServerOptimizer, largest_mean
from proofward.optimizers.fedadam import FedAdam
from proofward.optimizers.fedavg import FedAvg
from proofward.optimizers.fedavgm import FedAvgM
from proofward.optimizers.next_model import ModelRule
from proofward.optimizers.registry import OPTIMIZERS, optimizer_from_dict

BITS, LIMIT, CLIP = 24, 64 << 24, 2 << 10
MEAN = largest_mean(CLIP, BITS)


def rule(optimizer: ServerOptimizer, clip_bound: int = CLIP) -> ModelRule:
    optimizer.check(clip_bound, BITS)
    return ModelRule(optimizer, BITS, largest_mean(clip_bound, BITS), LIMIT)


def specified(optimizer: ServerOptimizer) -> reference.Step:
    numbers = {name: Fraction(getattr(optimizer, name), MILLION) for name in optimizer.names()}
    made: dict[str, Callable[..., reference.Step]] = {
        "fedavg": reference.fedavg, "fedavgm": reference.fedavgm, "fedadam": reference.fedadam,
    }  # fmt: skip
    if isinstance(optimizer, FedAdam):
        return reference.fedadam(**numbers, bits=BITS)
    return made[optimizer.name](**numbers)


fractions = st.integers(0, MILLION - 1)
rates = st.one_of(st.integers(1, MILLION), st.integers(1, MOST))
optimizers = st.one_of(
    st.just(FedAvg()),
    st.builds(FedAvgM, rates, fractions),
    st.builds(FedAdam, rates, fractions, fractions, st.integers(1, MILLION)),
)


@pytest.mark.slow
@given(
    optimizer=optimizers,
    rounds=st.lists(st.lists(st.integers(-CLIP, CLIP), min_size=3, max_size=3), min_size=1, max_size=4),
    weights=st.lists(st.integers(-LIMIT, LIMIT), min_size=3, max_size=3),
    total_weight=st.integers(1, 1 << 40),
)
def test_models_are_those_of_the_specification(
    optimizer: ServerOptimizer, rounds: list[list[int]], weights: list[int], total_weight: int
) -> None:
    """Bit for bit, over rounds whose sums go up to their bound."""
    if not optimizer.admits(MEAN, BITS):
        return
    step, own = specified(optimizer), rule(optimizer)
    current, state = np.array(weights), own.first_state(3)
    numbers = [(0,) * len(optimizer.vectors)] * 3
    for sums in rounds:
        total = [share * total_weight // 1024 for share in sums]
        current, state = own.following(current, state, np.array(total), total_weight)
        for place, value in enumerate(total):
            weights[place], numbers[place] = reference.next_weight(
                step, weights[place], numbers[place],
                mean=Fraction(value, total_weight), bits=BITS, limit=LIMIT,
            )  # fmt: skip
        assert current.tolist() == weights
        assert [vector.tolist() for vector in state] == [list(own) for own in zip(*numbers, strict=True)]


@given(
    factor=st.integers(0, MOST),
    values=st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=4),
    first=st.integers(0, MILLION),
    second=st.integers(0, MILLION),
)
def test_products_are_exact(factor: int, values: list[int], first: int, second: int) -> None:
    values = [value * MILLION // max(factor, MILLION) for value in values]
    array = np.array(values)
    assert multiplied(array, factor).tolist() == [
        reference.nearest(Fraction(factor * value, MILLION)) for value in values
    ]
    assert combined(first, array, second, -array[::-1].copy()).tolist() == [
        int(Fraction(first * one - second * other, MILLION))
        for one, other in zip(values, values[::-1], strict=True)
    ]


def test_roots_are_exact_around_squares() -> None:
    squares = [own**2 for own in (1, 2, 3, (1 << 26) + 1, (1 << 30) - 1, 1 << 30, (1 << 31) - 1)]
    values = [0, *(square + off for square in squares for off in (-1, 0, 1)), (1 << 62) - 1]
    assert roots(np.array(values)).tolist() == [isqrt(value) for value in values]


def test_momentum_of_zero_is_averaging() -> None:
    total = np.random.default_rng(0).integers(-CLIP, CLIP, 50)
    plain, _ = rule(FedAvg()).following(np.arange(50), (), total, 1024)
    same, _ = rule(FedAvgM(momentum=0)).following(np.arange(50), rule(FedAvgM()).first_state(50), total, 1024)
    assert same.tolist() == plain.tolist()


@pytest.mark.parametrize("optimizer", [FedAvgM(500_000, 900_000), FedAdam()])
def test_a_float_twin_stays_near(optimizer: FedAvgM | FedAdam) -> None:
    own, random = rule(optimizer), np.random.default_rng(3)
    weights, state = np.zeros(200, dtype=np.int64), own.first_state(200)
    real, vectors = np.zeros(200), [np.zeros(200) for _ in optimizer.vectors]
    numbers = {name: getattr(optimizer, name) / MILLION for name in optimizer.names()}
    for _ in range(30):
        total = random.integers(-200, 200, 200)
        weights, state = own.following(weights, state, total, 1000)
        mean = total / 1000
        if isinstance(optimizer, FedAvgM):
            vectors[0] = numbers["momentum"] * vectors[0] + mean
            real += numbers["rate"] * vectors[0]
        else:
            vectors[0] = numbers["beta1"] * vectors[0] + (1 - numbers["beta1"]) * mean
            vectors[1] = numbers["beta2"] * vectors[1] + (1 - numbers["beta2"]) * mean**2
            real += numbers["rate"] * vectors[0] / (np.sqrt(vectors[1]) + numbers["epsilon"])
    assert np.abs(real).max() > 0.1
    assert np.abs(weights / (1 << BITS) - real).max() < 30 * 4 / (1 << BITS)


@pytest.mark.parametrize(
    "optimizer", [FedAvg(), FedAvgM(), FedAvgM(MOST, 999_000), FedAdam(), FedAdam(MOST, 0, 0, 1000)]
)
def test_steps_and_states_stay_within_their_bounds(optimizer: ServerOptimizer) -> None:
    """The largest means for ever, and of one sign: nothing goes beyond, and a mean of more is refused."""
    own = rule(optimizer)
    step_bound, state_bounds = optimizer.bounds(MEAN, BITS)
    state, total = own.first_state(2), np.array([CLIP, -CLIP])
    for _ in range(60):
        step, state = optimizer.step(np.array([MEAN, -MEAN]), state, BITS)
        assert np.abs(step).max() <= step_bound < BOUND_LIMIT
        assert all(np.abs(own).max() <= most for own, most in zip(state, state_bounds, strict=True))
    weights, _ = own.following(np.array([LIMIT, -LIMIT]), state, total, 1024)
    assert np.abs(weights).max() <= LIMIT
    if not state:
        return
    for wrong_state, wrong_total in ((state, 2 * total), (tuple(map(np.full_like, state, map(
            (1).__add__, state_bounds))), total)):  # fmt: skip
        with pytest.raises(ConfigurationError, match="at most"):
            own.following(weights, wrong_state, wrong_total, 1024)


def test_a_state_that_no_rounds_make_is_refused() -> None:
    """The moments exchanged: a mean of squares is never negative, and its root would be none."""
    own, zeros = rule(FedAdam()), np.zeros(2, dtype=np.int64)
    for least in (-1, -(MEAN**2)):
        with pytest.raises(
            ConfigurationError, match=f"second moment: expected no negative number, got {least}"
        ):
            own.following(zeros, (zeros, np.array([0, least])), zeros, 1024)


def test_rules_with_which_integers_could_leave_64_bits_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"larger epsilon, or a clip_bound of at most 63\.999"):
        FedAdam().check(1 << 20, BITS)
    FedAdam().check((64 << 10) - 1, BITS)
    with pytest.raises(ConfigurationError, match="smaller rate or momentum"):
        FedAvgM(MOST, 999_999).check(1 << 30, BITS)
    FedAvg().check(1 << 30, 30)


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_plain_forms_are_exact(kind: type[ServerOptimizer]) -> None:
    plain = kind().to_dict()
    assert optimizer_from_dict(plain) == kind()
    for wrong in ({**plain, "name": "fedyogi"}, {**plain, "more": 1}, [], {**plain, "name": [1]}):
        with pytest.raises(ConfigurationError):
            optimizer_from_dict(wrong)
    for name, (low, high) in kind.ranges.items():
        assert replace(kind(), **{name: low}) != replace(kind(), **{name: high})
        for value in (low - 1, high + 1, 0.5, True):
            with pytest.raises(ConfigurationError, match=name):
                optimizer_from_dict({**plain, name: value})


def test_numbers_are_told_as_they_are_written() -> None:
    assert FedAdam().words == "FedAdam, rate 0.01, beta1 0.9, beta2 0.99, epsilon 0.001"
    assert FedAvgM(2 * MILLION, 5).words == "FedAvgM, rate 2, momentum 0.000005"
    assert FedAvg().words == "FedAvg"
