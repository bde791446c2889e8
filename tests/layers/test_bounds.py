"""Bounds from public data, and what is arranged by them."""

from __future__ import annotations

import pytest

from proofward.layers.arithmetic.beyond import signed_bits
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.basics.errors import WraparoundPossible
from proofward.layers.local_training.training import Trainer
from proofward.layers.networks.bounds import compile_bounds, forward_bounds, weight_limit
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models import preset

SCALES = FixedPoint()
WDBC = mlp((30, 32, 2))


def test_bounds_refuse_what_could_wrap_around() -> None:
    weights = initial_weights(WDBC, SCALES, b"s")
    bounds = Trainer(WDBC, SCALES, Training(epochs=5), 91, weights).bounds
    assert [b.inputs for b in bounds] == [1 << 11, 1 << 12] and max(b.sums for b in bounds) < 1 << 62
    assert [b.output_gradients for b in bounds] == [1536, 256]
    with pytest.raises(WraparoundPossible) as caught:
        Trainer(WDBC, SCALES, Training(1 << 16, 16, 64), 1000, weights)
    assert caught.value.layer == "layer 1 (30 -> 32)" and caught.value.bound >= caught.value.limit
    for position in (3, WDBC.offsets[0][1]):
        large = weights.copy()
        large[position] = 1 << 52
        with pytest.raises(WraparoundPossible) as caught:
            Trainer(WDBC, SCALES, Training(epochs=5), 32, large)
        assert (caught.value.layer, caught.value.limit) == ("layer 1 (30 -> 32)", 1 << 52)


@pytest.mark.parametrize("name", ["wdbc", "logistic", "tiny", "wide"])
def test_weight_limits_are_64_for_the_presets_and_hold_every_bound(name: str) -> None:
    setup = preset(name)
    for rows in (setup.training.batch, 1_000_000):
        limit = weight_limit(setup.model, setup.scales, setup.training, rows)
        assert limit == 64 << setup.scales.weight_bits
        for own in compile_bounds(setup.model, setup.scales, setup.training, rows, limit):
            assert own.high[0] < 0 < own.high[1] and own.back_high[0] <= 0 <= own.back_high[1]


def test_the_weight_limit_is_the_largest_power_of_two_that_bounds_admit() -> None:
    model, scales, training = mlp((1 << 16, 2)), FixedPoint(weight_bits=30), Training(1, 16, steps=28)
    limit = weight_limit(model, scales, training, 100)
    assert 1 < limit < 64 << 30 and limit & (limit - 1) == 0
    compile_bounds(model, scales, training, 100, limit)
    with pytest.raises(WraparoundPossible):
        compile_bounds(model, scales, training, 100, 2 * limit)
    with pytest.raises(WraparoundPossible):
        weight_limit(WDBC, SCALES, Training(1 << 16, 16, 64), 100_000)


@pytest.mark.parametrize(("size", "bits"), [(8, 30), (16, 29)])
def test_the_largest_tables_take_no_room_from_what_is_beside_means_of_whole_pictures(size: int, bits: int) -> None:
    """Rules with small tables that were admitted before tables could be larger are admitted with the same limit."""
    layers = [{"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1},
              {"kind": "relu_global_avgpool"}, {"kind": "linear", "outputs": 2}]  # fmt: skip
    network = chain((1, size, size), layers)
    assert weight_limit(network, SCALES, Training(1, 16, steps=8), 1000) == 1 << bits


def test_bounds_refuse_ranges_in_which_another_value_is_rounded_from_the_same_sum_modulo_p() -> None:
    """Small sums beside a mean of 64: their rounding is by 2^42, and a range of 2^22 has room for one more."""
    layers = [{"kind": "conv2d", "outputs": 2, "kernel": 1, "stride": 1, "padding": 0},
              {"kind": "relu_global_avgpool"}, {"kind": "linear", "outputs": 2}, {"kind": "linear", "outputs": 2}]  # fmt: skip
    network, training = chain((1, 8, 8), layers), Training(1, 2, steps=2)
    for bits in (8, 15, 16, 22):
        scales = FixedPoint(4, 6, 30, 8, 6, 7, 10, activation_ranges=(8, bits))
        if bits < 16:
            compile_bounds(network, scales, training, 5, 4 << 30)
            forward_bounds(network, scales, 4 << 30)
            continue
        with pytest.raises(WraparoundPossible, match="limbs of the sums"):
            compile_bounds(network, scales, training, 5, 1)
        with pytest.raises(WraparoundPossible, match="limbs of the sums"):
            forward_bounds(network, scales, 1)


@pytest.mark.parametrize(
    ("span", "bits"), [((-2, 0), 2), ((-2, 1), 2), ((-2, 2), 3), ((-3, 1), 3), ((-4, 3), 3), ((-4, 4), 4)]
)
def test_signed_bits_are_the_least_that_hold_the_span(span: tuple[int, int], bits: int) -> None:
    assert signed_bits(span) == bits
    assert -(1 << (bits - 1)) <= span[0] and span[1] < 1 << (bits - 1)
    assert span[0] < -(1 << (bits - 2)) or span[1] >= 1 << (bits - 2)


def test_high_limbs_have_the_columns_that_their_span_needs() -> None:
    for span in ((0, 0), (-1, 0), (-1, 1)):
        assert HighLimb.of(span, 12, 10).columns == 0 and HighLimb.of(span, 12, 10).is_own_sign
    assert HighLimb.of((0, 0), 12, 10).is_zero and not HighLimb.of((-1, 0), 12, 10).is_zero
    assert HighLimb.of((-2, 1), 12, 10).widths == (2,)
    assert HighLimb.of((-512, 511), 12, 10).widths == (10,)
    assert HighLimb.of((-512, 512), 12, 10).widths == (1, 10)
    assert HighLimb.of((-(1 << 29), 0), 12, 10).widths == (10, 10, 10)
    assert HighLimb.of((-(1 << 29), 0), 12, 10).columns == 5
    assert HighLimb.of((-(1 << 11), 0), 2, 10).widths == (1, 1, 10)
