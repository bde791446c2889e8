"""Configurations, first weights, schedules and tables."""

from __future__ import annotations

import hashlib
from math import isqrt

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.heads.sigmoid import sigmoid_table
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import mlp
from proofward.layers.references import step as reference
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import permutation, schedule

SCALES = FixedPoint()


def test_parameters_and_flat_order() -> None:
    model = mlp((3, 4, 2))
    assert model.parameters == 3 * 4 + 4 + 4 * 2 + 2 == 26
    assert model.offsets == ((0, 12, 16), (16, 24, 26))
    parts = model.unflatten(np.arange(26, dtype=np.int64))
    assert parts[0][0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]] and parts[0][
        1
    ].tolist() == [12, 13, 14, 15]
    assert parts[1][0].tolist() == [[16, 17, 18, 19], [20, 21, 22, 23]] and parts[1][1].tolist() == [24, 25]


def test_round_trip_of_plain_forms() -> None:
    for value in (
        FixedPoint(4, 7, 22, 11, 10, 11, 12),
        mlp((7, 5, 2)),
        Training(3, 8, 2),
        Training(3, 8, steps=5),
    ):
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
        lambda: FixedPoint(activation_range_bits=23),
        lambda: FixedPoint(gradient_range_bits=22),
        lambda: FixedPoint(gradient_bits=True),
        lambda: mlp((30, 32, 1)),
        lambda: mlp((30, 32, 65)),
        lambda: mlp((2,)),
        lambda: mlp((30, 0, 2)),
        lambda: mlp([30, 2]),  # type: ignore[arg-type]
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
    model = mlp((24, 6, 2))
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
    flat = initial_weights(mlp((1, 512, 2)), FixedPoint(weight_bits=30), b"")
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
    assert len(table) == 1024 and table[512] == 128 and table[0] == 0 and table[-1] == 256
    assert (np.diff(table) >= 0).all() and not table.flags.writeable
    for difference in (-512, -300, -65, -1, 0, 1, 64, 333, 511):
        assert table[difference + 512] == reference.sigmoid(difference, SCALES)
