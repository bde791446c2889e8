"""How the relation of a training commits to values that may be beyond their range, and how much in all.

A public function of the rules and a number of rows: as much as the bounds say that can be needed. Of all ways
(`beyond`) the one is taken for which a layer's columns, lookups and table entries are least in all, an entry
of a table counted twice, since its multiplicity is committed to and it is a leaf as a lookup is. The tables
of signs of high limbs cost as much as lookups do, so a top limb has at most as many bits as the largest table
that a hidden layer may pay for, one twice as long as its columns, or 10, and that of the head as many as one
that a hidden layer does pay for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from proofward.layers.arithmetic.beyond import Beyond, Span, signed_bits
from proofward.layers.arithmetic.ranges import best_limb_bits
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.arithmetic.split import Split, ways
from proofward.layers.networks.bounds import LayerBounds, compile_bounds
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import LARGEST_TABLE, FixedPoint, Training

_LEAST_SIGN_BITS = 10
_LEAST_GAIN = 1 << 14
"""Values of small statements stay in limbs: tables of their own are not worth while for less than this."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Of every hidden layer's sums and back sums, and the high limb of the head's differences of logits."""

    hidden: tuple[tuple[Beyond, Beyond], ...]
    head: HighLimb

    @staticmethod
    def of(model: Network, scales: FixedPoint, samples: int, bounds: Sequence[LayerBounds]) -> Arrangement:
        """By the bounds of all layers, for columns of `samples` values for each unit."""
        spans = [(bounds[i].high, bounds[i + 1].back_high) for i in range(len(model.activations))]
        sign_bits, table_bits = _sign_bits(model, samples, spans), scales.table_bits
        limb_bits = _limb_bits(model, scales, samples, [high for high, _ in spans], backward=True)
        hidden: list[tuple[Beyond, Beyond]] = []
        for index, (own, (high, back)) in enumerate(zip(model.activations, spans, strict=True)):
            values, ranges = samples * own.gives.padded_size, scales.of_layer(index)
            about = table_bits, sign_bits, limb_bits
            sums = HighLimb.of(high, *about, ranges.activation_range_bits)
            gradients = HighLimb.of(back, *about, ranges.gradient_range_bits + 1)
            hidden.append((_of_sums(ranges, sums, values), _of_gradients(ranges, gradients, values)))
        return Arrangement(
            hidden=tuple(hidden),
            head=HighLimb.of(bounds[model.depth - 1].high, table_bits, _paid_for(hidden)),
        )


def forward_limbs(
    model: Network, scales: FixedPoint, samples: int, bounds: Sequence[LayerBounds]
) -> tuple[Beyond, ...]:
    """How every hidden layer's values are committed to in a forward pass over so many samples."""
    spans = [bounds[i].high for i in range(len(model.activations))]
    sign_bits = _sign_bits(model, samples, [(span,) for span in spans])
    limb_bits = _limb_bits(model, scales, samples, spans, backward=False)
    found = []
    for index, (own, high) in enumerate(zip(model.activations, spans, strict=True)):
        ranges, about = scales.of_layer(index), (scales.table_bits, sign_bits, limb_bits)
        limb = HighLimb.of(high, *about, ranges.activation_range_bits)
        found.append(_of_sums(ranges, limb, samples * own.gives.padded_size))
    return tuple(found)


def of_weights(
    model: Network, scales: FixedPoint, steps: int, bounds: Sequence[LayerBounds]
) -> dict[int, Beyond]:
    """How the weights of each layer that saturate are committed to in so many steps, by the layer's index."""
    found: dict[int, Beyond] = {}
    for index, (layer, own) in enumerate(zip(model.layers, bounds, strict=True)):
        if (span := own.weight_high) is not None:
            values = steps * (layer.weights.padded_size + layer.biases.padded_size)
            about, bits = (span, scales.table_bits), scales.weight_range_bits + 1
            limbs = [HighLimb.of(*about, most, low_bits=bits) for most in range(2, LARGEST_TABLE)]

            def cost(way: HighLimb, values: int = values) -> int:
                return values * (way.inside_columns + way.inside_lookups) + 2 * way.table_rows

            found[index] = min(limbs, key=cost)
    return found


