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
from proofward.proof import algebra
from proofward.proof.algebra import lagrange_at
from proofward.proof.commitment.contract import Rng
from proofward.proof.commitment.ligero import opening, words
from proofward.proof.commitment.ligero.functional import Functional
from proofward.proof.commitment.ligero.layout import FIRST_PAD_ROW, ExtensionRows
from proofward.proof.commitment.ligero.merkle import HASH_BYTES
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.simulated import OpenedColumns, SimulatedTableau
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.counter import Plan
from proofward.proof.forms import LEFT, RIGHT
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from tests.proof.tableaux import code_of, extension_rows, like, tableau_rows
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
        patch.setattr(CommittedTableau, "_leaves", lambda tableau: None)
        patch.setattr(words, "MerkleTree", NoTree)
        patch.setattr(SimulatedTableau, "tree", NoTree(None))
        yield


def telling(scheme: type[Ligero], party: Any) -> Ligero:
    """The party's scheme, which tells opened columns; a prover's draws no new pads once they are kept."""

    class Telling(scheme):  # type: ignore[misc,valid-type]
        def _draw_pads(self, rows: ExtensionRows, rng: Rng) -> Array:
            drawn, pads = super()._draw_pads(rows, rng), slice(FIRST_PAD_ROW * self.code.k, None)
            if party.kept is not None:
                drawn[:, pads] = party.kept[:, pads]
            return drawn

        def _show_columns(self, to: Any, tableaux: Any, indices: list[int]) -> None:
            super()._show_columns(to, tableaux, indices)
            party.told += [np.ascontiguousarray(tableau.opened(indices)) for tableau in tableaux]

    return like(Telling, party.scheme)


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
            self.scheme = telling(type(self.scheme), self)

        def _say(self, keys: list[int], values: Any) -> list[Ext]:
            sent = super()._say(keys, values)
            self.said += sent
            return sent

        def exchange(self, *arguments: Any) -> Array:
            values = super().exchange(*arguments)
            self.told.append(values)
            return values

        def again(self, coins: Coins, data: list[list[Array]]) -> Array:
            self.challenger, self.told = deepcopy(coins), []
            self.committed, self._proof = [], bytearray()
            for own, columns in zip(self.commitments, data, strict=True):
                self.committed.append(self._commit_columns(columns, own.padded))
            self.scheme.open(self, self.committed)
            return _vector(self.told, plan, self.commitments)

    party = Retelling()
    script(party)
    party.kept = party._pads.drawn
    values = [
        [party._columns[(number, i)] for i in range(len(own.log_sizes))]
        for number, own in enumerate(party.commitments)
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
            self.scheme = telling(type(self.scheme), self)

        def _say(self, keys: list[int], values: Any) -> list[Ext]:
            return [next(self.left) for _ in keys]

        def exchange(self, *arguments: Any) -> Array:
            values = super().exchange(*arguments)
            self.told.append(values)
            return values

        def again(self, coins: Coins) -> Array:
            self.challenger, self.told, self._chunks = deepcopy(coins), [], []
            self.committed = [SimulatedTableau(rows, code_of(plan).n, self.rng) for rows in tableau_rows(plan)]
            self.scheme.simulate(self, self.committed)
            return _vector(self.told, plan, self.commitments)

    party = Retelling()
    script(party)
    coins, party.rng = deepcopy(party.challenger), drawing(10_000)
    with only_what_is_compared():
        return np.stack([party.again(coins) for _ in range(count)])


def _vector(told: list[Array], plan: Plan, commitments: Any) -> Array:
    """What an opening says, and the products that an identity of it can contain."""
    rows = extension_rows(plan)
    values = told[2]
    products = [ext_mul(np.ascontiguousarray(values[:, 1::3]), np.ascontiguousarray(values[:, 2::3]))]
    number = next(i for i, own in enumerate(commitments) if own.padded)
    opened, first = told[4 + number], tableau_rows(plan)[number] - 2 * rows.count

    def row(kind: int, index: int) -> Array:
        start = first + 2 * rows.product_row(kind, index)
        return np.ascontiguousarray(opened[:, start : start + 2].T)

    products += [ext_mul(row(LEFT, i), row(RIGHT, i)) for i in range(rows.product_rows)]
    return np.concatenate([part.reshape(-1) for part in told + products])


def dimension(plan: Plan) -> int:
    """The words of an opening less those that its equations bind, counted by hand.

    p has a known sum over H, V a known value at z, and three masks are bound in every opened column.
    """
    code = code_of(plan)
    rows = extension_rows(plan)
    polynomials = (code.k + code.dimension - 1) + (2 * code.dimension - code.k) + (code.dimension - 1)
    values = 1 + 3 * rows.product_rows
    bilinear = (1 + code.queries) * rows.product_rows
    return 2 * (polynomials + values + bilinear) + code.queries * (sum(tableau_rows(plan)) - 6)
