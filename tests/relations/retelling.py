"""Conversations of the real scripts that share coins and messages, and differ in all other randomness.

A script is run once. Then its tableaux are committed afresh, by the party's own code, and opened again and
again under the same coins. The pads are kept, hence the messages; the masks of the opening and the blinding of
every row are drawn anew. What is the same in all openings is computed once, and no hash, since none is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from proofward.field.extension import Ext, ext_mul, powers
from proofward.proof import algebra, opening, tableau
from proofward.proof.algebra import lagrange_at
from proofward.proof.counter import Plan
from proofward.proof.forms import LEFT, RIGHT
from proofward.proof.functional import Functional
from proofward.proof.layout import FIRST_PAD_ROW, ExtensionRows
from proofward.proof.merkle import HASH_BYTES
from proofward.proof.opening import open_tableaux
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.simulator import OpenedColumns, SimulatedTableau, Simulator
from proofward.proof.transcript import Coins
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS

Array = npt.NDArray[np.uint64]
Script = Callable[[Party], None]


class Remembered(Functional):
    """The functional of constraints that are the same in all retellings; its parts are computed once."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.large_terms = cache(super().large_terms)  # type: ignore[method-assign]
        self.dense_rows = cache(super().dense_rows)  # type: ignore[method-assign]
        self._at: Any = None

    def at(self, lagrange: Array) -> Any:
        if self._at is None:
            self._at = super().at(lagrange)
        return self._at


class NoTree:
    """Instead of a Merkle tree."""

    root = bytes(HASH_BYTES)

    def __init__(self, leaves: Any) -> None:
        del leaves

    def open(self, indices: list[int]) -> bytes:
        del indices
        return b""


@contextmanager
def only_what_is_compared() -> Iterator[None]:
    """Under fixed coins and messages all openings have one functional and one point z."""
    found: list[Remembered] = []
    interpolated: dict[bytes, Array] = {}

    def functional(*arguments: Any) -> Remembered:
        if not found:
            found.append(Remembered(*arguments))
        return found[0]

    def interpolate(columns: OpenedColumns, on_subgroup: Array) -> Array:
        key = on_subgroup.tobytes()
        if key not in interpolated:
            interpolated[key] = properly(columns, on_subgroup)
        return interpolated[key]

    properly = OpenedColumns._interpolated
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "Functional", functional)
        patch.setattr(opening, "lagrange_at", cache(lagrange_at))
        patch.setattr(algebra, "powers", cache(powers))
        patch.setattr(OpenedColumns, "_interpolated", interpolate)
        patch.setattr(tableau, "hash_leaves", lambda salts, rows: None)
        patch.setattr(tableau, "MerkleTree", NoTree)
        patch.setattr(SimulatedTableau, "tree", NoTree(None))
        yield


def drawing(seed: int) -> Callable[[int], bytes]:
    """A random source that is faster than `seeded`, for the many openings."""
    return np.random.default_rng(seed).bytes


