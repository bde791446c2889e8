"""A forward pass under public weights: its sizes, and the bounds of its integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.basics.layout import log_padded, padded
from proofward.layers.networks.arrangement import forward_limbs
from proofward.layers.networks.bounds import LayerBounds, forward_bounds
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint
from proofward.relations.rules.limits import check_forward_pass, check_samples


@dataclass(frozen=True, kw_only=True)
class PublicPass:
    """What the measures of its proof depend on: a network, its scales, how many records, the largest weight.

    Raises a TrainingError where sizes are too large, or an integer could wrap around P.
    """

    model: Network
    scales: FixedPoint
    records: int
    largest_weight: int

    def __post_init__(self) -> None:
        samples = padded(self.records)
        check_samples(self.model, samples, samples)
        check_forward_pass(self.model)
        forward_bounds(self.model, self.scales, self.largest_weight)

    @property
    def log_records(self) -> int:
        """log2 of the padded number of records."""
        return log_padded(self.records)

    @cached_property
    def bounds(self) -> tuple[LayerBounds, ...]:
        """Bounds of every layer's integers, whatever the records are."""
        return forward_bounds(self.model, self.scales, self.largest_weight)

    @cached_property
    def limbs_above(self) -> tuple[Beyond, ...]:
        """High limbs of every hidden layer's rounded sums."""
        return forward_limbs(self.model, self.scales, padded(self.records), self.bounds)

    @property
    def hidden_committed(self) -> int:
        """Values of a record that all hidden layers commit to."""
        model, scales = self.model, self.scales
        return sum(
            own.forward_committed(model.rounding(scales, index), limb_above)
            for index, (own, limb_above) in enumerate(zip(model.activations, self.limbs_above, strict=True))
        )
