"""What shapes and bounds of a network mean for its proof: padding, headroom, high limbs and why.

All of it follows from public numbers; nothing is measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.basics.layout import Layout, padded
from proofward.layers.basics.record_pieces import committed_size, pieces_of
from proofward.layers.gradient_clipping.clip_scale import SQUARE_LIMIT, largest_square
from proofward.layers.gradient_clipping.record_norms import strange_parts
from proofward.layers.networks.arrangement import Arrangement
from proofward.layers.networks.bounds import LARGEST_WEIGHT, LayerBounds, limited_bounds
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Training

RECORDS, MOST_WASTE = "records", 0.15
"""A larger share of padding among the values of the records or of a layer is pointed out."""


@dataclass(frozen=True)
class Waste:
    """Values of a layout and as many as a column has for them; `advice` where too many are padding."""

    what: str
    values: int
    padded: int
    advice: str

    @property
    def share(self) -> float:
        """Padding among the values of a column."""
        return 1 - self.values / self.padded


@dataclass(frozen=True)
class Headroom:
    """How many bits the largest bound of a layer is below its limit, and which bound that is."""

    layer: str
    quantity: str
    bits: float


@dataclass(frozen=True)
class Limbs:
    """Columns for what of a layer's rounded values is beyond its range; `why` in words."""

    layer: str
    columns: int
    why: str


def waste(what: str, layout: Layout) -> Waste:
    """Of one layout, with the nearest lengths that have no padding."""
    found = Waste(what, layout.size, layout.padded_size, "")
    if found.share <= MOST_WASTE:
        return found
    axis, length = max(enumerate(layout.axes), key=lambda entry: padded(entry[1]) / entry[1])
    names = ("channels", "height", "width") if len(layout.axes) == 3 else ("length",)
    if names[axis] == "channels" and what == RECORDS:
        words = f"{length} channels take the room of {padded(length)}"
        return Waste(what, layout.size, layout.padded_size, words)
    below = padded(length) // 2
    near = below if length / below < padded(length) / length else padded(length)
    words = f"{names[axis]} {length} is padded to {padded(length)}: {near} has no padding"
    return Waste(what, layout.size, layout.padded_size, words)


def record_waste(network: Network) -> Waste:
    """Of the records, with what a row beside the picture costs where it finds no room in its padding."""
    found, record = waste(RECORDS, network.inputs), network.record
    if len(pieces_of(record)) > 1:
        plane = waste(RECORDS, Layout((1, *network.inputs.axes[1:])))
        return Waste(RECORDS, record.size, committed_size(record), plane.advice)
    if not network.row:
        return found
    before = network.inputs.padded_size
    if record.padded_size == before:
        return Waste(RECORDS, record.size, before, found.advice)
    words = f"a row of {network.row} values makes a record of {before} places one of {record.padded_size}"
    return Waste(RECORDS, record.size, record.padded_size, words)


def wastes(network: Network) -> list[Waste]:
    """Of the records and of every layer's sums and weights."""
    found = [record_waste(network)]
    for index, layer in enumerate(network.layers):
        name = network.name(index)
        if index < len(network.hidden):
            found.append(waste(f"{name}, sums", layer.gives))
        shape = layer.weights
        found.append(Waste(f"{name}, weights", shape.size, shape.padded_size, ""))
    return found


def padded_share(network: Network, steps: int, padded_steps: int) -> float:
    """Padding among all hidden values of a training, unused steps included; 0 without hidden layers."""
    real = steps * sum(layout.size for layout in network.hidden)
    whole = padded_steps * sum(layout.padded_size for layout in network.hidden)
    return 1 - real / whole if whole else 0.0


def headrooms(
    network: Network, scales: FixedPoint, training: Training, rows: int, weight_limit: int
) -> list[Headroom]:
    """Of every layer; negative where rules are refused."""
    result = []
    for bounds, limits in limited_bounds(network, scales, training, rows, weight_limit):
        bits = {name: math.log2(limit / max(1, found)) for name, (found, limit) in limits.items()}
        least = min(bits, key=lambda name: bits[name])
        result.append(Headroom(bounds.name, least.replace("_", " "), bits[least]))
    if training.full_batch and not strange_parts(network):
        bits_of_norm = math.log2(SQUARE_LIMIT / largest_square(network, scales))
        result.append(Headroom("all layers", "squared norm of a record's gradient", bits_of_norm))
    return result


def usual_weight_limit(scales: FixedPoint) -> int:
    """The largest weight that global models are ever projected to."""
    return LARGEST_WEIGHT << scales.weight_bits


def high_limbs(
    network: Network, scales: FixedPoint, samples: int, bounds: tuple[LayerBounds, ...]
) -> list[Limbs]:
    """Of every hidden layer, its gradients, and the head."""
    arrangement = Arrangement.of(network, scales, samples, bounds)
    result = []
    for index, (own, back) in enumerate(arrangement.hidden):
        name, ranges = network.name(index), scales.of_layer(index)
        result.append(Limbs(name, own.columns, _why("sums", own, ranges.activation_range_bits)))
        result.append(Limbs(name, back.columns, _why("gradients", back, ranges.gradient_range_bits + 1)))
    head = arrangement.head
    why = _why("differences of logits", head, network.head.range_bits(scales))
    return [*result, Limbs("head", head.columns, why)]


def _why(what: str, limb: Beyond, bits: int) -> str:
    low, high = limb.span
    worst = bits + max(-low, high).bit_length()
    return f"{what} may need {worst} bits at worst, their range has {bits}: {limb.why}"
