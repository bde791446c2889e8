"""About how many values a round commits to; it decides on the scheme."""

from __future__ import annotations

from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.layout import padded
from proofward.layers.basics.record_pieces import committed_size
from proofward.layers.gradient_clipping.example_clipping import ClippingRelation
from proofward.layers.networks.arrangement import training_values
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.privacy import Privacy
from proofward.relations.rules.clipped_rule import ClippedRule
from proofward.relations.rules.noise_levels import NoiseLevels


def committed_values(
    model: Network,
    scales: FixedPoint,
    training: Training,
    clip_bound: int,
    rows: int,
    limit: int,
    threshold: int,
    privacy: Privacy | None,
    clipped: ClippedRule | None,
) -> int:
    """Of a round with `rows` records; `clipped` is the rule where each record's gradient is clipped."""
    limbs = len(Divisor.of(model.finest << scales.weight_bits).limbs(scales.table_bits))
    message_bits, of_clipping, of_noise = ((rows * clip_bound).bit_length()) + 1, 0, 0
    if clipped is not None:
        limbs, message_bits = len(clipped.divisor.limbs(scales.table_bits)), clipped.message_bits
        of_slot = ClippingRelation.count(clipped.scale, scales.table_bits)
        of_clipping = training.batch * of_slot
    per_parameter = 1 + limbs + -(-message_bits // scales.table_bits)
    parameters = sum(layer.weights.padded_size + layer.biases.padded_size for layer in model.layers)
    if privacy is not None:
        of_noise = NoiseLevels.of_updates(privacy).committed_values(parameters, scales.table_bits)
    return (
        training_values(model, scales, training, rows, limit)
        + parameters * per_parameter
        + of_clipping
        + of_noise
        + (2 + threshold) * 4096
        + (4 << scales.table_bits)
        + padded(rows) * (committed_size(model.record) + model.head.labels.padded_size - 1)
    )
