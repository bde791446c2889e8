"""The rounding that brings exact sums back to scale: 2^s Q + R = Z + 2^(s-1), 0 <= R < 2^s.

Beside means (`means`) the divisor is an even D in the place of 2^s: D Q + R = Z + D / 2, 0 <= R < D.

What is proved: Q is the rounding of the sums Z, whatever else proves what Z is. The remainder is virtual: it
is defined as R = Z + 2^(s-1) - 2^s Q and looked up in its range (`RangeChecks.require_remainder`). Message
order: the lookups; at the point where they end
    prover: Z~ there, which is a claim that its layer then proves
Soundness: that of the lookups and of the claim; Z must be a function of what was committed to before the
lookups' challenges. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.divisor import Divisor
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.forms import Column, Form, Point
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


def rounded(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """Q = floor((Z + 2^(fw-1)) / 2^fw) of sums of any shape below 2^62 in magnitude."""
    return scales.divisor.rounded(sums)


def rounded_back(back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """G, in the same way, of sums of gradients, which may be of a finer scale (`means`)."""
    return scales.back_divisor.rounded(back_sums)


class Quotient(Protocol):
    """The rounded quotient: a function of committed columns, linear in them."""

    @property
    def log_size(self) -> int: ...

    def at(self, point: Point) -> Form:
        """Its multilinear extension."""

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Its values as an F-array, given the columns'."""


@dataclass(slots=True)
class Rounding:
    """Sums and their rounded quotient; `claim` is where the lookups ended, and the sums' extension there."""

    divisor: Divisor
    quotient: Quotient
    say: Callable[[Point], Form]
    _claims: list[tuple[Point, Form]] = field(default_factory=list)

    @staticmethod
    def declare(
        ranges: RangeChecks,
        name: str,
        divisor: Divisor,
        quotient: Quotient,
        sums: Callable[[], Int64Array],
        say: Callable[[Point], Form] | None = None,
        limb_bits: int = 0,
    ) -> Rounding:
        """Declare the lower limbs of the remainders and look all limbs up.

        sums: int64, of the quotient's length, each below 2^62 in magnitude; a prover's. say: sends their
        extension at a point, for sums that are not known to the party as a table. limb_bits: see `ranges`.
        """
        own = Rounding(divisor, quotient, say or partial(_send, ranges.party, sums))
        ranges.require_remainder(
            f"{name} remainders",
            quotient.log_size,
            divisor,
            lambda: divisor.remainder(sums()),
            own._remainder,
            limb_bits,
        )
        return own

    @staticmethod
    def count(divisor: Divisor, scales: FixedPoint, limb_bits: int = 0) -> int:
        """Columns that `declare` declares."""
        return len(divisor.limbs(limb_bits or scales.table_bits)) - 1

    @property
    def claim(self) -> tuple[Point, Form]:
        """The point, and the form of the sums' extension there; once the lookups are proved."""
        (claim,) = self._claims
        return claim

    def _remainder(self, point: Point) -> Form:
        sums = self.say(point)
        self._claims.append((point, sums))
        return sums + self.divisor.half - self.quotient.at(point) * self.divisor.value


def _send(party: Party, sums: Callable[[], Int64Array], point: Point) -> Form:
    """Say the extension of a table of sums."""
    known = party.knows_witness
    return party.send(evaluate(to_field(np.ascontiguousarray(sums()).reshape(-1)), point) if known else None)
