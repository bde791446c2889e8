"""The verifier: runs a script on proof bytes alone and refuses with the name of the failing check.

The length is compared with the plan's before the script runs. Then it parses as it goes: every element must
be canonical, every length is fixed by the statement and the queries, and no byte may be left over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.extension import Ext, ext_add, zeros
from proofward.field.goldilocks import is_canonical
from proofward.field.ntt import low_degree_extend
from proofward.field.scalar import P
from proofward.proof.counter import Plan
from proofward.proof.errors import ProofRejected
from proofward.proof.layout import ExtensionRows, Layout
from proofward.proof.merkle import HASH_BYTES, SALT_BYTES, check_opening, leaf_hash, sibling_count
from proofward.proof.opening import open_tableaux
from proofward.proof.party import ColumnClaims, OpeningWitness, Party
from proofward.proof.soundness import Soundness
from proofward.proof.transcript import NONCE_BYTES, Challenger, Label

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is known of every valid proof: how sound it is, with the work that was checked."""

    soundness: Soundness

    @property
    def soundness_bits(self) -> float:
        """Of the interactive proof."""
        return self.soundness.bits


class Verifier(Party):
    """A party with proof bytes; `plan` is the counter's for the same script."""

    def __init__(self, challenger: Challenger, plan: Plan, proof: bytes) -> None:
        super().__init__(challenger, plan.code, plan.grinding)
        self._plan = plan
        self._proof = memoryview(proof)
        self._position = 0

    def run(self, script: Callable[[Party], None], policy_bits: float) -> None:
        """Raise ProofRejected unless the bytes prove the script's statement.

        Raises SoundnessBelowPolicy unless the statement has `policy_bits`, with the work that the proof has.
        The length is compared first, so that a few bytes cost nothing that grows with what they claim.
        """
        self._plan.proof_length.check(len(self._proof))
        try:
            script(self)
            open_tableaux(self)
        except ZeroDivisionError:
            raise ProofRejected(
                "challenge", "a challenge was zero, which happens with probability 2^-128"
            ) from None
        if self._position != len(self._proof):
            raise ProofRejected("length", f"expected {self._position} bytes, got {len(self._proof)}")
        self.soundness.require(policy_bits)

    def _take(self, count: int, what: str) -> memoryview:
        if self._position + count > len(self._proof):
            left = len(self._proof) - self._position
            raise ProofRejected(
                "length", f"{what} at byte {self._position}: expected {count} bytes, got {left}"
            )
        part = self._proof[self._position : self._position + count]
        self._position += count
        return part

    def _elements(self, count: int, what: str) -> Array:
        start = self._position
        values = np.frombuffer(self._take(8 * count, what), dtype="<u8").astype(np.uint64)
        if not is_canonical(values):
            bad = int(np.argmax(values >= np.uint64(P)))
            raise ProofRejected(
                "encoding",
                f"{what} at byte {start + 8 * bad}: expected an element below {P}, got {int(values[bad])}",
            )
        return values

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        heard = self._elements(2 * len(keys), "padded message")
        return [Ext(int(heard[2 * i]), int(heard[2 * i + 1])) for i in range(len(keys))]

    def nonce(self) -> bytes:
        return bytes(self._take(NONCE_BYTES, "nonce"))

    def _commit(self, layout: Layout, padded: bool) -> bytes:
        return bytes(self._take(HASH_BYTES, "tableau root"))

    def _reopen(self, layout: Layout, source: Callable[[], object]) -> None:
        return None

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[OpeningWitness], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        values = self._elements(2 * length, label.value.decode())
        self.challenger.absorb(label, values.astype("<u8", copy=False).tobytes())
        return np.ascontiguousarray(values.reshape(length, 2).T)

    def open_columns(self, indices: list[int], claims: ColumnClaims) -> None:
        extension = ExtensionRows(self.code.log_k, self.pads, self.products)
        found = zeros(len(indices))
        for own, tableau in zip(claims.weights, self.tableaux, strict=True):
            rows = tableau.layout.rows + 2 * extension.count * tableau.padded
            columns = self._elements(len(indices) * rows, f"columns of {tableau.name}").reshape(
                len(indices), rows
            )
            salts = self._take(SALT_BYTES * len(indices), f"salts of {tableau.name}")
            siblings = self._take(
                HASH_BYTES * sibling_count(indices, self.code.log_n), f"siblings of {tableau.name}"
            )
            leaves = [
                leaf_hash(
                    bytes(salts[SALT_BYTES * i : SALT_BYTES * (i + 1)]),
                    columns[i].astype("<u8", copy=False).tobytes(),
                )
                for i in range(len(indices))
            ]
            check_opening(tableau.root, self.code.log_n, indices, leaves, bytes(siblings))
            found = ext_add(found, combine_rows(own, np.ascontiguousarray(columns.T)))
        expected = low_degree_extend(claims.combined, self.code.n)[:, indices]
        if not np.array_equal(found, expected):
            bad = indices[int(np.argmax((found != expected).any(axis=0)))]
            raise ProofRejected("column queries", f"column {bad} does not combine to the combined row")
