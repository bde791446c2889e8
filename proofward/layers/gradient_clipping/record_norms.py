"""How the squared norm of a record's gradient is made up: a way for every layer, which its shape decides.

The gradient of a layer's weights and biases for one record is a sum over positions of dZ times the extended
input x, with the constant 1 for the bias.
    product     a linear layer has one position, so ||dZ x||^2 = ||x||^2 ||dZ||^2
    gradient    the record's gradient itself, an entry for every weight, and the sum of its squares
    positions   sum over pairs of positions p, p' of <x_p, x_p'> <dZ_p, dZ_p'>: an entry for every pair
All three are the same integer. No entry of a table is committed to (`norm_of_convolution`): what they cost is
the prover's time and memory. Of the last two a convolution has the one with less work, `ENTRY` products for
each entry of its table and the products that make it; where both have more than MOST_ENTRIES entries over all
slots of a batch, rules are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.layers.affine_layers.affine import Affine
from proofward.layers.affine_layers.linear import Linear
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import padded
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.networks.network import Network

PRODUCT, GRADIENT, POSITIONS = "product", "gradient", "positions"

ENTRY = 16
"""Products that cost a prover as much as an entry in a sumcheck."""

MOST_ENTRIES = 1 << 24
"""Of the table of a layer, over all slots: 32 bytes each while it is summed."""

WAYS_OUT = "linear layers or convolutions one after another; a head behind a frozen public network"


@dataclass(frozen=True, slots=True)
class Way:
    """A table of so many entries of a record, padded, that so many products make."""

    name: str
    entries: int = 0
    products: int = 0

    @property
    def work(self) -> int:
        """In products."""
        return self.products + ENTRY * self.entries

    @property
    def words(self) -> str:
        """For people."""
        if self.name == PRODUCT:
            return "a product of two norms"
        what = "gradients of records" if self.name == GRADIENT else "pairs of positions"
        return f"by {what}, {self.entries:,} entries a record"


def ways_of(layer: Affine) -> tuple[Way, ...]:
    """The ways there are, that with the least work first."""
    if not isinstance(layer, Conv2d):
        return (Way(PRODUCT),)
    height, width = layer.axes
    taps = padded(layer.inputs.axes[0] // (layer.groups if layer.is_even else 1))
    taps *= 1 << (height.log_kernel + width.log_kernel)
    table = layer.biases.padded_size * 2 * taps
    found = [Way(GRADIENT, table, layer.products)]
    if layer.groups == 1:
        pairs = layer.positions**2
        padded_pairs = 1 << 2 * (height.log_outputs + width.log_outputs)
        found.append(Way(POSITIONS, padded_pairs, pairs * (layer.fan_in + layer.outputs)))
    return tuple(sorted(found, key=lambda way: way.work))


def chosen_words(layer: Affine) -> str:
    """What is chosen and why, for people."""
    way, *others = ways_of(layer)
    if not others:
        return f"{way.words}, the only way where there are groups"
    work = f"{way.work:,} products' work, {others[0].work:,} the other way"
    return f"{way.words}: {work}"


def way_of(layer: Affine) -> Way:
    """The way that is taken."""
    return ways_of(layer)[0]


def strange_parts(model: Network) -> list[str]:
    """What a network has of which gradients are not clipped for each record."""
    strange = [type(own).__name__ for own in model.layers if type(own) not in (Linear, Conv2d)]
    strange += ["shortcuts"] * bool(model.shortcuts) + ["a row beside pictures"] * bool(model.row)
    return list(dict.fromkeys(strange))


def check_layers(model: Network) -> None:
    """Raises ConfigurationError unless all layers are such whose gradients can be clipped for each record."""
    if strange := strange_parts(model):
        raise ConfigurationError("model with differential privacy", WAYS_OUT, ", ".join(strange))


def check_affordable(model: Network, batch: int) -> None:
    """Raises ConfigurationError where a table of norms is too large for a batch of so many slots."""
    for index, layer in enumerate(model.layers):
        entries = way_of(layer).entries
        if batch * entries > MOST_ENTRIES:
            expected = (
                f"at most {MOST_ENTRIES // entries:,} rows to a batch for the norms of {model.name(index)}, "
                f"or {WAYS_OUT}"
            )
            raise ConfigurationError("batch with differential privacy", expected, batch)
