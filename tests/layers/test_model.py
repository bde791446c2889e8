"""Configurations, first weights, schedules, tables and the arithmetic of aggregation."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.layers import reference
from proofward.layers.aggregation import apply_update, clipped_multiplier, quantise_update, squared_norm
from proofward.layers.errors import ConfigurationError
from proofward.layers.model import FixedPoint, Mlp, Training, initial_weights
from proofward.layers.schedule import permutation, schedule
from proofward.layers.two_class_head import sigmoid_table

SCALES = FixedPoint()


def test_parameters_and_flat_order() -> None:
    model = Mlp((3, 4, 2))
    assert model.parameters == 3 * 4 + 4 + 4 * 2 + 2 == 26
    assert model.offsets == ((0, 12, 16), (16, 24, 26))
    parts = model.unflatten(np.arange(26, dtype=np.int64))
    assert parts[0][0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]] and parts[0][
        1
    ].tolist() == [12, 13, 14, 15]
    assert parts[1][0].tolist() == [[16, 17, 18, 19], [20, 21, 22, 23]] and parts[1][1].tolist() == [24, 25]


def test_round_trip_of_plain_forms() -> None:
    for value in (FixedPoint(4, 7, 22, 11, 10, 11, 12), Mlp((7, 5, 2)), Training(3, 8, 2), Training(3, 8, steps=5)):
        assert type(value).from_dict(value.to_dict()) == value
        with pytest.raises(ConfigurationError):
            type(value).from_dict({**value.to_dict(), "more": 1})
        with pytest.raises(ConfigurationError):
            type(value).from_dict([1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedPoint(activation_bits=0),
        lambda: FixedPoint(weight_bits=13),
        lambda: FixedPoint(weight_bits=31),
        lambda: FixedPoint(activation_range_bits=13),
        lambda: FixedPoint(gradient_range_bits=12),
        lambda: FixedPoint(gradient_bits=True),
        lambda: Mlp((30, 32, 3)),
        lambda: Mlp((2,)),
        lambda: Mlp((30, 0, 2)),
        lambda: Mlp([30, 2]),  # type: ignore[arg-type]
        lambda: Training(batch=12, epochs=1),
        lambda: Training(rate=0, epochs=1),
        lambda: Training(),
        lambda: Training(epochs=1, steps=1),
        lambda: Training(steps=-1),
        lambda: Training(steps=True),
        lambda: Training(batch=64, steps=3).steps_for(63),
        lambda: Training(epochs=1.0),  # type: ignore[arg-type]
        lambda: Training(batch=64, epochs=1).steps_for(63),
    ],
)
def test_inadmissible_configurations(make: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make()  # type: ignore[operator]
    assert caught.value.field in str(caught.value) and caught.value.expected in str(caught.value)


def test_initial_weights_follow_their_definition() -> None:
    model = Mlp((24, 6, 2))
    flat = initial_weights(model, SCALES, b"seed")
    bound = isqrt((6 << 48) // 24)
    draws = hashlib.shake_256(b"proofward/initial-weights/v1" + bytes(4) + b"seed").digest(4 * 144)
    expected = [
        ((int.from_bytes(draws[4 * i : 4 * i + 4], "little") >> 1) * (2 * bound + 1) >> 31) - bound
        for i in range(144)
    ]
    assert flat[:144].tolist() == expected and not flat[144:150].any()
    assert abs(flat[:144]).max() <= bound and abs(flat[:144].mean()) < bound / 4
    assert not np.array_equal(flat, initial_weights(model, SCALES, b"seed2"))


def test_initial_weights_at_the_largest_scale() -> None:
    flat = initial_weights(Mlp((1, 512, 2)), FixedPoint(weight_bits=30), b"")
    bound = isqrt(6 << 60)
    assert (
        abs(flat[:512]).max() <= bound
        and flat[:512].min() < -bound * 3 // 4
        and flat[:512].max() > bound * 3 // 4
    )


def test_schedule_is_the_cut_stream_of_permutations() -> None:
    training = Training(1, 8, 3)
    rows = schedule(b"beacon", "north", 13, training)
    assert rows.shape == (4, 8) and rows.dtype == np.int64 and training.steps_for(13) == 4
    stream = rows.ravel()
    for epoch in range(2):
        assert sorted(stream[13 * epoch : 13 * epoch + 13]) == list(range(13))
    training = Training(1, 8, 4)  # 52 records, 6 steps, 8 padded: 64 positions wrap after 52
    stream = schedule(b"beacon", "north", 13, training).ravel()
    assert stream[52:].tolist() == stream[:12].tolist()
    assert sorted(stream[39:52]) == list(range(13))


def test_steps_are_the_same_for_every_number_of_rows() -> None:
    training = Training(1, 8, steps=5)
    for rows in (8, 13, 500):
        assert training.steps_for(rows) == 5 and training.padded_steps(rows) == 8
        stream = schedule(b"beacon", "north", rows, training).ravel()
        assert stream.shape == (64,)
        for start in range(0, 64, rows):
            whole = stream[start : start + rows].tolist()
            epoch = permutation(b"beacon", "north", start // rows, rows).tolist()
            assert whole == epoch[: len(whole)]
    assert (Training(epochs=1).duration, training.duration) == ("1 epoch", "5 steps")


def test_schedule_depends_on_beacon_hospital_and_epoch() -> None:
    base = permutation(b"beacon", "north", 0, 64).tolist()
    for other in (
        permutation(b"beaco", "nnorth", 0, 64),
        permutation(b"beacon", "south", 0, 64),
        permutation(b"beacon", "north", 1, 64),
    ):
        assert other.tolist() != base and sorted(other) == sorted(base)
    assert permutation(b"beacon", "north", 0, 64).tolist() == base


def test_permutation_sorts_128_bit_keys() -> None:
    shake = hashlib.shake_256(
        b"proofward/schedule/v1" + (1).to_bytes(8, "little") + b"b" + (2).to_bytes(8, "little") + "é".encode()
        + (2).to_bytes(8, "little") + (50).to_bytes(8, "little")
    ).digest(800)  # fmt: skip
    keys = [int.from_bytes(shake[16 * i : 16 * i + 16], "little") for i in range(50)]
    assert permutation(b"b", "é", 2, 50).tolist() == sorted(range(50), key=keys.__getitem__)


def test_sigmoid_table_equals_the_specification() -> None:
    table = sigmoid_table(SCALES)
    assert len(table) == 8192 and table[4096] == 128 and table[0] == 0 and table[-1] == 256
    assert (np.diff(table) >= 0).all() and not table.flags.writeable
    for difference in (-4096, -700, -65, -1, 0, 1, 64, 333, 4095):
        assert table[difference + 4096] == reference.sigmoid(difference, SCALES)


@given(st.lists(st.integers(-(2**33), 2**33), min_size=1, max_size=6), st.integers(1, 5000))
def test_quantised_update_is_rounded_to_nearest(values: list[int], rows: int) -> None:
    result = quantise_update(np.array(values, dtype=np.int64), rows << 10, SCALES)
    for value, got in zip(values, result.tolist(), strict=True):
        error = got - Fraction(value * rows << 10, 1 << 24)
        assert -Fraction(1, 2) < error <= Fraction(1, 2)


def test_quantised_update_refuses_overflow() -> None:
    with pytest.raises(ConfigurationError):
        quantise_update(np.array([1 << 50], dtype=np.int64), 1 << 12, SCALES)


@given(
    st.lists(st.integers(-(2**39), 2**39), min_size=1, max_size=6), st.integers(1, 10**6), st.integers(10, 30)
)
def test_apply_update_is_rounded_to_nearest(total: list[int], rows: int, bits: int) -> None:
    scales = FixedPoint(activation_bits=2, gradient_bits=4, weight_bits=bits)
    weights = np.arange(len(total), dtype=np.int64)
    result = apply_update(weights, np.array(total, dtype=np.int64), rows, scales)
    for index, value in enumerate(total):
        error = int(result[index]) - index - Fraction(value << (bits - 10), rows)
        assert -Fraction(1, 2) < error <= Fraction(1, 2)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=9))
def test_squared_norm(values: list[int]) -> None:
    small = [value >> 10 for value in values]
    assert squared_norm(np.array(values, dtype=np.int64)) == sum(v * v for v in values)
    assert squared_norm(np.array(small, dtype=np.int64)) == sum(v * v for v in small)


def test_clipping_is_tight() -> None:
    update = np.random.default_rng(3).integers(-(1 << 24), 1 << 24, 200)
    assert clipped_multiplier(update, 91, 1 << 20, SCALES) == 91 << 10
    for clip_bound in (0, 1, 50, 1000, 4000):
        multiplier = clipped_multiplier(update, 91, clip_bound, SCALES)
        limit = (91 * clip_bound) ** 2
        assert 0 <= multiplier < 91 << 10
        assert squared_norm(quantise_update(update, multiplier, SCALES)) <= limit
        assert squared_norm(quantise_update(update, multiplier + 1, SCALES)) > limit
