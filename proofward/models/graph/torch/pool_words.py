"""What the windows of a pool of PyTorch are that is refused, in words."""

from __future__ import annotations

from typing import Any

from proofward.models.graph.parts.convolutions import pair_of
from proofward.models.graph.parts.pool_words import windows
from proofward.models.graph.parts.refusals import plain_name
from proofward.models.graph.torch.nodes import argument, target_of

TORCH_POOLS = ("maxpool2d", "avgpool2d")


def torch_windows(node: Any) -> str:
    """Of a node of an exported program; "" for what is no pool of windows."""
    if plain_name(target_of(node)) not in TORCH_POOLS:
        return ""
    kernel = pair_of(argument(node, "kernel_size"))
    padding, dilation = pair_of(argument(node, "padding")), pair_of(argument(node, "dilation") or 1)
    divisor = argument(node, "divisor_override")
    found = windows(
        kernel,
        pair_of(argument(node, "stride") or kernel),
        padding * 2,
        dilation,
        bool(argument(node, "ceil_mode")),
    )
    return found if divisor is None else f"{found}, divisor {divisor}"
