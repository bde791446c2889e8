"""How the layers' relations see a local training: all steps stacked, as multilinear extensions.

Values are over (step, sample, unit): step and sample indices are the high and middle bits of a column's
index, the unit's the low bits. An `Input` is what a linear layer reads, a `Gradient` is the gradient with
respect to its sums; each is a public function of committed columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import add, scale
from proofward.field.multilinear import eq_table
from proofward.field.scalar import P
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party, Weights

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Shape:
    """log2 of the number of steps (padded) and of the batch."""

    log_steps: int
    log_batch: int

    @property
    def log_samples(self) -> int:
        return self.log_steps + self.log_batch

    @property
    def steps(self) -> int:
        return 1 << self.log_steps

    @property
    def batch(self) -> int:
        return 1 << self.log_batch


@dataclass(frozen=True)
class Units:
    """Weights over a layer's output units: eq(point), or an E-array of any weights."""

    point: Point | None = None
    any_weights: Array | None = None

    @staticmethod
    def at(point: Point) -> Units:
        return Units(point)

    def leading(self, count: int) -> Point:
        """The point's first coordinates; none of any weights."""
        return () if self.point is None else self.point[:count]

    def with_leading(self, own: Point) -> Units:
        """The same with other first coordinates."""
        if not own:
            return self
        assert self.point is not None
        return Units((*own, *self.point[len(own) :]))

    @cached_property
    def weights(self) -> Array:
        """The weights as an E-array."""
        if self.point is not None:
            return eq_table(self.point)
        assert self.any_weights is not None
        return self.any_weights


class Input(Protocol):
    """What a linear layer reads: values over (step, sample, unit)."""

    def matrix(self, party: Party) -> Array:
        """F-matrix (samples, padded width); a prover's."""

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        """The multilinear extension at (samples, unit) is the claim."""


class Gradient(Protocol):
    """A gradient with respect to a linear layer's sums: values over (step, sample, output unit)."""

    def flat(self, party: Party) -> Array:
        """The flat F-array; a prover's."""

    def contract(self, party: Party, units: Units) -> Array:
        """sum over output units of weight * gradient, an E-array over samples; a prover's."""

    def combine(self, party: Party, weights: Array) -> Array:
        """sum over samples of a step of weight * gradient: (2, steps, batch) to (2, steps, outputs)."""

    def assert_units(self, party: Party, samples: Point, units: Units, claim: Form) -> None:
        """The multilinear extension at a point of the samples, combined over output units, is the claim."""


@runtime_checkable
class Table(Input, Gradient, Protocol):
    """Both, as far as a convolution asks: values over (step, sample, unit) of a claim at any point."""


def repeated_eq(point: Point, count: int) -> Array:
    """eq(point) `count` times, as weights of `batched_combine_rows`: (2, count, 2^variables)."""
    return np.ascontiguousarray(np.tile(eq_table(point)[:, None, :], (1, count, 1)))


def eq_weights(point: Point) -> list[Weights]:
    """Per-variable weights of eq(point, x)."""
    return [(ONE - r, r) for r in point]


def plain_weights(count: int) -> list[Weights]:
    """Per-variable weights of a sum without weights."""
    return [(ONE, ONE)] * count


def suffix_sums(values: Array) -> Array:
    """sum over later entries, exclusive: an E-array of the same length, below 2^31.

    Halves of 32 bits are summed exactly.
    """
    return _joined(*(half[:, ::-1].cumsum(axis=1)[:, ::-1] - half for half in _halves(values)))


def sum_last(values: Array) -> Array:
    """Sums modulo P over the last axis of a (..., n) array of canonical elements, n < 2^31.

    Halves of 32 bits are summed exactly.
    """
    return _joined(*(half.sum(axis=-1, dtype=np.uint64) for half in _halves(values)))


def _halves(values: Array) -> tuple[Array, Array]:
    """The lower and the upper 32 bits."""
    return values & np.uint64(0xFFFFFFFF), values >> np.uint64(32)


def _joined(low: Array, high: Array) -> Array:
    """low + 2^32 high modulo P, for any words."""
    shifted = scale(np.ascontiguousarray(high % np.uint64(P)).reshape(-1), 1 << 32)
    return add(np.ascontiguousarray(low % np.uint64(P)).reshape(-1), shifted).reshape(low.shape)


def zero_product(point: Point) -> Ext:
    """eq(point, 0)."""
    value = ONE
    for coordinate in point:
        value = value * (ONE - coordinate)
    return value
