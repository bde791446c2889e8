"""What consortium.toml says of an imported network, as people write it."""

from __future__ import annotations

from proofward.layers.network import Network


def settings_lines(network: Network) -> list[str]:
    """The lines of the table [model]: the hidden widths of a perceptron, or the inputs and all layers."""
    if network.is_mlp:
        return ["[model]", f"hidden = {list(network.widths[1:-1])}"]
    layers = [f"  {_table(layer.to_plain())}," for layer in network.layers]
    return ["[model]", f"inputs = {list(network.inputs.axes)}", "layers = [", *layers, "]"]


def _table(values: dict[str, object]) -> str:
    """A table of TOML in one line."""
    entries = (
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
        for key, value in values.items()
    )
    return f"{{ {', '.join(entries)} }}"
