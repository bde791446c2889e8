"""The range of weights: its plain form, the bounds that follow, and the networks that it is too narrow for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.local_training.training import train
from proofward.layers.networks.arrangement import Arrangement, of_weights, training_values
from proofward.layers.networks.bounds import WEIGHT_LIMIT, compile_bounds, forward_bounds, weight_limit
from proofward.layers.networks.initial_weights import initial_weights, largest_first_weight
from proofward.layers.networks.network import Network, chain
from proofward.layers.rules.model import LARGEST_TABLE, FixedPoint, Training
from proofward.relations.rules.update_rule import delta_bounds
from tests.layers.test_shortcuts import conv, linear
from tests.relations.cases import config

SCALES = FixedPoint()
HELD = FixedPoint(weight_range_bits=24)
NETWORK = chain((1, 4, 4), [conv(2), conv(3, 2), linear(2)])
TRAINING = Training(rate=4, batch=2, steps=3)


def test_plain_forms_name_a_range_where_there_is_one() -> None:
    assert "weight_range_bits" not in SCALES.to_dict() and FixedPoint(weight_range_bits=0) == SCALES
    assert HELD.to_dict() == {**SCALES.to_dict(), "weight_range_bits": 24}
    for scales in (SCALES, HELD, replace(HELD, activation_ranges=(13, 22), gradient_ranges=(21, 9))):
        plain = scales.to_dict()
        assert FixedPoint.from_dict(plain) == scales and FixedPoint.from_dict(plain).to_dict() == plain
    assert HELD.weight_range == 1 << 24
    for bits in (2, 30):
        assert FixedPoint.from_dict({**SCALES.to_dict(), "weight_range_bits": bits}).weight_range_bits == bits


@pytest.mark.parametrize("value", [0, 1, -1, 31, 36, 1 << 70, 24.0, True, False, "24", None, [24], {}])
def test_refuses_other_plain_forms(value: object) -> None:
    """A range of 0 bits is said by silence; with weight_bits = 24 weights have at most 30."""
    with pytest.raises(ConfigurationError):
        FixedPoint.from_dict({**SCALES.to_dict(), "weight_range_bits": value})


@pytest.mark.parametrize("value", [1, -1, 31, 24.0, True, None, "0"])
def test_refuses_other_ranges_in_words(value: object) -> None:
    with pytest.raises(ConfigurationError, match="weight_range_bits: expected 0, or 2 to 30"):
        FixedPoint(weight_range_bits=value)  # type: ignore[arg-type]


def test_ranges_of_layers_may_be_wider_than_the_usual_tables() -> None:
    wide = FixedPoint(activation_ranges=(LARGEST_TABLE,), gradient_ranges=(LARGEST_TABLE - 1,))
    assert FixedPoint.from_dict(wide.to_dict()) == wide and wide.table_bits == 12
    for name, least, most in (("activation", 2, 22), ("gradient", 1, 21)):
        for bits in (least - 1, most + 1):
            with pytest.raises(ConfigurationError, match=rf"{name}_ranges: expected an integer in \[{least}, {most}\]"):
                FixedPoint(**{f"{name}_ranges": (bits,)})  # type: ignore[arg-type]


def test_the_limit_of_weights_is_the_range() -> None:
    for bits in (20, 24, 26):
        assert weight_limit(NETWORK, replace(SCALES, weight_range_bits=bits), TRAINING, 5) == 1 << bits
    rules = config(network=NETWORK, batch=2, steps=3, scales=HELD)
    assert rules.weight_limit == HELD.weight_range != replace(rules, scales=SCALES).weight_limit


def test_sums_are_bounded_by_weights_in_the_range() -> None:
    """However many steps there are; without a range they grow."""
    limit = HELD.weight_range
    few, many = (compile_bounds(NETWORK, HELD, Training(4, 2, steps=own), 5, limit) for own in (2, 900))
    for one, other in zip(few[:2], many[:2], strict=True):
        assert replace(other, weight_change=0, bias_change=0) == replace(one, weight_change=0, bias_change=0)
        assert (other.weight_change, other.bias_change) == (2 * limit, 2 * limit)
    assert few[2].weights < many[2].weights
    gradients, inputs = HELD.gradient_limit, -HELD.input_range[0]
    for own, layer in zip(few[:2], NETWORK.layers, strict=False):
        assert own.weights == own.biases == limit and own.saturates
        assert own.weight_update == 4 * 2 * layer.positions * gradients * own.inputs
        assert own.bias_update == 4 * 2 * layer.positions * gradients << HELD.activation_bits
        half = 1 << (HELD.weight_bits - 1)
        assert own.sums == layer.fan_in * limit * own.inputs + (limit << HELD.activation_bits) + half
        bits, most = HELD.weight_range_bits + 1, limit + max(own.weight_update, own.bias_update)
        assert own.weight_high == ((limit - 1 - most) >> bits, (limit - 1 + most) >> bits)
    assert few[0].inputs == inputs and not few[2].saturates and few[2].weight_high is None
    free = compile_bounds(NETWORK, SCALES, TRAINING, 5, limit)
    assert all(own.weights == limit + own.weight_update and not own.saturates for own in free)


def test_first_weights_beyond_the_range_count_as_they_are() -> None:
    """Who trains by himself may begin anywhere; the bounds are those of his weights."""
    own = compile_bounds(NETWORK, HELD, TRAINING, 5, 3 << 24)[0]
    assert own.weights == own.biases == 3 << 24 and own.saturates


def test_momentum_counts_every_earlier_gradient() -> None:
    plain, moved = (
        compile_bounds(NETWORK, HELD, Training(4, 2, steps=4, momentum=own), 5, 1)[0] for own in (0, 900_000)
    )
    assert moved.weight_update * 4 == plain.weight_update * 14 and moved.weights == plain.weights


def test_nothing_saturates_where_no_step_changes_weights() -> None:
    assert not any(own.saturates for own in forward_bounds(NETWORK, HELD, 1 << 24))
    whole = Training(rate=4, batch=16, epochs=0, steps=1, full_batch=True)
    for own, free in zip(
        compile_bounds(NETWORK, HELD, whole, 5, 1 << 20), compile_bounds(NETWORK, SCALES, whole, 5, 1 << 20), strict=True
    ):
        assert own == free and own.weight_high is None


def test_nothing_saturates_in_a_round_of_one_step() -> None:
    """Sums are made of the first weights then, of every layer, and the next model is projected anyway."""
    first, training = 1 << 24, Training(rate=4, batch=2, steps=1)
    one, free = (compile_bounds(NETWORK, scales, training, 5, first) for scales in (HELD, SCALES))
    for own, other in zip(one, free, strict=True):
        assert not own.saturates and own.weights == own.biases == first < other.weights
        assert (own.weight_update, own.weight_change) == (other.weight_update, other.weight_change)
        assert own.sums < other.sums


def test_a_step_that_weights_have_no_room_for_is_refused() -> None:
    """Before they saturate, weights are below 2^52 too."""
    for steps in (1, 2):  # of one step they do not saturate, and are the update's
        wide = Training(rate=1 << 16, batch=1 << 12, steps=steps)
        with pytest.raises(WraparoundPossible) as caught:
            compile_bounds(NETWORK, HELD, wide, 1 << 13, 1 << 24)
        assert "weight" in str(caught.value) or "bias" in str(caught.value)
    own = compile_bounds(NETWORK, HELD, TRAINING, 5, 1 << 24)[0]
    assert own.weights + own.weight_update < WEIGHT_LIMIT


def test_the_largest_first_weight_is_that_of_the_layer_with_the_fewest_inputs() -> None:
    for network in (NETWORK, chain((1, 3, 3), [conv(2, 2), linear(2)]), chain((7,), [linear(3), linear(2)])):
        largest = largest_first_weight(network, SCALES)
        found = max(int(np.abs(initial_weights(network, SCALES, bytes([own]))).max()) for own in range(20))
        assert 0.7 * largest < found <= largest


@pytest.mark.parametrize("kernel", [1, 2])
def test_a_range_that_first_weights_do_not_fit_is_refused(kernel: int) -> None:
    """Of fewer than six inputs they may be above 1."""
    network = chain((1, 4, 4), [conv(2, kernel, 1, 0), linear(2)])
    least = largest_first_weight(network, SCALES)
    assert least > 1 << 24
    with pytest.raises(ConfigurationError, match=f"limit of the weights: expected at least {least} with"):
        config(network=network, batch=2, steps=2, scales=HELD)
    room = replace(SCALES, weight_range_bits=26)
    assert config(network=network, batch=2, steps=2, scales=room).weight_limit == 1 << 26
    narrow = replace(HELD, weight_range_bits=23)
    with pytest.raises(ConfigurationError, match="limit of the weights"):
        config(network=NETWORK, batch=2, steps=2, scales=narrow)


def test_columns_of_weights_are_those_of_every_step() -> None:
    """And are counted: as many as they have at all steps, padding included."""
    rows, limit = 5, HELD.weight_range
    bounds = compile_bounds(NETWORK, HELD, TRAINING, rows, limit)
    ways, steps = of_weights(NETWORK, HELD, 4, bounds), TRAINING.padded_steps(rows)
    assert tuple(ways) == (0, 1) and steps == 4
    assert [way.span for way in ways.values()] == [own.weight_high for own in bounds[:2]]
    hidden, last = Arrangement.of(NETWORK, HELD, 8, bounds), NETWORK.last_rounding(HELD)
    values = 8 * NETWORK.head.committed(last, hidden.head) + sum(
        8 * own.committed(NETWORK.rounding(HELD, index), hidden.hidden[index])
        for index, own in enumerate(NETWORK.activations)
    )
    values += 4 * sum(
        (NETWORK.layers[index].weights.padded_size + NETWORK.layers[index].biases.padded_size) * way.inside_columns
        for index, way in ways.items()
    )
    assert training_values(NETWORK, HELD, TRAINING, rows, limit) == values
    assert of_weights(NETWORK, SCALES, 4, compile_bounds(NETWORK, SCALES, TRAINING, rows, limit)) == {}


def far_moved(momentum: int = 0) -> tuple[Network, FixedPoint, Training, np.ndarray, np.ndarray]:
    """One weight with the gradients of largest magnitude in every step, and nothing that ends these."""
    network = chain((1, 1, 1), [conv(1, 1, 1, 0), linear(2)])
    scales = FixedPoint(2, 3, 20, 9, 2, 8, 10, weight_range_bits=16)
    weights = np.array([-1 << 15, 0, 0, 1 << 21, 0, 0])
    return network, scales, Training(1, 1, steps=7, momentum=momentum), weights, np.array([[-256], [-256]])


@pytest.mark.parametrize("momentum", [0, 400_000])
def test_a_weight_moves_further_than_by_one_step(momentum: int) -> None:
    """The update of a round is bounded by all steps, or by both ends of the range."""
    network, scales, training, weights, features = far_moved(momentum)
    labels, batches = np.zeros(2, np.int64), np.zeros((8, 1), np.int64)
    update = train(network, scales, training, weights, features, labels, batches).update
    own = compile_bounds(network, scales, training, 2, 1 << 16)[0]
    assert own.weight_update < abs(int(update[0])) <= own.weight_change == training.rates(2).total(8) * 12 * 256
    assert delta_bounds(network, scales, training, 2).largest >= np.abs(update).max()
    many = compile_bounds(network, scales, replace(training, steps=900), 2, 1 << 16)[0]
    assert many.weight_change == 2 << 16 > many.bias_change and many.weight_update == own.weight_update


def test_changes_are_those_of_all_steps_where_nothing_saturates() -> None:
    for own in compile_bounds(NETWORK, SCALES, TRAINING, 5, 1 << 20):
        assert (own.weight_change, own.bias_change) == (own.weight_update, own.bias_update)
    last = compile_bounds(NETWORK, HELD, TRAINING, 5, 1 << 20)[-1]
    assert (last.weight_change, last.bias_change) == (last.weight_update, last.bias_update)
    beyond = compile_bounds(NETWORK, HELD, TRAINING, 5, 3 << 24)[0]
    assert beyond.weight_change == beyond.bias_change == 4 << 24, "what begins outside is brought back"
