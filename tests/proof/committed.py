"""A toy statement whose opening commits to its polynomials, and provers that forge what is said for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.extension import Ext, ext_add
from proofward.field.scalar import P
from proofward.proof.algebra import add_at
from proofward.proof.claims import Tables
from proofward.proof.commitment.contract import Conversation
from proofward.proof.commitment.ligero.batch import Batch
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.committed import Committed
from proofward.proof.commitment.ligero.delivery import Delivery, PointClaim
from proofward.proof.commitment.ligero.layout import OpenedRows
from proofward.proof.commitment.ligero.opening import combine
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.vector import CommittedVector
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.commitment.ligero.witness import OpenedWitness
from proofward.proof.commitment.ligero.words import HashedMatrix
from proofward.proof.counter import Counter
from proofward.proof.forms import ONE, ZERO
from proofward.proof.prover import Prover
from proofward.proof.sumcheck import Summation
from proofward.proof.transcript import Label, Transcript
from tests.proof.cheats import Forger, RegionVerifier
from tests.proof.tableaux import committing_by
from tests.proof.toy import seeded, toy, toy_witness

Array = npt.NDArray[np.uint64]

SCHEME = Ligero(CodeParameters(log_k=6, log_n=9, queries=48, openings=1), VectorCode(4, 8, 40))
PLAN = Counter(SCHEME).run(lambda party: toy(party, None))
WITNESS = (*toy_witness(3), toy_witness(3)[1] ** 2)


def told(prover: type[Prover] = Prover, witness: tuple[Any, ...] = WITNESS, seed: int = 1) -> bytes:
    return prover(Transcript(b"toy"), PLAN, seeded(seed)).run(lambda party: toy(party, witness))


def verify(proof: bytes, statement: bytes = b"toy") -> RegionVerifier:
    verifier = RegionVerifier(Transcript(statement), PLAN, proof)
    verifier.run(lambda party: toy(party, None), 20)
    return verifier


def plus_one(values: Array, position: int, plane: int = 0) -> Array:
    """An E-array with 1 added to one limb."""
    changed = values.copy()
    where = position % values.shape[1]
    changed[plane, where] = (int(values[plane, where]) + 1) % P
    return changed


def changing_kept(number: int, position: int, base: type[Forger] = Forger) -> type[Forger]:
    """A forger of p, q or V, the number-th that it keeps; it makes p and V agree with claims A and B."""

    class ChangesKept(base):  # type: ignore[misc,valid-type]
        kept = 0

        def keep(self, length: int, compute: Any, consistent: Any) -> Array:
            own, self.kept = self.kept, self.kept + (length > 8)
            change = own == number and length > 8
            return super().keep(
                length, (lambda: plus_one(compute(), position)) if change else compute, consistent
            )

    return ChangesKept


def changing_said(
    label: Label, number: int, change: Callable[[Any], Any], base: type[Prover] = Prover
) -> type[Prover]:
    """A prover that does not check itself and changes what it says, the number-th time it says such."""

    class ChangesSaid(base):  # type: ignore[misc,valid-type]
        said = 0

        def check(self, name: str, sides: Any) -> None:
            del name, sides

        def _now(self, own: Label) -> bool:
            now = own is label and self.said == number
            self.said += own is label
            return now

        def exchange(self, own: Label, length: int, compute: Any, consistent: Any) -> Array:
            now = self._now(own)
            return super().exchange(
                own, length, (lambda: change(compute())) if now else compute, consistent
            )

        def exchange_bytes(self, own: Label, length: int, compute: Any) -> bytes:
            now = own in (Label.POLYNOMIALS, Label.VECTOR_SIBLINGS) and self._now(own)
            return super().exchange_bytes(own, length, (lambda: change(compute())) if now else compute)

    return ChangesSaid


def delivering(
    delivery: type[Committed], base: type[Prover] = Forger, scheme: type[Ligero] = Ligero
) -> type[Prover]:
    """A prover whose polynomials are delivered by another class, and perhaps its columns by another scheme."""

    class Delivering(scheme):  # type: ignore[misc,valid-type]
        def _delivery(self, party: Conversation, rows: OpenedRows) -> Delivery:
            assert self.vector is not None
            super()._delivery(party, rows)
            return delivery(party, self.code, self.vector)

        def open(self, party: Any, committed: Any) -> None:
            """As the scheme does, but the claims are on what the opened columns really combine to."""
            rows = self._rows(party)
            known = OpenedWitness(self.code, committed, rows)
            indices, claims = combine(party, self._delivery(party, rows), rows, lambda: known)
            self._show_columns(party, committed, indices)
            columns = [np.ascontiguousarray(own.opened(indices).T) for own in committed]
            parts = [combine_rows(*both) for both in zip(claims.weights, columns, strict=True)]
            claims.delivery.agree(indices, reduce(ext_add, parts))

    class Recalling(base):  # type: ignore[misc,valid-type]
        last = ZERO

        def challenge(self) -> Ext:
            self.last = super().challenge()
            return self.last

    return committing_by(Delivering, Recalling)


class _ForgingVector(CommittedVector):
    """Says a row that fits a value which is `excess` too large."""

    excess = ZERO

    def prove_value(self, point: Any, value: Any) -> Ext:
        self.first = reduce(lambda product, r: product * (ONE - r), point[-self._code.log_k :], ONE)
        return super().prove_value(point, value)

    def _hear(self, label: Label, length: int, compute: Callable[[], Array]) -> Array:
        def fitting() -> Array:
            row = compute()
            if label is Label.VECTOR_ROW:
                alpha: Ext = self._party.last  # type: ignore[attr-defined]
                add_at(row, 0, alpha * self.excess * self.first.inverse())
            return row

        return super()._hear(label, length, fitting)


class CarriesOn(Committed):
    """Carries a false claim through the sumcheck, to the value that the verifier asks for, and to the row."""

    def __init__(self, party: Any, code: Any, vector_code: Any) -> None:
        super().__init__(party, code, vector_code)
        self._vector: _ForgingVector = _ForgingVector(party, vector_code, self._variables)

    def _sumcheck(self, batch: Batch) -> tuple[list[Ext], Ext, Callable[[], Ext]]:
        point, claimed, known = super()._sumcheck(batch)
        forged = claimed * batch.at_point(point).inverse()
        self._vector.excess = forged - known()
        return point, claimed, lambda: forged


class ChoosesLate(Committed):
    """Commits to another V, and takes the right one when the columns are known."""

    def combined_row(self, claim: PointClaim, compute: Any) -> None:
        super().combined_row(claim, lambda: plus_one(compute(), 3))
        self._right = self.party.keep(self._blocks[2].length, compute, self.with_value(claim))

    def agree(self, indices: list[int], found: Array | None) -> None:
        self.combined = self._right
        self._exchanged(self._vector._parts[-1])
        super().agree(indices, found)

    def _exchanged(self, part: Any) -> None:
        del part


class ExchangesLate(ChoosesLate):
    """Also opens columns of the right one."""

    def _exchanged(self, part: Any) -> None:
        matrix = self._vector._commit([self.combined])  # type: ignore[list-item]
        self._vector._parts[-1] = replace(part, matrix=matrix)


class TellsOtherColumns(Committed):
    """Draws lambda, and states the claims, for another value in one column."""

    def agree(self, indices: list[int], found: Array | None) -> None:
        assert found is not None
        super().agree(indices, plus_one(found, 5))


class _SpoiledWords(HashedMatrix):
    def _words(self, start: int, stop: int) -> Array:
        words, half = super()._words(start, stop), self._n // 2
        if start == 0:
            words[0, :half] = (words[0, :half].astype(object) + 1) % P
        return words


def far_from_the_code(number: int) -> type[Committed]:
    """Commits to a matrix, the number-th, with one row that is no codeword in half of the columns."""

    class Vector(CommittedVector):
        def _commit(self, values: Any) -> HashedMatrix:
            honest = super()._commit(values)
            if len(self._parts) != number:
                return honest
            return _SpoiledWords(honest.coefficients, honest._n, honest._salts)

    class FarFromCode(Committed):
        def __init__(self, party: Any, code: Any, vector_code: Any) -> None:
            super().__init__(party, code, vector_code)
            self._vector = Vector(party, vector_code, self._variables)

    return FarFromCode


class FillsTheRest(Committed):
    """Fills what the rows have room for behind the polynomials; nothing is claimed of it."""

    def __init__(self, party: Any, code: Any, vector_code: Any) -> None:
        super().__init__(party, code, vector_code)
        self._vector = _Filled(party, vector_code, self._variables)

    def _summation(self, batch: Batch) -> Summation:
        """Of all entries, with those that are filled."""
        padded = [filled(values, self._vector._code.k) for values in (self.p, self.q, self.combined)]
        vector = np.zeros((2, 1 << self._variables), dtype=np.uint64)
        for block, values in zip(self._blocks, padded, strict=True):
            vector[:, block.offset : block.offset + values.shape[1]] = values
        return Summation(Tables([(vector, batch.table(self._variables))]), [(ONE, ONE)] * self._variables)


def filled(values: Any, k: int) -> Array:
    """Up to the end of the last row with something else than zeros."""
    return np.pad(values, ((0, 0), (0, -values.shape[1] % k)), constant_values=5)


class _Filled(CommittedVector):
    def _commit(self, values: Any) -> HashedMatrix:
        return super()._commit([filled(array, self._code.k) for array in values])