def real(
    script: Script, plan: Plan, count: int, prover: type[Prover] = Prover, seed: int = 1
) -> tuple[list[Ext], Array]:
    """The messages of a prover's conversation, and its openings as vectors."""

    class Retelling(prover):  # type: ignore[misc,valid-type]
        told: list[Array]
        kept: Array | None = None

        def __init__(self) -> None:
            super().__init__(Coins(COINS), plan, seeded(seed))
            self.said: list[Ext] = []

        def _say(self, keys: list[int], values: Any) -> list[Ext]:
            sent = super()._say(keys, values)
            self.said += sent
            return sent

        def _extension_data(self) -> Array:
            drawn = super()._extension_data()
            if self.kept is not None:
                drawn[:, FIRST_PAD_ROW * self.code.k :] = self.kept[:, FIRST_PAD_ROW * self.code.k :]
            return drawn

        def exchange(self, *arguments: Any) -> Array:
            values = super().exchange(*arguments)
            self.told.append(values)
            return values

        def open_columns(self, indices: list[int], claims: Any) -> None:
            super().open_columns(indices, claims)
            self.told += [np.ascontiguousarray(tableau.columns[indices]) for tableau in self.committed]

        def again(self, coins: Coins, data: list[Array]) -> Array:
            self.challenger, self.told = deepcopy(coins), []
            self.committed, self._proof = [], bytearray()
            for handle, rows in zip(self.tableaux, data, strict=True):
                self._commit_again(handle, rows)
            open_tableaux(self)
            return _vector(self.told, plan, self.tableaux)

        def _commit_again(self, handle: Any, values: list[Array]) -> None:
            self._commit_values(handle.layout, values, handle.padded)

    party = Retelling()
    script(party)
    party.kept = party._values
    values = [
        [party._columns[(number, i)] for i in range(len(handle.layout.log_sizes))]
        for number, handle in enumerate(party.tableaux)
    ]
    coins, party.rng = deepcopy(party.challenger), drawing(seed)
    with only_what_is_compared():
        return party.said, np.stack([party.again(coins, values) for _ in range(count)])


def simulated(
    script: Script, plan: Plan, count: int, said: list[Ext], simulator: type[Simulator] = Simulator
) -> Array:
    """Simulated openings as vectors, after the same messages."""

    class Retelling(simulator):  # type: ignore[misc,valid-type]
        told: list[Array]

        def __init__(self) -> None:
            super().__init__(Coins(COINS), plan, seeded(10_000))
            self.left = iter(said)

        def _say(self, keys: list[int], values: Any) -> list[Ext]:
            return [next(self.left) for _ in keys]

        def exchange(self, *arguments: Any) -> Array:
            values = super().exchange(*arguments)
            self.told.append(values)
            return values

        def open_columns(self, indices: list[int], claims: Any) -> None:
            super().open_columns(indices, claims)
            self.told += [np.ascontiguousarray(tableau.columns[indices]) for tableau in self.committed]

        def again(self, coins: Coins) -> Array:
            self.challenger, self.told, self._chunks = deepcopy(coins), [], []
            self.committed = [SimulatedTableau(rows, plan.code.n, self.rng) for rows in plan.tableau_rows]
            open_tableaux(self)
            return _vector(self.told, plan, self.tableaux)

    party = Retelling()
    script(party)
    coins, party.rng = deepcopy(party.challenger), drawing(10_000)
    with only_what_is_compared():
        return np.stack([party.again(coins) for _ in range(count)])


def _vector(told: list[Array], plan: Plan, tableaux: Any) -> Array:
    """What an opening says, and the products that an identity of it can contain."""
    rows = ExtensionRows(plan.code.log_k, plan.pads, plan.products)
    values = told[2]
    products = [ext_mul(np.ascontiguousarray(values[:, 1::3]), np.ascontiguousarray(values[:, 2::3]))]
    number = next(i for i, handle in enumerate(tableaux) if handle.padded)
    opened, first = told[4 + number], tableaux[number].layout.rows

    def row(kind: int, index: int) -> Array:
        start = first + 2 * rows.product_row(kind, index)
        return np.ascontiguousarray(opened[:, start : start + 2].T)

    products += [ext_mul(row(LEFT, i), row(RIGHT, i)) for i in range(rows.product_rows)]
    return np.concatenate([part.reshape(-1) for part in told + products])


def dimension(plan: Plan) -> int:
    """The words of an opening less those that its equations bind, counted by hand.

    p has a known sum over H, V a known value at z, and three masks are bound in every opened column.
    """
    code = plan.code
    rows = ExtensionRows(code.log_k, plan.pads, plan.products)
    polynomials = (code.k + code.dimension - 1) + (2 * code.dimension - code.k) + (code.dimension - 1)
    values = 1 + 3 * rows.product_rows
    bilinear = (1 + code.queries) * rows.product_rows
    return 2 * (polynomials + values + bilinear) + code.queries * (sum(plan.tableau_rows) - 6)
