"""The prover: runs a script with the witness and writes the proof.

Proof bytes, in order: roots, padded messages (16 bytes each), nonces and arrays as the script comes to them,
then the opening of all commitments. All lengths follow from the statement and from what the opening draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import cast

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, elements
from proofward.field.memory import kept_memory
from proofward.field.narrow import Narrow, narrowed, widened
from proofward.proof.algebra import element
from proofward.proof.claims import RunningSum, Summands
from proofward.proof.commitment.contract import Committed, Pads, Rng
from proofward.proof.counter import Plan
from proofward.proof.forms import Column
from proofward.proof.grinding import find_nonce
from proofward.proof.party import Party, Weights
from proofward.proof.phases import Phases
from proofward.proof.sumcheck import AT_ONCE_VARIABLES, running_sum
from proofward.proof.transcript import Challenger, Label, Transcript

Array = npt.NDArray[np.uint64]


class Prover(Party):
    """A party with a witness.

    `plan` is the counter's for the same script. `rng` yields all that hides.
    """

    knows_witness = True

    def __init__(self, challenger: Challenger, plan: Plan, rng: Rng) -> None:
        super().__init__(challenger, plan.scheme, plan.grinding)
        self.plan = plan
        self.rng = rng
        self.committed: list[Committed] = []
        self._pads: Pads | None = None
        self._columns: dict[tuple[int, int], Narrow] = {}
        self._proof = bytearray()
        self.phases = Phases()

    def run(self, script: Callable[[Party], None]) -> bytes:
        """The proof of a script's statement."""
        with kept_memory():
            return self._run(script)

    def _run(self, script: Callable[[Party], None]) -> bytes:
        with self.timed("sumchecks"):
            script(self)
        if (self.pads, self.products) != (self.plan.pads, self.plan.products):
            raise AssertionError(
                f"script used {self.pads} pads and {self.products} products, plan {self.plan}"
            )
        with self.timed("opening"):
            self.scheme.open(self, self.committed)
        return bytes(self._proof)

    def timed(self, phase: str) -> AbstractContextManager[None]:
        return self.phases.timed(phase)

    def write(self, data: bytes) -> None:
        """Bytes that come next in the proof."""
        self._proof += data

    def pad(self, key: int) -> Ext:
        """The value of a pad."""
        return element(self._pad_values(key, 1), 0)

    def _pad_values(self, key: int, count: int) -> Array:
        if self._pads is None:
            raise AssertionError("said something before the pads are committed")
        return self._pads.values(key, count)

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        sent = [value - self.pad(key) for key, value in zip(keys, values, strict=True)]
        self.write(b"".join([value.to_bytes() for value in sent]))
        return sent

    def nonce(self) -> bytes:
        found = find_nonce(self.challenger, self.grinding)
        self.write(found)
        return found

    def _commit(self, padded: bool) -> bytes:
        with self.timed("witness"):
            columns = self._evaluate_declared()
        with self.timed("commit"):
            committed = self._commit_columns(columns, padded)
        self.committed.append(committed)
        self.write(committed.root)
        return committed.root

    def _commit_columns(self, columns: list[Narrow], padded: bool) -> Committed:
        if not padded:
            return self.scheme.commit(columns, self.rng)
        committed, self._pads = self.scheme.commit_padded(columns, self.plan.pad_counts, self.rng)
        return committed

    def _evaluate_declared(self) -> list[Narrow]:
        commitment = len(self.commitments)
        columns = [Column(commitment, i, size, name) for i, (name, size, _) in enumerate(self._declared)]
        values = [self.narrow(column) for column in columns]
        for column, own in zip(columns, values, strict=True):
            if own.shape != (1 << column.log_size,):
                raise ValueError(f"column {column.name} of shape {own.shape}, declared 2^{column.log_size}")
        return values

    def values(self, column: Column) -> Array:
        """The values of a column, of the commitment being declared or of an earlier one."""
        key = (column.commitment, column.index)
        if key not in self._columns:
            self._columns[key] = narrowed(self._declared[column.index][2]())
        return widened(self._columns[key])

    def narrow(self, column: Column) -> Narrow:
        """`values` in the integers that they are kept in."""
        key = (column.commitment, column.index)
        if key not in self._columns:
            self.values(column)
        return self._columns[key]

    def _reopen(self, source: Callable[[], object]) -> None:
        kept = self.scheme.reopen(source(), self._log_sizes)
        self._evaluate_declared()
        self.committed.append(kept)

    def _summation(self, tables: Callable[[], Summands], weights: list[Weights]) -> RunningSum | None:
        return running_sum(tables(), weights)

    def _rounds(self, summation: RunningSum | None, keys: list[int]) -> tuple[list[Ext], list[Ext]]:
        """Rounds of short tables are run at once, unless somebody else listens or draws the challenges."""
        at_once = type(self.challenger) is Transcript and type(self)._say is Prover._say
        if not at_once or summation is None:
            return super()._rounds(summation, keys)
        first = 2 * max(0, len(keys) // 2 - AT_ONCE_VARIABLES)
        sent, point = super()._rounds(summation, keys[:first])
        if keys[first:]:
            pads = self._pad_values(keys[first], len(keys) - first)
            messages, rest = summation.finish(pads, cast(Transcript, self.challenger))
            self.write(np.ascontiguousarray(messages.T).astype("<u8", copy=False).tobytes())
            sent, point = sent + elements(messages), point + elements(rest)
        return sent, point

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        values = self.keep(length, compute, consistent)
        data = np.ascontiguousarray(values.T).astype("<u8", copy=False).tobytes()
        self.exchange_bytes(label, len(data), lambda: data)
        return values

    def keep(self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]) -> Array:
        values = compute()
        if values.shape != (2, length):
            raise AssertionError(f"computed {values.shape}, expected (2, {length})")
        return values

    def exchange_bytes(self, label: Label, length: int, compute: Callable[[], bytes]) -> bytes:
        data = compute()
        if len(data) != length:
            raise AssertionError(f"{label.value!r}: computed {len(data)} bytes, expected {length}")
        self.write(data)
        self.challenger.absorb(label, data)
        return data
