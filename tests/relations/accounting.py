"""A forging prover that says which of its constraints are false."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_dot, lift
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.proof import lookup
from proofward.proof.forms import ZERO, Form
from proofward.proof.leaves import VirtualColumn
from proofward.proof.party import Party
from proofward.relations.training_rounds.training_round import RoundWitness
from tests.proof.cheats import Forger
from tests.proof.toy import seeded
from tests.relations.cases import Case, prove_with

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


class Accounting(Forger):
    """A forger that lists which of its constraints are false, and which of these are those of the leaves.

    It adds 1 to the `target`-th message that a virtual column sends, where that is not negative.
    """

    target: ClassVar[int] = -1
    columns: ClassVar[dict[str, Signed]] = {}
    false: ClassVar[set[int]] = set()
    leaves: ClassVar[set[int]] = set()
    last: ClassVar[int] = 0
    said: ClassVar[int] = 0
    inside: ClassVar[bool] = False

    def alter(self, column, value):  # type: ignore[no-untyped-def]
        return to_field(self.columns[column.name]) if column.name in self.columns else value

    def _say(self, keys, values):  # type: ignore[no-untyped-def]
        sent, own = super()._say(keys, values), type(self)
        for index in range(len(sent) if own.inside else 0):
            if own.said == own.target:
                sent[index] = sent[index] + 1
                start = len(self._proof) - 16 * (len(sent) - index)
                self._proof[start : start + 16] = sent[index].to_bytes()
            own.said += 1
        return sent

    def run(self, script: Callable[[Party], None]) -> bytes:
        def counted(party: Party) -> None:
            script(party)
            own = type(self)
            own.false = {i for i, form in enumerate(self.constraints) if self._value(form) != ZERO}
            own.last = len(self.constraints) - 1

        return super().run(counted)

    def _value(self, form: Form) -> Any:
        value = form.constant
        for key, factor in form.pads.items():
            value = value + factor * self.pad(key)
        for factor, column, at in form.witness:
            table = self.values(column)
            known = evaluate(table, at) if isinstance(at, tuple) else ext_dot(at, lift(table))
            value = value + factor * known
        return value


@contextmanager
def watched(prover: type[Accounting]) -> Iterator[None]:
    """Notes the messages of virtual columns and the constraints of leaves."""
    honest_at, honest_assert = VirtualColumn.at, lookup._assert_leaves

    def at(self: VirtualColumn, point: Any) -> Form:
        prover.inside = True
        form = honest_at(self, point)
        prover.inside = False
        return form

    def assert_leaves(party: Party, *rest: Any) -> None:
        honest_assert(party, *rest)
        if isinstance(party, Accounting):
            prover.leaves |= {len(party.constraints) - 2, len(party.constraints) - 1}

    with (
        mock.patch.object(VirtualColumn, "at", at),
        mock.patch.object(lookup, "_assert_leaves", assert_leaves),
    ):
        yield


def forge(
    case: Case,
    witness: RoundWitness,
    ciphertext: Array,
    columns: dict[str, Signed] | None = None,
    fallback: dict[tuple[int, int], Array] | None = None,
    target: int = -1,
) -> tuple[type[Accounting], tuple[Any, bytes]]:
    """A proof by a fresh forger class, with what it notes."""

    class Own(Accounting):
        false: ClassVar[set[int]] = set()
        leaves: ClassVar[set[int]] = set()

    Own.columns, Own.fallback, Own.target = columns or {}, fallback or {}, target
    with watched(Own):
        return Own, prove_with(case, witness, ciphertext, Own, seeded(4))
