"""Affine forms: what a verifier knows of a hidden value.

A hidden value is a constant, plus a combination of one-time pads, plus evaluations of committed columns. A
claim that is carried through a sumcheck stays such a form, and every check of a relation is a form that must
be zero: a linear constraint on what is committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext

Array = npt.NDArray[np.uint64]
Point = tuple[Ext, ...]

ZERO = Ext(0, 0)
ONE = Ext(1, 0)

# Kinds of pad rows. PAD stands alone; LEFT, RIGHT and PRODUCT are three rows with PRODUCT = LEFT * RIGHT
# entry by entry.
PAD, LEFT, RIGHT, PRODUCT = range(4)
_KIND_SHIFT = 40


def pad_key(kind: int, index: int) -> int:
    """The key of the index-th pad of a kind."""
    return (kind << _KIND_SHIFT) | index


def split_pad_key(key: int) -> tuple[int, int]:
    """(kind, index) of a pad's key."""
    return key >> _KIND_SHIFT, key & ((1 << _KIND_SHIFT) - 1)


def split_pad_keys(keys: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The kinds and the indices of many pads' keys."""
    return keys >> _KIND_SHIFT, keys & ((1 << _KIND_SHIFT) - 1)


@dataclass(frozen=True, slots=True)
class Column:
    """A committed column of 2^log_size elements of F: the index-th of a commitment."""

    commitment: int
    index: int
    log_size: int
    name: str

    def at(self, point: Point) -> Form:
        """The column's multilinear extension at a point of E^log_size."""
        if len(point) != self.log_size:
            raise ValueError(f"column {self.name}: point of length {len(point)}, expected {self.log_size}")
        return Form(ZERO, {}, [(ONE, self, point)])

    def inner(self, weights: Array) -> Form:
        """The inner product with public weights, an E-array of length 2^log_size."""
        if weights.shape != (2, 1 << self.log_size):
            raise ValueError(
                f"column {self.name}: weights {weights.shape}, expected (2, {1 << self.log_size})"
            )
        return Form(ZERO, {}, [(ONE, self, weights)])


WitnessTerm = tuple[Ext, Column, "Point | Array"]


class Form:
    """constant + sum of coefficient * pad + sum of coefficient * (functional of a column)."""

    __slots__ = ("constant", "pads", "witness")

    def __init__(self, constant: Ext, pads: dict[int, Ext], witness: list[WitnessTerm]) -> None:
        self.constant = constant
        self.pads = pads
        self.witness = witness

    @staticmethod
    def of(value: Ext | int) -> Form:
        """A public value."""
        return Form(value if isinstance(value, Ext) else ONE * value, {}, [])

    def __add__(self, other: Form | Ext | int) -> Form:
        if not isinstance(other, Form):
            return Form(self.constant + other, self.pads, self.witness)
        pads = dict(self.pads)
        for key, coefficient in other.pads.items():
            old = pads.get(key)
            pads[key] = coefficient if old is None else old + coefficient
        return Form(self.constant + other.constant, pads, self.witness + other.witness)

    def __mul__(self, factor: Ext | int) -> Form:
        pads = {key: coefficient * factor for key, coefficient in self.pads.items()}
        witness = [(coefficient * factor, column, at) for coefficient, column, at in self.witness]
        return Form(self.constant * factor, pads, witness)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Form:
        return self * -1

    def __sub__(self, other: Form | Ext | int) -> Form:
        if not isinstance(other, Form):
            return Form(self.constant - other, self.pads, self.witness)
        pads = dict(self.pads)
        for key, coefficient in other.pads.items():
            old = pads.get(key)
            pads[key] = -coefficient if old is None else old - coefficient
        negative = [(-coefficient, column, at) for coefficient, column, at in other.witness]
        return Form(self.constant - other.constant, pads, self.witness + negative)

    def __rsub__(self, other: Ext | int) -> Form:
        return -self + other


def combination(constant: Ext, terms: Iterable[tuple[Ext, Form]]) -> Form:
    """constant + sum of factor * form, made at once."""
    pads: dict[int, Ext] = {}
    witness: list[WitnessTerm] = []
    for factor, form in terms:
        constant = constant + factor * form.constant
        for key, coefficient in form.pads.items():
            old = pads.get(key)
            pads[key] = factor * coefficient if old is None else old + factor * coefficient
        witness += [(factor * coefficient, column, at) for coefficient, column, at in form.witness]
    return Form(constant, pads, witness)


def total(forms: list[Form]) -> Form:
    """The sum of forms."""
    return combination(ZERO, [(ONE, form) for form in forms])
