"""What consortium.toml says of an imported network, as people write it."""

from __future__ import annotations

import json

from proofward.layers.affine import Affine
from proofward.layers.network import Network


def settings_lines(network: Network) -> list[str]:
    """The lines of the table [model]: the hidden widths of a perceptron, or a line of words for every layer.

    The last layer, to two classes, is implied.
    """
    if network.is_mlp:
        return ["[model]", f"hidden = {list(network.widths[1:-1])}"]
    layers = [f"  {json.dumps(_words(layer))}," for layer in network.layers[:-1]]
    return ["[model]", "layers = [", *layers, "]"]


def _words(layer: Affine) -> str:
    """Such as conv2d 8 kernel 3 stride 2 padding 1."""
    (_, kind), (_, first), *others = layer.to_plain().items()
    return " ".join([str(kind), str(first), *(f"{name} {value}" for name, value in others)])
