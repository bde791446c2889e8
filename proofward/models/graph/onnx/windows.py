"""What the windows of an ONNX pool are that is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofward.models.graph.parts.windows import windows_in_words

POOLS = ("MaxPool", "AveragePool")


def onnx_windows(kind: str, options: Mapping[str, Any]) -> str:
    """Of an operator with these attributes; "" for what is no pool of windows."""
    if kind not in POOLS:
        return ""
    usual = {"kernel_shape": (), "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1)}
    kernel, strides, padding, dilation = (options.get(name, own) for name, own in usual.items())
    found = windows_in_words(kernel, strides, padding, dilation, bool(options.get("ceil_mode", 0)))
    name = options.get("auto_pad", b"NOTSET").decode(errors="replace")
    return found if name in ("NOTSET", "VALID") else f"{found}, {name}"
