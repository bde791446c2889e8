"""The counter: runs a script with neither witness nor proof, and measures it.

It counts pads, products and committed values, and adds up the soundness error and the length of a proof. It
decides whether proofs need the work of `grinding.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.reference import reference_arithmetic
from proofward.proof.forms import ZERO, Form
from proofward.proof.grinding import GRINDING_BITS
from proofward.proof.layout import ExtensionRows, Layout
from proofward.proof.opening import opening_soundness
from proofward.proof.party import ColumnClaims, OpeningWitness, Party
from proofward.proof.proof_length import ProofLength, proof_length
from proofward.proof.soundness import CodeParameters, Soundness
from proofward.proof.transcript import NONCE_BYTES, Label

Array = npt.NDArray[np.uint64]


class _Constant:
    """A challenger whose every challenge is the same element, neither 0 nor 1 and not in F."""

    def absorb(self, label: Label, data: bytes) -> None:
        del label, data

    def squeeze(self, label: Label, length: int) -> bytes:
        del label
        return (b"\x02" + bytes(7)) * (length // 8)

    def has_work(self, nonce: bytes, bits: int) -> bool:
        del nonce, bits
        return True


@dataclass(frozen=True, slots=True)
class Plan:
    """The measures of a script under a code."""

    code: CodeParameters
    pads: int
    products: int
    values: int
    columns: int
    constraints: int
    tableau_rows: tuple[int, ...]
    proof_length: ProofLength
    soundness: Soundness

    @property
    def soundness_bits(self) -> float:
        """Of the interactive proof."""
        return self.soundness.bits

    @property
    def bits_with_work(self) -> float:
        """What a policy is compared with."""
        return self.soundness.bits_with_work

    @property
    def grinding(self) -> int:
        """Bits of work that a proof has to have."""
        return self.soundness.grinding


class Counter(Party):
    """A party to whom everything is zero.

    Proofs have to reach `policy_bits`. They have work where only work makes them do so.
    """

    evaluates_public = False

    def __init__(self, code: CodeParameters, policy_bits: float = -math.inf) -> None:
        super().__init__(_Constant(), code, GRINDING_BITS)
        self._policy_bits = policy_bits
        self._constraints = 0
        self._roots = 0
        self._nonces = 0

    def run(self, script: Callable[[Party], None]) -> Plan:
        """Measure a script: in plain integers, since so few need no kernels, which take a second to load."""
        with reference_arithmetic():
            script(self)
        rows = ExtensionRows(self.code.log_k, self.pads, self.products)
        opening_soundness(self.soundness, self.code, self._constraints, rows.product_rows)
        if not self.soundness.bits < self._policy_bits <= self.soundness.bits_with_work:
            self._nonces, self.soundness.grinding = 0, 0
        layouts = [tableau.layout for tableau in self.tableaux]
        tableau_rows = tuple(t.layout.rows + 2 * rows.count * t.padded for t in self.tableaux)
        return Plan(
            code=self.code,
            pads=self.pads,
            products=self.products,
            values=sum(1 << size for layout in layouts for size in layout.log_sizes),
            columns=sum(len(layout.log_sizes) for layout in layouts),
            constraints=self._constraints,
            tableau_rows=tableau_rows,
            proof_length=proof_length(
                self.code,
                tableau_rows,
                roots=self._roots,
                nonces=self._nonces,
                messages=self.pads + 2 * self.products,
                product_rows=rows.product_rows,
            ),
            soundness=self.soundness,
        )

    def public(self, compute: Callable[[], Ext]) -> Ext:
        return ZERO

    def announce(self, label: Label, compute: Callable[[], bytes]) -> bytes:
        return b""

    def assert_zero(self, form: Form) -> None:
        self._constraints += 1

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        return [ZERO] * len(keys)

    def nonce(self) -> bytes:
        self._nonces += 1
        return bytes(NONCE_BYTES)

    def _commit(self, layout: Layout, padded: bool) -> bytes:
        self._roots += 1
        return bytes(32)

    def _reopen(self, layout: Layout, source: Callable[[], object]) -> None:
        return None

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[OpeningWitness], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        raise AssertionError("a counter opens nothing")

    def open_columns(self, indices: list[int], claims: ColumnClaims) -> None:
        raise AssertionError("a counter opens nothing")
