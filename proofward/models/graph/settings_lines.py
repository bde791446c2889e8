"""What consortium.toml says of an imported network, as people write it."""

from __future__ import annotations

import json

from proofward.layers.networks.network import Network
from proofward.models.layer_lines import lines_of


def settings_lines(network: Network) -> list[str]:
    """The lines of the table [model]: the hidden widths of a perceptron, or a line of words for every layer.

    The last layer, to the classes, is implied.
    """
    if network.is_mlp:
        return ["[model]", f"hidden = {list(network.widths[1:-1])}"]
    layers = [f"  {json.dumps(line)}," for line in lines_of(network)]
    return ["[model]", "layers = [", *layers, "]"]
