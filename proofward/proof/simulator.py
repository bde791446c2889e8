"""The simulator: writes accepted conversations without a witness, which is what zero knowledge means.

It talks to an interactive verifier whose coins it may draw itself (`transcript.Coins`); it never sees a
witness. Every padded message, p, q, V
and every opened column is uniform, made consistent with the public checks in the one coordinate that the
prover's masks leave free:
p in its sum over H, V in its value at z, the columns in the entries of the combined row's mask. That is the
distribution of a prover's
conversation: exactly, but for columns that are not opened, which are hidden by the salted hash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.extension import Ext, ext_add, ext_sub, zeros
from proofward.field.goldilocks import random_field
from proofward.field.ntt import low_degree_extend
from proofward.proof.counter import Plan
from proofward.proof.layout import MASK_ROW, ExtensionRows, Layout
from proofward.proof.merkle import SALT_BYTES, MerkleTree, leaf_hash
from proofward.proof.opening import open_tableaux
from proofward.proof.party import OpeningWitness, Party
from proofward.proof.tableau import Rng
from proofward.proof.transcript import Coins, Label

Array = npt.NDArray[np.uint64]


class SimulatedTableau:
    """A committed matrix of uniform columns: no code, no data."""

    def __init__(self, rows: int, columns: int, rng: Rng) -> None:
        self.columns = random_field(rows * columns, rng).reshape(columns, rows)
        self.salts = rng(SALT_BYTES * columns)
        self._tree: MerkleTree | None = None

    def salt(self, index: int) -> bytes:
        return self.salts[SALT_BYTES * index : SALT_BYTES * (index + 1)]

    @property
    def tree(self) -> MerkleTree:
        """The Merkle tree; columns are not changed after its first use."""
        if self._tree is None:
            self._tree = MerkleTree(
                [leaf_hash(self.salt(i), column.tobytes()) for i, column in enumerate(self.columns)]
            )
        return self._tree


class Simulator(Party):
    """A party with neither witness nor proof; its challenger must be `Coins`."""

    def __init__(self, challenger: Coins, plan: Plan, rng: Rng) -> None:
        super().__init__(challenger, plan.code)
        self.plan = plan
        self.rng = rng
        self.committed: list[SimulatedTableau] = []
        self._chunks: list[bytes | SimulatedTableau] = []

    def run(self, script: Callable[[Party], None]) -> bytes:
        """A conversation that a verifier with the same coins accepts."""
        script(self)
        open_tableaux(self)
        return b"".join(chunk if isinstance(chunk, bytes) else chunk.tree.root for chunk in self._chunks)

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        drawn = random_field(2 * len(keys), self.rng)
        self._chunks.append(drawn.astype("<u8").tobytes())
        return [Ext(int(drawn[2 * i]), int(drawn[2 * i + 1])) for i in range(len(keys))]

    def _commit(self, layout: Layout, padded: bool) -> bytes:
        rows = self.plan.tableau_rows[len(self.committed)]
        tableau = SimulatedTableau(rows, self.code.n, self.rng)
        self.committed.append(tableau)
        self._chunks.append(tableau)
        return bytes(32)

    def _reopen(self, layout: Layout, source: Callable[[], object]) -> None:
        self.committed.append(cast(SimulatedTableau, source()))

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[OpeningWitness], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        values = consistent(random_field(2 * length, self.rng).reshape(2, length))
        self._chunks.append(np.ascontiguousarray(values.T).astype("<u8").tobytes())
        return values

    def open_columns(self, indices: list[int], weights: list[Array], combined: Array) -> None:
        found = zeros(len(indices))
        for own, tableau in zip(weights, self.committed, strict=True):
            found = ext_add(found, combine_rows(own, np.ascontiguousarray(tableau.columns[indices].T)))
        correction = ext_sub(
            np.ascontiguousarray(low_degree_extend(combined, self.code.n)[:, indices]), found
        )
        rows = ExtensionRows(self.code.log_k, self.pads, self.products)
        for handle, tableau in zip(self.tableaux, self.committed, strict=True):
            if handle.padded:
                first = tableau.columns.shape[1] - 2 * rows.count + 2 * MASK_ROW
                mask = np.ascontiguousarray(tableau.columns[indices, first : first + 2].T)
                tableau.columns[indices, first : first + 2] = ext_add(mask, correction).T
        for tableau in self.committed:
            self._chunks.append(tableau.columns[indices].astype("<u8").tobytes())
            self._chunks.append(b"".join(tableau.salt(i) for i in indices))
            self._chunks.append(tableau.tree.open(indices))
