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
from proofward.proof.commitment.contract import ROOT_BYTES, Counts, PadCounts, Scheme
from proofward.proof.forms import ZERO, Form
from proofward.proof.grinding import GRINDING_BITS
from proofward.proof.party import Party
from proofward.proof.proof_length import ProofLength
from proofward.proof.soundness import Soundness
from proofward.proof.transcript import NONCE_BYTES, Label

Array = npt.NDArray[np.uint64]

ELEMENT_BYTES = 16
"""Of an element of E."""


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
    """The measures of a script under a commitment scheme."""

    scheme: Scheme
    pads: int
    products: int
    values: int
    columns: int
    constraints: int
    counts: Counts
    proof_length: ProofLength
    soundness: Soundness

    @property
    def pad_counts(self) -> PadCounts:
        """The pads that a prover commits to."""
        return PadCounts(self.pads, self.products)

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

    def __init__(self, scheme: Scheme, policy_bits: float = -math.inf) -> None:
        super().__init__(_Constant(), scheme, GRINDING_BITS)
        self._policy_bits = policy_bits
        self._constraints = 0
        self._nonces = 0

    def run(self, script: Callable[[Party], None]) -> Plan:
        """Measure a script: in plain integers, since so few need no kernels, which take a second to load."""
        with reference_arithmetic():
            script(self)
        counts = self.scheme.count(self.commitments, self.pad_counts, self._constraints, self.soundness)
        if not self.soundness.bits < self._policy_bits <= self.soundness.bits_with_work:
            self._nonces, self.soundness.grinding = 0, 0
        roots = sum(not own.earlier for own in self.commitments)
        messages = self.pads + 2 * self.products
        return Plan(
            scheme=self.scheme,
            pads=self.pads,
            products=self.products,
            values=sum(1 << size for own in self.commitments for size in own.log_sizes),
            columns=sum(len(own.log_sizes) for own in self.commitments),
            constraints=self._constraints,
            counts=counts,
            proof_length=counts.length.plus(
                ROOT_BYTES * roots + NONCE_BYTES * self._nonces + ELEMENT_BYTES * messages
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

    def _commit(self, padded: bool) -> bytes:
        return bytes(ROOT_BYTES)

    def _reopen(self, source: Callable[[], object]) -> None:
        return None

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        raise AssertionError("a counter opens nothing")

    def keep(
        self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]
    ) -> Array | None:
        raise AssertionError("a counter opens nothing")

    def exchange_bytes(self, label: Label, length: int, compute: Callable[[], bytes]) -> bytes:
        raise AssertionError("a counter opens nothing")