def head_limb(scales: FixedPoint, high: Span) -> HighLimb:
    """That of the head's differences of logits in a forward pass, by the span of the last layer's bounds."""
    return HighLimb.of(high, scales.table_bits, _LEAST_SIGN_BITS)


def _limb_bits(
    model: Network, scales: FixedPoint, samples: int, spans: Sequence[Span], *, backward: bool
) -> int:
    """Of the limbs of all remainders of hidden layers, so that one table serves them all."""
    demands = [
        (bits, samples * count)
        for index, (own, span) in enumerate(zip(model.activations, spans, strict=True))
        for bits, count in own.rounded_off(model.rounding(scales, index), span, backward=backward)
    ]
    return best_limb_bits(demands, scales.table_bits)


def _of_sums(scales: FixedPoint, limb: HighLimb, values: int) -> Beyond:
    """The least costly way for so many values."""
    others = ways(limb.span, scales.activation_range_bits, limb.limb_bits)
    return _least(limb, others, values, lambda way: way.inside_columns + way.inside_lookups)


def _of_gradients(scales: FixedPoint, limb: HighLimb, values: int) -> Beyond:
    """The least costly way for so many gradients."""
    whole = ways(limb.span, scales.gradient_range_bits + 1, limb.limb_bits)
    others = [way for way in whole if not way.excess_bits]
    others += () if limb.is_own_sign else ways(limb.span, 0, limb.limb_bits, limb.low_limbs)
    return _least(limb, others, values, lambda way: way.saturating_columns + way.saturating_lookups)


def _least(limb: HighLimb, others: Iterable[Split], values: int, of_value: Callable[[Beyond], int]) -> Beyond:
    """The way with the least columns, lookups and table entries; limbs unless another gains enough."""

    def cost(way: Beyond) -> int:
        return values * of_value(way) + 2 * way.table_rows

    best = min(others, key=cost, default=None)
    return limb if best is None or cost(best) + _LEAST_GAIN > cost(limb) else best


def _paid_for(hidden: Sequence[tuple[Beyond, Beyond]]) -> int:
    """Bits of the largest table of signs that is there for hidden layers."""
    limbs = (way for ways in hidden for way in ways if isinstance(way, HighLimb))
    return max([_LEAST_SIGN_BITS, *(way.widths[-1] for way in limbs if way.widths)])


def _sign_bits(model: Network, samples: int, spans: Sequence[tuple[Span, ...]]) -> int:
    """Bits of the largest table of signs that the hidden layers pay for."""
    sign_bits = _LEAST_SIGN_BITS
    for own, of_layer in zip(model.activations, spans, strict=True):
        most = (samples * own.gives.padded_size).bit_length()
        sign_bits = max(sign_bits, *(min(signed_bits(span), most) for span in of_layer))
    return sign_bits


def training_values(
    model: Network, scales: FixedPoint, training: Training, rows: int, largest_weight: int
) -> int:
    """Values of the columns of all hidden layers and the head, without the lookups' multiplicities."""
    samples = training.padded_steps(rows) * training.batch
    bounds = compile_bounds(model, scales, training, rows, largest_weight)
    arrangement = Arrangement.of(model, scales, samples, bounds)
    head = model.last_rounding(scales)
    total = samples * model.head.committed(head, arrangement.head)
    for index, (own, limbs_above) in enumerate(zip(model.activations, arrangement.hidden, strict=True)):
        total += samples * own.committed(model.rounding(scales, index), limbs_above)
    steps = training.padded_steps(rows)
    for index, beyond in of_weights(model, scales, steps, bounds).items():
        layer = model.layers[index]
        of_step = layer.weights.padded_size + layer.biases.padded_size
        total += steps * of_step * beyond.inside_columns
    return total
