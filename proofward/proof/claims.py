"""What goes into a sumcheck and what comes out of it, for every party."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, elements
from proofward.field.rounds import claim_coefficients
from proofward.proof.forms import Form, Point
from proofward.proof.transcript import Transcript

Array = npt.NDArray[np.uint64]
Weights = tuple[Ext, Ext]


@dataclass(slots=True)
class Tables:
    """What a prover sums over 2^n points: products of pairs of E-tables, and optionally one E-table more."""

    factors: list[tuple[Array, Array]]
    linear: Array | None = None


Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Parts:
    """Pairs of E-tables of `size` entries that are made part by part, whenever a part is needed.

    `part` yields the entries of some ranges, one after another, of both tables of every pair.
    """

    size: int
    pairs: int
    part: Callable[[Sequence[Range]], list[tuple[Array, Array]]]


Summands = Tables | Parts | list[tuple[Ext, "Tables | Parts"]]
"""What is summed: tables, or several with the weight of each."""


@dataclass(slots=True)
class Reduced:
    """The end of a sumcheck: where it ended, the claim there, and, for a prover, the tables' values there."""

    point: Point
    claim: Form
    factors: list[tuple[Ext, Ext]]
    linear: Ext


class RunningSum(ABC):
    """A prover's running sumcheck."""

    @abstractmethod
    def message(self) -> tuple[Ext, Ext]:
        """t(0) and the leading coefficient of this round's quadratic."""

    @abstractmethod
    def bind(self, challenge: Ext) -> None:
        """Fix the current variable."""

    @abstractmethod
    def finish(self, pads: Array, transcript: Transcript) -> tuple[Array, Array]:
        """Run the rounds that are left: what was sent, two values a round less their pads, and the point."""

    @abstractmethod
    def finals(self) -> tuple[list[tuple[Ext, Ext]], Ext]:
        """Values of the factors and of the linear table at the point."""


def fold_claim(
    claim: Form, weights: list[Weights], point: list[Ext], keys: list[int], sent: list[Ext]
) -> Form:
    """The claim after all rounds, an affine form in the first claim and the pads of the messages.

    One round: t(X) = t0 + (t1 - t0 - t2) X + t2 X^2 with t1 = (claim - w0 t0) / w1, so t(r) = claim r / w1 +
    t0 (1 - r - r w0 / w1) + t2 (r^2 - r).
    """
    *coefficients, scale, constant = elements(claim_coefficients(weights, point, sent))
    return claim * scale + Form(constant, dict(zip(keys, coefficients, strict=True)), [])
