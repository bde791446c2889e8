"""A convolution as PyTorch and ONNX write it, and whether the trainer's computes exactly the same.

The trainer's has a square kernel, one stride and one zero padding on all sides. Other ways to write the same
are taken: padding by name, or sides that differ only where no kernel reaches. Everything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.layers.convolutions.axis import Axis
from proofward.layers.convolutions.conv2d import MAX_CHANNELS, MAX_KERNEL

Pair = tuple[int, int]
SAME, VALID = "same", "valid"


@dataclass(frozen=True)
class Convolution:
    """shape: of the weights (outputs, channels of a group, height, width). size: of a picture.

    before: zeros above and to the left; after: below and to the right.
    """

    shape: tuple[int, ...]
    size: Pair
    strides: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)
    dilations: Pair = (1, 1)
    groups: int = 1

    @property
    def kernel(self) -> int:
        return self.shape[2]

    @property
    def stride(self) -> int:
        return self.strides[0]

    @property
    def padding(self) -> int:
        """On all sides."""
        return self.before[0]

    def problems(self) -> list[str]:
        """Why the trainer has no such convolution, each with what to use instead; none if it has."""
        found = []
        if self.dilations != (1, 1):
            found.append(f"dilation {list(self.dilations)}, which no version will prove: use 1")
        if self.shape[2] != self.shape[3]:
            found.append(f"a kernel of {self.shape[2]}x{self.shape[3]}: use a square one")
        if self.strides[0] != self.strides[1]:
            found.append(f"strides {list(self.strides)}: use the same one both ways")
        return found or self._sizes() or self._padding()

    def _sizes(self) -> list[str]:
        found = []
        if self.kernel > MAX_KERNEL:
            found.append(f"a kernel of {self.kernel}x{self.kernel}: use at most {MAX_KERNEL}")
        if self.stride > MAX_KERNEL:
            found.append(f"a stride of {self.stride}: use at most {MAX_KERNEL}")
        if self.shape[0] > MAX_CHANNELS:
            found.append(f"{self.shape[0]} outputs: use at most {MAX_CHANNELS}")
        least = min(
            size + sum(zeros) for size, *zeros in zip(self.size, self.before, self.after, strict=True)
        )
        if least < self.kernel:
            found.append(f"a kernel of {self.kernel}x{self.kernel} on pictures of {least} with their padding")
        channels = self.shape[1] * self.groups
        if max(channels, *self.size) > MAX_WIDTH:
            words = f"pictures of {channels}x{self.size[0]}x{self.size[1]}"
            found.append(f"{words}: use at most {MAX_WIDTH} along each")
        return found

    def _padding(self) -> list[str]:
        sides = (self.before[0], self.after[0], self.before[1], self.after[1])
        words = f"padding {sides} above, below, left and right"
        same = self.before[0] == self.before[1] and all(
            Axis(size, self.kernel, self.stride, before).outputs == self._outputs(size, before + after)
            for size, before, after in zip(self.size, self.before, self.after, strict=True)
        )
        if not same:
            return [f"{words}: use an odd kernel, and the same on all sides, as padding={self.kernel // 2}"]
        if not 0 <= self.padding < self.kernel:
            return [f"{words}: use less than the kernel's {self.kernel}"]
        return []

    def _outputs(self, size: int, zeros: int) -> int:
        return (size + zeros - self.kernel) // self.stride + 1


def named_padding(
    name: str, *, kernel: Pair, size: Pair, strides: Pair, dilations: Pair, extra_first: bool = False
) -> tuple[Pair, Pair]:
    """Zeros (before, after) of padding that is named: as many outputs as inputs / stride, or none.

    extra_first: where an odd one goes.
    """
    if name != SAME:
        return (0, 0), (0, 0)
    before, after = [], []
    for width, length, stride, dilation in zip(kernel, size, strides, dilations, strict=True):
        outputs = -(-length // stride)
        zeros = max((outputs - 1) * stride + dilation * (width - 1) + 1 - length, 0)
        before.append((zeros + extra_first) // 2)
        after.append(zeros - before[-1])
    return (before[0], before[1]), (after[0], after[1])


def pair_of(value: Any) -> Pair:
    """Height's and width's of one number for both, or of two."""
    sizes = [value] if isinstance(value, int) else list(value)
    return int(sizes[0]), int(sizes[-1])
