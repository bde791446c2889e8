"""Which high limbs the relation of a training commits to, and how much it commits to in all.

A public function of the rules and a number of rows: each high limb is as wide as the bounds say that it can
be needed. The tables of signs cost as much as lookups do, so a top limb has at most as many bits as the
largest table that a hidden layer pays for, one twice as long as its columns, or 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofward.layers.bounds import LayerBounds, compile_bounds
from proofward.layers.model import FixedPoint, Training
from proofward.layers.network import Network
from proofward.layers.saturation import HighLimb, Span, signed_bits

_LEAST_SIGN_BITS = 10


@dataclass(frozen=True, slots=True)
class Arrangement:
    """High limbs of every hidden layer's sums and back sums, and of the head's differences of logits."""

    hidden: tuple[tuple[HighLimb, HighLimb], ...]
    head: HighLimb

    @staticmethod
    def of(model: Network, scales: FixedPoint, samples: int, bounds: Sequence[LayerBounds]) -> Arrangement:
        """By the bounds of all layers, for columns of `samples` values for each unit."""
        spans = [(bounds[i].high, bounds[i + 1].back_high) for i in range(len(model.activations))]
        sign_bits, table_bits = _sign_bits(model, samples, spans), scales.table_bits
        return Arrangement(
            hidden=tuple(
                (HighLimb.of(high, table_bits, sign_bits), HighLimb.of(back, table_bits, sign_bits))
                for high, back in spans
            ),
            head=HighLimb.of(bounds[model.depth - 1].high, table_bits, sign_bits),
        )


def forward_limbs(
    model: Network, scales: FixedPoint, samples: int, bounds: Sequence[LayerBounds]
) -> tuple[HighLimb, ...]:
    """High limbs of every hidden layer's sums in a forward pass over so many samples."""
    spans = [(bounds[i].high,) for i in range(len(model.activations))]
    sign_bits = _sign_bits(model, samples, spans)
    return tuple(HighLimb.of(high, scales.table_bits, sign_bits) for (high,) in spans)


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
    return total
