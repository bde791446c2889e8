"""The contract of what a proof commits to of rounded values that may be beyond their range.

There is more than one way, and which one is cheapest for a layer follows from public numbers (`arrangement`):
a low and a high limb (`saturation`), or the value whole or in two parts of its own (`split`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from proofward.layers.arithmetic.flags import Flags
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.rules.model import Int64Array
from proofward.proof.lookup import LinearCombination

Values = Callable[[], Int64Array]
Span = tuple[int, int]


class Beyond(Protocol):
    """How a proof commits to a rounded value that may be beyond its range, where it saturates.

    The values X of a column are in range from 0 to 2^bits - 1.
    """

    @property
    def span(self) -> Span:
        """Least and greatest floor(X / 2^bits)."""

    @property
    def limb_bits(self) -> int:
        """Bits of the limbs of what is rounded off, and of distances from a maximum; 0: as usual."""

    @property
    def why(self) -> str:
        """What of the values is committed to, in words."""

    @property
    def columns(self) -> int:
        """Columns that values need because they may be beyond their range, the bits of `Flags` aside."""

    @property
    def inside_columns(self) -> int:
        """Columns that `declare_inside` declares."""

    @property
    def inside_lookups(self) -> int:
        """Lookups of each value that it makes."""

    @property
    def saturating_columns(self) -> int:
        """Columns that `declare_saturating` declares."""

    @property
    def saturating_lookups(self) -> int:
        """Lookups of each value that it makes."""

    @property
    def table_rows(self) -> int:
        """Entries of the tables that are needed for it."""

    def declare_inside(
        self, ranges: RangeChecks, name: str, size: int, bits: int, values: Values
    ) -> tuple[Flags, LinearCombination, LinearCombination]:
        """Where X is in its range; what is X there; and X."""

    def declare_saturating(
        self, ranges: RangeChecks, name: str, size: int, bits: int, values: Values
    ) -> tuple[LinearCombination, LinearCombination]:
        """X; and X with floor(X / 2^bits) brought to its sign."""


def span_of(bound: int, bits: int) -> Span:
    """High limbs of integers in [-bound - 1, bound] whose low limb is in [-2^bits, 2^bits)."""
    return (-bound - 1 + (1 << bits)) >> (bits + 1), (bound + (1 << bits)) >> (bits + 1)


def signed_bits(span: Span) -> int:
    """The least b with the span inside [-2^(b-1), 2^(b-1))."""
    return max(-span[0] - 1, span[1]).bit_length() + 1
