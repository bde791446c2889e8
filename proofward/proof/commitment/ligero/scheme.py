"""The scheme's side of the contract: what each party does, from the parts in this folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from proofward.field.contract import combine_rows
from proofward.field.extension import ext_add, zeros
from proofward.field.goldilocks import random_field
from proofward.field.narrow import Narrow
from proofward.proof.commitment import contract
from proofward.proof.commitment.contract import (
    Array,
    Commitment,
    Conversation,
    Counts,
    PadCounts,
    Reader,
    Rng,
    Root,
    Scheme,
    Writer,
)
from proofward.proof.commitment.ligero.choice import choose_codes
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.committed import Committed, fits
from proofward.proof.commitment.ligero.counts import count_opening, enter_errors
from proofward.proof.commitment.ligero.delivery import Delivery, InTheClear
from proofward.proof.commitment.ligero.heard import HeardColumns, opened_columns
from proofward.proof.commitment.ligero.layout import ExtensionRows, Layout, OpenedRows
from proofward.proof.commitment.ligero.merkle import HASH_BYTES, SALT_BYTES, check_opening, sibling_count
from proofward.proof.commitment.ligero.opening import ColumnClaims, OpeningWitness, combine
from proofward.proof.commitment.ligero.pads import DrawnPads, draw_pads
from proofward.proof.commitment.ligero.rows import PlacedRows, Rows
from proofward.proof.commitment.ligero.simulated import OpenedColumns, SimulatedTableau
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.commitment.ligero.witness import OpenedWitness
from proofward.proof.commitment.opened import tell
from proofward.proof.soundness import Soundness


@dataclass(frozen=True)
class Ligero(Scheme):
    """Commitments are tableaux of one code."""

    code: CodeParameters
    vector: VectorCode | None = None
    """Of the polynomials of an opening, where they are committed."""

    def __post_init__(self) -> None:
        if self.vector is not None and not fits(self.code, self.vector):
            raise ValueError(f"rows of {self.vector} for the polynomials of {self.code}")

    @classmethod
    def choose(cls, values: int, security_bits: int, openings: int) -> Ligero:
        return cls(*choose_codes(values, security_bits, openings))

    @classmethod
    def from_bytes(cls, data: bytes) -> CommittedTableau:
        return CommittedTableau.from_bytes(data)

    @property
    def openings(self) -> int:
        return self.code.openings

    def count(
        self, commitments: Sequence[Commitment], pads: PadCounts, constraints: int, soundness: Soundness
    ) -> Counts:
        product_rows = ExtensionRows(self.code.log_k, pads.pads, pads.products).product_rows
        enter_errors(soundness, self.code, self.vector, constraints, product_rows)
        return count_opening(self.code, self.vector, commitments, pads)

    def commit(self, columns: Sequence[Narrow], rng: Rng) -> CommittedTableau:
        layout = self._layout([(column.size - 1).bit_length() for column in columns])
        return self._commit_rows(PlacedRows(layout, columns), rng)

    def commit_padded(
        self, columns: Sequence[Narrow], pads: PadCounts, rng: Rng
    ) -> tuple[CommittedTableau, DrawnPads]:
        layout = self._layout([(column.size - 1).bit_length() for column in columns])
        rows = ExtensionRows(self.code.log_k, pads.pads, pads.products)
        data = PlacedRows(layout, columns, more=2 * rows.count)
        drawn = self._draw_pads(rows, rng)
        planes = drawn.reshape(2, rows.count, self.code.k)
        data.behind[::2], data.behind[1::2] = planes
        return self._commit_rows(data, rng), DrawnPads(rows, drawn)

    def _layout(self, log_sizes: Sequence[int]) -> Layout:
        return Layout(self.code.log_k, log_sizes)

    def _draw_pads(self, rows: ExtensionRows, rng: Rng) -> Array:
        return draw_pads(rows, rng)

    def _commit_rows(self, data: Rows | Array, rng: Rng) -> CommittedTableau:
        """Commit to data with fresh blinding and salts."""
        count = len(data)
        blinding = random_field(count * self.code.blinding, rng).reshape(count, self.code.blinding)
        return CommittedTableau(self.code, data, blinding, rng(32))

    def reopen(self, kept: object, log_sizes: Sequence[int]) -> CommittedTableau:
        tableau, expected = cast(CommittedTableau, kept), self._layout(log_sizes).rows
        if tableau.rows != expected or tableau.code != self.code:
            raise ValueError(f"{tableau.rows} rows, {tableau.code}; expected {expected}, {self.code}")
        return tableau

    def open(self, party: Writer, committed: Sequence[contract.Committed]) -> None:
        tableaux, rows = cast("Sequence[CommittedTableau]", committed), self._rows(party)
        known = OpenedWitness(self.code, tableaux, rows)
        delivery = self._delivery(party, rows)
        indices, _ = combine(party, delivery, rows, lambda: known)
        self._show_columns(party, tableaux, indices)
        delivery.agree(indices, None)

    def verify(self, party: Reader) -> None:
        rows = self._rows(party)
        indices, claims = combine(party, self._delivery(party, rows), rows, _nobody)
        self._check_columns(party, indices, claims)

    def imitate(self, log_sizes: Sequence[int], rng: Rng, pads: PadCounts | None = None) -> SimulatedTableau:
        rows = self._layout(log_sizes).rows
        if pads is not None:
            rows += 2 * ExtensionRows(self.code.log_k, pads.pads, pads.products).count
        return SimulatedTableau(rows, self.code.n, rng)

    def simulate(self, party: Writer, imitated: Sequence[Root]) -> None:
        tableaux, rows = cast("Sequence[SimulatedTableau]", imitated), self._rows(party)
        delivery = self._delivery(party, rows)
        indices, claims = combine(party, delivery, rows, _nobody)
        columns = OpenedColumns(self.code, tableaux, claims.rows, indices)
        columns.agree_with_linear_polynomial(claims)
        columns.agree_with_quotient(claims)
        columns.agree_with_combined_row(claims)
        self._show_columns(party, tableaux, indices)
        delivery.agree(indices, None)

    def _rows(self, party: Conversation) -> OpenedRows:
        return OpenedRows(self.code.log_k, party.commitments, party.pad_counts)

    def _delivery(self, party: Conversation, rows: OpenedRows) -> Delivery:
        """How the polynomials of an opening are said; enters the opening's errors."""
        constraints, products = len(party.constraints), rows.extension.product_rows
        enter_errors(party.soundness, self.code, self.vector, constraints, products)
        if self.vector is None:
            return InTheClear(party, self.code)
        return Committed(party, self.code, self.vector)

    def _show_columns(
        self, party: Writer, tableaux: Sequence[CommittedTableau | SimulatedTableau], indices: list[int]
    ) -> None:
        """Of every tableau its columns, their salts, and the siblings in its tree."""
        for tableau in tableaux:
            party.write(tableau.opened(indices).astype("<u8", copy=False).tobytes())
            party.write(b"".join(tableau.salt(i) for i in indices))
            party.write(tableau.tree.open(indices))

    def _check_columns(self, party: Reader, indices: list[int], claims: ColumnClaims) -> None:
        """They are in the committed trees, and combine to the combined row."""
        found, all_heard = zeros(len(indices)), []
        for own, commitment in zip(claims.weights, party.commitments, strict=True):
            heard = self._hear_columns(party, commitment, indices, own.shape[1])
            found = ext_add(found, combine_rows(own, np.ascontiguousarray(heard.columns.T)))
            all_heard.append(heard)
        roots = [commitment.root for commitment in party.commitments]
        depth, row = self.code.log_n, claims.delivery.combined
        tell(lambda: opened_columns(depth, roots, indices, claims.weights, all_heard, found, row))
        claims.delivery.agree(indices, found)

    def _hear_columns(
        self, party: Reader, commitment: Commitment, indices: list[int], rows: int
    ) -> HeardColumns:
        """The opened columns of one tableau, checked against its root."""
        count, depth, name = len(indices), self.code.log_n, commitment.name
        columns = party.take_elements(count * rows, f"columns of {name}").reshape(count, rows)
        salts = party.take(SALT_BYTES * count, f"salts of {name}")
        siblings = party.take(HASH_BYTES * sibling_count(indices, depth), f"siblings of {name}")
        heard = HeardColumns(columns, bytes(salts), bytes(siblings))
        check_opening(commitment.root, depth, indices, heard.leaves(), heard.siblings)
        return heard


def _nobody() -> OpeningWitness:
    raise AssertionError("only a prover knows the rows")
