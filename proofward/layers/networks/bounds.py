"""Bounds from public data: no integer of a training wraps around, and how far values go beyond their ranges.

For a weight, W_t = W_0 - sum over steps, samples and positions of r * dZ * A, hence
    |W_t| <= |W_0| + (r_0 + .. + r_(T_pad-1)) * B * positions * max|dZ| * max|A|,
where each r_j is the rate, the largest of all rounds, unless there is momentum (`momentum`), with the ranges
to which dZ and A saturate. A weight that saturates itself (`saturated_weights`) is in its range before every
step, and beyond it by what one step adds until it is brought back. A convolution's weight serves every
position of its sums, of which dZ is 0 at all but one of each window of a max-pool. Beside means the scales of
a layer, and what is rounded off its sums, are its own (`means`). The sums Z and Z_back follow, to which
shortcuts add the bounds of what joins them (`shortcuts`), and from them how far the rounded sums can be
outside the ranges of what is computed from them. Neither a prover's word nor its records are used: the global
weights enter by the limit to which every global model is projected.

Each integer stays below 2^62 in magnitude, and what forged limbs can make up does, or of values in two parts
(`split`) stays below 2^63. So both sides of every equation of the relation differ by less than 2^62 + 2^63,
which is below P: equality in the field is equality of integers. Weights stay below 2^52, so that the trainer
holds them exactly in float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

from proofward.layers.arithmetic.beyond import Span, span_of
from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.basics.record import FIRST, ROW
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Training

LIMIT = 1 << 62
WEIGHT_LIMIT = 1 << 52
LARGEST_WEIGHT = 64  #: global weights are projected to at most this, as real numbers


@dataclass(frozen=True)
class Magnitudes:
    """Of one layer by itself: `sums` and `back_sums` are what it adds to those that it joins.

    `weight_update` is what is added to a weight until it saturates: by one step, or by all where it does not.
    `weight_change` is W_T - W_0, whatever T up to T_pad is. Of biases likewise.
    """

    inputs: int
    output_gradients: int
    weight_update: int
    bias_update: int
    weight_change: int
    bias_change: int
    weights: int
    biases: int
    sums: int
    back_sums: int


_OWN = tuple(field.name for field in fields(Magnitudes) if field.name not in ("sums", "back_sums"))


@dataclass(frozen=True)
class LayerBounds(Magnitudes):
    """One layer: magnitudes, each below 2^62, and the spans of the high limbs of its rounded sums.

    `sums` and `back_sums` are those that the layer joins, with all that joins them.
    A rounded sum is low limb + 2^bits * high limb. `high` is the least and greatest high limb of what is
    computed from this layer's sums: pre-activations, or for the last layer a difference of two logits, which
    `sums` then bounds.
    `back_high` is that of the gradients with respect to this layer's inputs.
    `weight_high` is that of weights and biases that a step has changed and that saturate then; None where
    they do not. `weights` and `biases` are those that sums are made of.
    """

    name: str
    high: Span
    back_high: Span
    weight_high: Span | None

    @property
    def saturates(self) -> bool:
        """Whether the weights saturate after every step."""
        return self.weight_high is not None


Limited = tuple[LayerBounds, dict[str, tuple[int, int]]]
"""Bounds of a layer; by quantity, the bound and its limit."""


def compile_bounds(
    model: Network, scales: FixedPoint, training: Training, rows: int, largest_weight: int
) -> tuple[LayerBounds, ...]:
    """Bounds of every layer over the T_pad steps of a hospital with `rows` records.

    They hold for all |W_0| <= largest_weight. Raises WraparoundPossible naming the layer and the integer
    whose bound is not below its limit.
    """
    return _admissible(limited_bounds(model, scales, training, rows, largest_weight))


def forward_bounds(model: Network, scales: FixedPoint, largest_weight: int) -> tuple[LayerBounds, ...]:
    """Bounds of every layer in a forward pass: `compile_bounds` of weights that stay as they are."""
    return _admissible(_limited(model, scales, NO_GROWTH, largest_weight))


def _admissible(found: Iterable[Limited]) -> tuple[LayerBounds, ...]:
    result = []
    for bounds, limits in found:
        for quantity, (bound, limit) in limits.items():
            if bound >= limit:
                raise WraparoundPossible(bounds.name, quantity, bound, limit)
        result.append(bounds)
    return tuple(result)


def limited_bounds(
    model: Network, scales: FixedPoint, training: Training, rows: int, largest_weight: int
) -> Iterator[Limited]:
    """Bounds of every layer, whether they are admissible or not: by quantity, the bound and its limit."""
    if training.full_batch:  # no weight changes before the server's step
        return _limited(model, scales, NO_GROWTH, largest_weight)
    rates, steps = training.largest.rates(rows), training.padded_steps(rows)
    whole = rates.total(steps) * training.batch
    if not scales.weight_range_bits:
        return _limited(model, scales, Growth(whole, whole, 0), largest_weight)
    of_a_step = rates.sums[-1] * training.batch if steps > 1 else 0
    return _limited(model, scales, Growth(whole, whole if steps > 1 else 0, of_a_step), largest_weight)


@dataclass(frozen=True, slots=True)
class Growth:
    """How often a product of the largest values is added to a weight.

    In all steps; before the sums of the last step are made; and in one step, after which weights saturate, or
    0 where none do.
    """

    whole: int
    before_sums: int
    of_a_step: int


NO_GROWTH = Growth(0, 0, 0)


def _limited(model: Network, scales: FixedPoint, growth: Growth, largest_weight: int) -> Iterator[Limited]:
    """`limited_bounds` of weights that grow like this."""
    scales.check_layers(len(model.activations))
    parts = [_magnitudes(model, scales, growth, index, largest_weight) for index in range(len(model.layers))]
    for index in range(len(model.layers)):
        held = growth.of_a_step > 0 and saturating(model, index)
        bounds = _layer_bounds(model, scales, parts, index, held)
        # A high limb is looked up in a table of a power of two entries, the least that holds its span: a
        # prover's value can be twice as far out as an honest one, and is still below 2^62. In two parts it
        # can be four times as far out, hence below 2^63; and what is rounded is below 2^62. However small the
        # sums are, a prover has the whole range of the layer, which may be wider than tables.
        sums, values = model.joints.joins(index), model.joints.reads(index)
        further = model.activations[sums].reach if sums < len(model.activations) else model.head.reach
        reach = max(further * bounds.sums, 2 * bounds.back_sums)
        finest = max(model.joints.finer_sums(sums), model.joints.finer_back_sums(values))
        reach += 16 * finest << (scales.weight_bits + _widest_bits(model, scales, sums, values))
        limits = {
            "weight_update": LIMIT,
            "bias_update": LIMIT,
            "weights": WEIGHT_LIMIT,
            "biases": WEIGHT_LIMIT // model.finer[index].one(scales),
            "sums": LIMIT,
            "back_sums": LIMIT,
        }
        found = {name: (int(getattr(bounds, name)), limit) for name, limit in limits.items()}
        if held or not growth.before_sums:  # behind the sums of the last step
            found["weights"] = (bounds.weights + bounds.weight_update, WEIGHT_LIMIT)
            found["biases"] = (bounds.biases + bounds.bias_update, limits["biases"])
        yield bounds, {**found, "limbs of the sums": (reach, LIMIT)}


def _widest_bits(model: Network, scales: FixedPoint, sums: int, values: int) -> int:
    """Of low limbs of these sums, and of the back sums of these values."""
    gradients = scales.of_layer(values - 1).gradient_range_bits + 1
    activations = scales.of_layer(sums).activation_range_bits if sums < len(model.activations) else 0
    return max(scales.table_bits, gradients, activations)


def _magnitudes(
    model: Network, scales: FixedPoint, growth: Growth, index: int, largest_weight: int
) -> Magnitudes:
    layer, finer, place = model.layers[index], model.finer[index], model.joints.joins(index)
    last = place == model.depth - 1
    one = finer.one(scales)
    inputs = largest_value(model, scales, model.joints.reads(index))
    gradients = model.head.largest_gradient(scales) if last else scales.of_layer(place).gradient_limit
    positions = layer.positions // layer.window**2 * (1 if last else model.activations[place].passes)
    of_weight, of_bias = positions * gradients * inputs, positions * gradients * one
    change = updates = growth.whole * of_weight, growth.whole * of_bias
    weight = bias = first = largest_weight * finer.weights
    if growth.of_a_step > 0 and saturating(model, index):
        updates = growth.of_a_step * of_weight, growth.of_a_step * of_bias
        weight = bias = max(first, scales.weight_range)
        change = _changes(change, first, scales.weight_range)
    elif growth.before_sums:
        weight, bias = first + updates[0], first + updates[1]
    sums = layer.fan_in * weight * inputs + bias * one
    back_sums = layer.fan_out * weight * gradients
    return Magnitudes(inputs, gradients, *updates, *change, weight, bias, sums, back_sums)


def _changes(grown: tuple[int, int], first: int, limit: int) -> tuple[int, int]:
    """Of weights that saturate: one that begins in the range moves no further than by all that is added."""
    weight, bias = (min(own, 2 * limit) if first <= limit else first + limit for own in grown)
    return weight, bias


def saturating(model: Network, index: int) -> bool:
    """Whether a layer's weights saturate after every step of several, where weights have a range.

    There are few of them, and they have the scale of all weights.
    """
    return model.layers[index].has_few_weights and model.finer[index].weights == 1


def largest_value(model: Network, scales: FixedPoint, place: int) -> int:
    """Of V_place."""
    if place in (FIRST, ROW):
        return -scales.input_range[0]
    return scales.of_layer(place - 1).activation_limit * model.joints.means[place]


def _layer_bounds(
    model: Network, scales: FixedPoint, parts: Sequence[Magnitudes], index: int, held: bool
) -> LayerBounds:
    place, values = model.joints.joins(index), model.joints.reads(index)
    last, joints = place == model.depth - 1, model.joints
    off = Divisor.of(joints.finer_sums(place) << scales.weight_bits)
    back_off = Divisor.of(joints.finer_back_sums(values) << scales.weight_bits)
    off.check("sums", scales.table_bits)
    back_off.check("sums of gradients", scales.table_bits)
    if scales.weight_bits < joints.least_bits():
        expected = f"at least {joints.least_bits()}, since a shortcut comes from such a mean"
        raise ConfigurationError("weight_bits", expected, scales.weight_bits)
    forward, back = joints.sums(place, scales.weight_bits), joints.back_sums(values, scales.weight_bits)
    sums = sum(parts[layer].sums * factor for layer, factor in forward.layers)
    sums += sum(largest_value(model, scales, source) * factor for source, factor in forward.direct)
    sums = (2 * sums if last else sums) + off.half
    back_sums = sum(parts[layer].back_sums * factor for layer, factor in back.layers)
    back_sums += sum(scales.of_layer(into).gradient_limit * factor for into, factor in back.direct)
    back_sums += back_off.half
    rounded, rounded_back = sums // off.value, back_sums // back_off.value
    own = {name: getattr(parts[index], name) for name in _OWN}
    value_bits = scales.of_layer(place).activation_range_bits
    return LayerBounds(
        **own,
        sums=sums,
        back_sums=back_sums,
        name=model.name(index),
        high=(
            model.head.span(rounded, scales)
            if last
            else ((-rounded - 2) >> value_bits, (rounded - 1) >> value_bits)
        ),
        back_high=span_of(rounded_back, scales.of_layer(values - 1).gradient_range_bits),
        weight_high=_weight_span(scales, parts[index]) if held else None,
    )


def _weight_span(scales: FixedPoint, own: Magnitudes) -> Span:
    """Of X + 2^w - 1 for weights X that a step has changed: its values in range have w + 1 bits."""
    most = max(own.weights + own.weight_update, own.biases + own.bias_update)
    bits, shift = scales.weight_range_bits + 1, scales.weight_range - 1
    return (shift - most) >> bits, (shift + most) >> bits


@lru_cache(maxsize=256)
def weight_limit(model: Network, scales: FixedPoint, training: Training, most_rows: int) -> int:
    """L: every weight of a global model is in [-L, L], at scale fw; a power of two.

    The largest one that is at most 64 (as a real number), or the range of weights, and with which all bounds
    hold for a hospital with `most_rows` records. The next model is projected: each weight is clamped to [-L,
    L]. Raises WraparoundPossible where no limit will do.
    """

    def bounded(bits: int) -> bool:
        try:
            compile_bounds(model, scales, training, most_rows, 1 << bits)
        except WraparoundPossible:
            return False
        return True

    beyond = scales.weight_range_bits or (LARGEST_WEIGHT << scales.weight_bits).bit_length() - 1
    if bounded(beyond):
        return 1 << beyond
    compile_bounds(model, scales, training, most_rows, 1)
    bits = 0
    while beyond - bits > 1:  # every bound grows with the limit
        middle = (bits + beyond) // 2
        bits, beyond = (middle, beyond) if bounded(middle) else (bits, middle)
    return 1 << bits
