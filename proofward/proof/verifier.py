"""The verifier: runs a script on proof bytes alone and refuses with the name of the failing check.

The length is compared with the plan's before the script runs. Then it parses as it goes: every element must
be canonical, every length is known before it is read, and no byte may be left over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, elements
from proofward.field.goldilocks import is_canonical
from proofward.field.scalar import P
from proofward.proof.claims import RunningSum
from proofward.proof.commitment.contract import ROOT_BYTES
from proofward.proof.counter import Plan
from proofward.proof.errors import ProofRejected
from proofward.proof.party import Party
from proofward.proof.soundness import Soundness
from proofward.proof.transcript import NONCE_BYTES, Challenger, Label, Transcript
from proofward.proof.turns import hear

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
        super().__init__(challenger, plan.scheme, plan.grinding)
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
            self.scheme.verify(self)
        except ZeroDivisionError:
            raise ProofRejected(
                "challenge", "a challenge was zero, which happens with probability 2^-128"
            ) from None
        if self._position != len(self._proof):
            raise ProofRejected("length", f"expected {self._position} bytes, got {len(self._proof)}")
        self.soundness.require(policy_bits)

    def take(self, count: int, what: str) -> memoryview:
        """The next bytes; raises ProofRejected where there are too few."""
        if self._position + count > len(self._proof):
            left = len(self._proof) - self._position
            raise ProofRejected(
                "length", f"{what} at byte {self._position}: expected {count} bytes, got {left}"
            )
        part = self._proof[self._position : self._position + count]
        self._position += count
        return part

    def take_elements(self, count: int, what: str) -> Array:
        """The next elements of F; raises ProofRejected where one is not canonical."""
        start = self._position
        values = np.frombuffer(self.take(8 * count, what), dtype="<u8").astype(np.uint64)
        if not is_canonical(values):
            bad = int(np.argmax(values >= np.uint64(P)))
            raise ProofRejected(
                "encoding",
                f"{what} at byte {start + 8 * bad}: expected an element below {P}, got {int(values[bad])}",
            )
        return values

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        heard = self.take_elements(2 * len(keys), "padded message")
        return [Ext(int(heard[2 * i]), int(heard[2 * i + 1])) for i in range(len(keys))]

    def _rounds(self, summation: RunningSum | None, keys: list[int]) -> tuple[list[Ext], list[Ext]]:
        """The messages of a sumcheck are one after another: they are heard at once."""
        challenger = self.challenger
        if type(challenger) is not Transcript or type(self)._say is not Verifier._say or not keys:
            return super()._rounds(summation, keys)
        heard = self.take_elements(2 * len(keys), "padded message").reshape(-1, 2).T
        point, challenger.state = hear(heard, challenger.state)
        return elements(heard), elements(point)

    def nonce(self) -> bytes:
        return bytes(self.take(NONCE_BYTES, "nonce"))

    def _commit(self, padded: bool) -> bytes:
        return bytes(self.take(ROOT_BYTES, Label.ROOT.value.decode()))

    def _reopen(self, source: Callable[[], object]) -> None:
        return None

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        values = self.take_elements(2 * length, label.value.decode())
        self.challenger.absorb(label, values.astype("<u8", copy=False).tobytes())
        return np.ascontiguousarray(values.reshape(length, 2).T)

    def keep(
        self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]
    ) -> Array | None:
        return None

    def exchange_bytes(self, label: Label, length: int, compute: Callable[[], bytes]) -> bytes:
        data = bytes(self.take(length, label.value.decode()))
        self.challenger.absorb(label, data)
        return data
