"""The windows of a pool in words, for its refusal."""

from __future__ import annotations

from collections.abc import Sequence


def windows_in_words(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], ceil: bool
) -> str:
    """Padding and dilation where there are any."""
    words = f"windows of {_sides(kernel)}, stride {_sides(stride)}"
    words += f", padding {list(padding)}" if any(padding) else ""
    words += f", dilation {_sides(dilation)}" if set(dilation) != {1} else ""
    return f"{words}, ceil_mode" if ceil else words


def _sides(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
