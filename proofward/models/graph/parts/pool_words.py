"""What the windows of a pool are that is refused, in words: PyTorch and ONNX say it in two ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ONNX_POOLS = ("MaxPool", "AveragePool")


def onnx_windows(kind: str, options: Mapping[str, Any]) -> str:
    """Of an operator of ONNX with these attributes; "" for what is no pool of windows."""
    if kind not in ONNX_POOLS:
        return ""
    found = windows(
        options.get("kernel_shape", ()),
        options.get("strides", (1, 1)),
        options.get("pads", (0, 0, 0, 0)),
        options.get("dilations", (1, 1)),
        bool(options.get("ceil_mode", 0)),
    )
    name = options.get("auto_pad", b"NOTSET").decode(errors="replace")
    return found if name in ("NOTSET", "VALID") else f"{found}, {name}"


def windows(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], ceil: bool
) -> str:
    """Padding and dilation where there are any."""
    words = f"windows of {_sides(kernel)}, stride {_sides(stride)}"
    words += f", padding {list(padding)}" if any(padding) else ""
    words += f", dilation {_sides(dilation)}" if set(dilation) != {1} else ""
    return f"{words}, ceil_mode" if ceil else words


def _sides(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
