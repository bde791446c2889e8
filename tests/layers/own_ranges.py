"""Scales with ranges of their own for the hidden layers of a network."""

from __future__ import annotations

from dataclasses import replace

from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint


def with_own_ranges(model: Network, scales: FixedPoint) -> FixedPoint:
    """The scales with ranges that differ from those of all, and from layer to layer."""
    layers = range(1, len(model.activations) + 1)
    return replace(
        scales,
        activation_ranges=tuple(max(2, scales.activation_range_bits - at % 3) for at in layers),
        gradient_ranges=tuple(max(1, scales.gradient_range_bits - 2 * at % 3) for at in layers),
    )
