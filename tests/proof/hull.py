"""The affine hull of conversations: every identity that all of them obey, at once.

Under fixed coins a conversation is a vector over F: its messages, its polynomials, the values at z, and its
opened columns. Some identities are bilinear in these, so the vector has the products that can occur: of the
two messages of a triple, of either with the row of the other's pad in an opened column, of LEFT and RIGHT in
an opened column and at z. All identities of a conversation are then affine in the vector, and nothing else
is. So the conversations of a prover with one fixed witness span an affine space, and a simulator must span
the same: no more, or an identity tells its conversations from real ones, and no less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_mul, ext_scale
from proofward.field.jit import kernel
from proofward.field.scalar import inverse, minus, times
from proofward.proof.algebra import element
from proofward.proof.commitment.ligero.layout import ExtensionRows
from proofward.proof.counter import Plan
from proofward.proof.forms import LEFT, RIGHT, split_pad_key
from proofward.proof.party import Party
from proofward.proof.transcript import Challenger, Coins
from tests.proof.cheats import Region, RegionVerifier
from tests.proof.tableaux import code_of
from tests.proof.uniformity import COINS

Array = npt.NDArray[np.uint64]
_NO_FIELD_ELEMENTS = ("tableau root", "root of", "salts of", "siblings of")


@kernel("void(uint64[:, ::1], int64[::1], int64, int64)")
def _eliminate(matrix, rows, pivot, column):  # type: ignore[no-untyped-def]
    """Make the pivot 1 and clear its column in the rows listed after it."""
    top = matrix[rows[pivot], column:]
    factor = inverse(top[0])
    for j in range(top.size):
        top[j] = times(factor, top[j])
    for i in range(pivot + 1, rows.size):
        row = matrix[rows[i], column:]
        factor = row[0]
        if factor != 0:
            for j in range(row.size):
                row[j] = minus(row[j], times(factor, top[j]))


def rank(matrix: Array) -> int:
    """The rank over F, by elimination."""
    return ranks(matrix, matrix.shape[0])[1]


def ranks(matrix: Array, first: int) -> tuple[int, int]:
    """The rank of the first rows, and that of all.

    A pivot is looked for in the rows' order, so one of the others is taken only for a column in which all first
    rows are 0 by then: they are eliminated as if they were alone.
    """
    work, rows = np.array(matrix, order="C"), np.arange(matrix.shape[0])
    pivot = of_first = 0
    for column in range(work.shape[1]):
        candidates = np.flatnonzero(work[rows[pivot:], column])
        if candidates.size:
            chosen = pivot + int(candidates[0])
            of_first += int(rows[chosen] < first)
            rows[pivot : chosen + 1] = np.roll(rows[pivot : chosen + 1], 1)
            _eliminate(work, rows, pivot, column)
            pivot += 1
        if pivot == rows.size:
            break
    return of_first, pivot


def affine_dimension(vectors: Array) -> int:
    """The dimension of the affine hull of the rows."""
    return affine_dimensions(vectors, vectors[:0])[0]


def affine_dimensions(vectors: Array, more: Array) -> tuple[int, int]:
    """The dimensions of the affine hulls of some rows, and of these with more."""
    together = np.concatenate([vectors, more])
    ones = np.ones((together.shape[0], 1), dtype=np.uint64)
    of_first, of_all = ranks(np.concatenate([ones, together], axis=1), vectors.shape[0])
    return of_first - 1, of_all - 1


def same_hull(one: Array, two: Array) -> bool:
    """Whether the rows of both span the same affine space."""
    dimension, with_other = affine_dimensions(one, two)
    return dimension == affine_dimension(two) == with_other


@dataclass(frozen=True)
class Shape:
    """Where the words of a conversation are, for one script under the fixed coins."""

    plan: Plan
    regions: list[Region]
    triples: list[int]
    padded: str

    @staticmethod
    def of(conversation: bytes, script: Callable[[Party], None], plan: Plan) -> Shape:
        """From a conversation, which must be accepted. `triples`: the numbers of the triples' first messages."""
        listener = _Listener(Coins(COINS), plan, conversation)
        listener.run(script, 0)
        padded = next(tableau.name for tableau in listener.commitments if tableau.padded)
        return Shape(plan, listener.regions, listener.triples, padded)

    def vector(self, conversation: bytes, products: bool = True) -> Array:
        """A conversation as a vector; the products of its words are the last entries."""
        words: dict[str, Array] = {}
        for region in self.regions:
            if not region.what.startswith(_NO_FIELD_ELEMENTS):
                part = np.frombuffer(conversation[region.start : region.stop], dtype="<u8").astype(np.uint64)
                words[region.what] = (
                    np.concatenate([words[region.what], part]) if region.what in words else part
                )
        if not products:
            return np.concatenate(list(words.values()))
        opened = words[f"columns of {self.padded}"].reshape(code_of(self.plan).queries, -1)
        messages, values = _elements(words["padded message"]), _elements(words["out-of-domain evaluations"])
        bilinear = [ext_mul(_pick(values, 1), _pick(values, 2)), *self._products(messages, opened)]
        return np.concatenate([*words.values(), *(product.reshape(-1) for product in bilinear)])

    def _products(self, messages: Array, opened: Array) -> list[Array]:
        plan = self.plan
        rows = ExtensionRows(code_of(plan).log_k, plan.pads, plan.products)
        first = opened.shape[1] - 2 * rows.count

        def row(kind: int, index: int) -> Array:
            start = first + 2 * rows.product_row(kind, index)
            return np.ascontiguousarray(opened[:, start : start + 2].T)

        products = [ext_mul(row(LEFT, i), row(RIGHT, i)) for i in range(rows.product_rows)]
        for number, position in enumerate(self.triples):
            index = number >> code_of(plan).log_k
            left, right = messages[:, [position]], messages[:, [position + 1]]
            products.append(ext_mul(left, right))
            products.append(ext_scale(row(RIGHT, index), element(left, 0)))
            products.append(ext_scale(row(LEFT, index), element(right, 0)))
        return products


class _Listener(RegionVerifier):
    """Notes which messages are the two of a triple."""

    def __init__(self, challenger: Challenger, plan: Plan, proof: bytes) -> None:
        super().__init__(challenger, plan, proof)
        self.triples: list[int] = []
        self._said = 0

    def _say(self, keys, values):  # type: ignore[no-untyped-def]
        if split_pad_key(keys[0])[0] == LEFT:
            self.triples.append(self._said)
        self._said += len(keys)
        return super()._say(keys, values)


def _elements(words: Array) -> Array:
    return np.ascontiguousarray(words.reshape(-1, 2).T)


def _pick(values: Array, offset: int) -> Array:
    """Of every triple at z, the element at this offset."""
    return np.ascontiguousarray(values[:, offset::3])
