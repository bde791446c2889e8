"""What the windows of a PyTorch pool are that is refused."""

from __future__ import annotations

from typing import Any

from proofward.models.graph.parts.convolutions import pair_of
from proofward.models.graph.parts.refusals import plain_name
from proofward.models.graph.parts.windows import windows_in_words
from proofward.models.graph.torch.nodes import argument, target_of

POOLS = ("maxpool2d", "avgpool2d")


def torch_windows(node: Any) -> str:
    """Of a node of an exported program; "" for what is no pool of windows."""
    if plain_name(target_of(node)) not in POOLS:
        return ""
    kernel = pair_of(argument(node, "kernel_size"))
    strides, padding = pair_of(argument(node, "stride") or kernel), pair_of(argument(node, "padding"))
    dilation, divisor = pair_of(argument(node, "dilation") or 1), argument(node, "divisor_override")
    found = windows_in_words(kernel, strides, padding * 2, dilation, bool(argument(node, "ceil_mode")))
    return found if divisor is None else f"{found}, divisor {divisor}"
