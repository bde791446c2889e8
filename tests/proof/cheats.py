"""Dishonest provers, and parties that record: what the tests of soundness are made of.

A `Forger` does not check itself and makes every array agree with the public checks, as the simulator does, so
a false statement is stopped only by what the verifier cannot be talked out of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar
from unittest import mock

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.narrow import widened
from proofward.field.scalar import P
from proofward.proof.commitment.contract import Rng, Scheme
from proofward.proof.commitment.ligero.layout import ExtensionRows
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.tableau import CommittedTableau
from proofward.proof.counter import Counter, Plan
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.forms import PRODUCT, Column
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Label
from proofward.proof.verifier import Verifier
from tests.proof.tableaux import committing_by

Array = npt.NDArray[np.uint64]
Script = Callable[[Party], object]


class Recorder(Prover):
    """An honest prover whose columns can be read afterwards."""

    last: Recorder

    def run(self, script: Callable[[Party], None]) -> bytes:
        type(self).last = self
        return super().run(script)

    @property
    def columns(self) -> dict[tuple[int, int], Array]:
        return {key: widened(own) for key, own in self._columns.items()}


class Forger(Prover):
    """A prover of whatever it is given.

    `fallback` has columns of an honest run, for multiplicities that cannot be counted.
    """

    fallback: ClassVar[dict[tuple[int, int], Array]] = {}

    def check(self, name: str, sides: Callable[[], tuple[Ext, Ext]]) -> None:
        del name, sides

    def keep(
        self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]
    ) -> Array:
        return super().keep(length, lambda: consistent(compute()), consistent)

    def values(self, column: Column) -> Array:
        key = (column.commitment, column.index)
        if key not in self._columns:
            try:
                value = super().values(column)
            except WitnessError:
                value = self.fallback[key]
            self._columns[key] = self.alter(column, value)
        return self._columns[key]

    def alter(self, column: Column, value: Array) -> Array:
        """What is committed in place of a column."""
        del column
        return value


def changing_entry(
    target: tuple[int, int], position: int, fallback: dict[tuple[int, int], Array]
) -> type[Forger]:
    """A forger that adds 1 to one entry of one column before it commits."""

    class ChangesEntry(Forger):
        def alter(self, column: Column, value: Array) -> Array:
            if (column.commitment, column.index) == target:
                value = value.copy()
                value[position] = (int(value[position]) + 1) % P
            return value

    ChangesEntry.fallback = fallback
    return ChangesEntry


def replacing_columns(
    columns: dict[str, npt.NDArray[np.int64]], fallback: dict[tuple[int, int], Array]
) -> type[Forger]:
    """A forger that commits to other columns, given by name as signed integers."""

    class ReplacesColumns(Forger):
        def alter(self, column: Column, value: Array) -> Array:
            return to_field(columns[column.name]) if column.name in columns else value

    ReplacesColumns.fallback = fallback
    return ReplacesColumns


class SumsOthers(Forger):
    """A forger that works out sumchecks of other columns than those that it has committed to, by name."""

    others: ClassVar[dict[str, npt.NDArray[np.int64]]] = {}
    within: ClassVar[bool] = False

    def values(self, column: Column) -> Array:
        if self.within and column.name in self.others:
            return to_field(self.others[column.name])
        return super().values(column)

    @classmethod
    @contextmanager
    def during(cls, owner: type, method: str) -> Iterator[None]:
        """Wherever this method runs."""
        honest = getattr(owner, method)

        def other(*arguments: object) -> object:
            cls.within = True
            try:
                return honest(*arguments)
            finally:
                cls.within = False

        with mock.patch.object(owner, method, other):
            yield


def summing_other_columns(
    columns: dict[str, npt.NDArray[np.int64]], fallback: dict[tuple[int, int], Array]
) -> type[SumsOthers]:
    """The same with these columns, in place of its own where `during` says."""
    return type("Sums", (SumsOthers,), {"others": columns, "fallback": fallback})


def changing_message(target: int) -> type[Forger]:
    """A forger that adds 1 to the target-th padded message and goes on."""

    class ChangesMessage(Forger):
        said = 0

        def _say(self, keys, values):  # type: ignore[no-untyped-def]
            sent = super()._say(keys, values)
            for i in range(len(sent)):
                if self.said == target:
                    sent[i] = sent[i] + 1
                    start = len(self._proof) - 16 * (len(sent) - i)
                    self._proof[start : start + 16] = sent[i].to_bytes()
                self.said += 1
            return sent

    return ChangesMessage


def changing_array(target: Label, position: int, plane: int) -> type[Prover]:
    """A prover that does not check itself and adds 1 to one limb of one array."""

    class ChangesArray(Prover):
        def check(self, name: str, sides: Callable[[], tuple[Ext, Ext]]) -> None:
            del name, sides

        def exchange(self, label, length, compute, consistent):  # type: ignore[no-untyped-def]
            def changed():  # type: ignore[no-untyped-def]
                values = compute().copy()
                if label is target:
                    where = position % values.shape[1]
                    values[plane, where] = (int(values[plane, where]) + 1) % P
                return values

            return super().exchange(label, length, changed, consistent)

    return ChangesArray


class WithFalseProducts(Ligero):
    def _draw_pads(self, rows: ExtensionRows, rng: Rng) -> Array:
        values = super()._draw_pads(rows, rng)
        first = rows.product_row(PRODUCT, 0) * self.code.k
        values[0, first] = (int(values[0, first]) + 1) % P
        return values


FalseProducts = committing_by(WithFalseProducts, Forger)
"""A forger one of whose PRODUCT entries is 1 too large, so that `send_product` can tell a false value."""


class _Spoiled(CommittedTableau):
    def _words(self, start: int, stop: int) -> Array:
        words, half = super()._words(start, stop), self.code.n // 2
        if start == 0:
            words[0, :half] = (words[0, :half].astype(object) + 1) % P
        return words


class FarFromItsCode(Ligero):
    def _commit_rows(self, data: Array, rng: Rng) -> CommittedTableau:
        honest = super()._commit_rows(data, rng)
        return _Spoiled(honest.code, honest.data, honest.blinding, honest.salt_seed)


FarFromCode = committing_by(FarFromItsCode, Forger)
"""Commits to tableaux with one row that is no codeword in half of the columns."""


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes start .. stop of a proof and what they are."""

    what: str
    start: int
    stop: int


class RegionVerifier(Verifier):
    """A verifier that notes where everything was in the proof."""

    def __init__(self, challenger: Challenger, plan: Plan, proof: bytes) -> None:
        super().__init__(challenger, plan, proof)
        self.regions: list[Region] = []

    def take(self, count: int, what: str) -> memoryview:
        start = self._position
        part = super().take(count, what)
        self.regions.append(Region(what, start, start + count))
        return part


class Inventory(Counter):
    """A counter that lists the columns and the challenges of a script."""

    def __init__(self, scheme: Scheme) -> None:
        super().__init__(scheme)
        self.columns: list[Column] = []
        self.drawn = 0
        self._in_sumcheck = False

    def declare(self, name: str, log_size: int, values: Callable[[], Array]) -> Column:
        column = super().declare(name, log_size, values)
        self.columns.append(column)
        return column

    def challenge(self) -> Ext:
        self.drawn += not self._in_sumcheck
        return super().challenge()

    def sumcheck(self, claim, weights, tables):  # type: ignore[no-untyped-def]
        self._in_sumcheck = True
        result = super().sumcheck(claim, weights, tables)
        self._in_sumcheck = False
        return result


def refusal(verify: Callable[[], object]) -> str:
    """The name of the check that refuses; AssertionError if nothing does."""
    try:
        verify()
    except ProofRejected as error:
        assert error.detail
        return error.check
    raise AssertionError("the verifier accepted")
