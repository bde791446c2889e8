"""The simulator: writes accepted conversations without a witness, which is what zero knowledge means.

It talks to an interactive verifier whose coins it may draw itself (`transcript.Coins`); it never sees a
witness. Every padded message is uniform in a prover's conversation, so it draws them; the opening is the
commitment scheme's, see `commitment.contract`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import random_field
from proofward.proof.commitment.contract import ROOT_BYTES, Rng, Root
from proofward.proof.counter import Plan
from proofward.proof.party import Party
from proofward.proof.transcript import NONCE_BYTES, Coins, Label

Array = npt.NDArray[np.uint64]


class Simulator(Party):
    """A party with neither witness nor proof; its challenger must be `Coins`."""

    def __init__(self, challenger: Coins, plan: Plan, rng: Rng) -> None:
        super().__init__(challenger, plan.scheme, plan.grinding)
        self.plan = plan
        self.rng = rng
        self.committed: list[Root] = []
        self._chunks: list[bytes | Root] = []

    def run(self, script: Callable[[Party], None]) -> bytes:
        """A conversation that a verifier with the same coins accepts."""
        script(self)
        self.scheme.simulate(self, self.committed)
        return b"".join(chunk if isinstance(chunk, bytes) else chunk.root for chunk in self._chunks)

    def write(self, data: bytes) -> None:
        """Bytes that come next in the conversation."""
        self._chunks.append(data)

    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        drawn = random_field(2 * len(keys), self.rng)
        self.write(drawn.astype("<u8").tobytes())
        return [Ext(int(drawn[2 * i]), int(drawn[2 * i + 1])) for i in range(len(keys))]

    def nonce(self) -> bytes:
        found = bytes(NONCE_BYTES)  # the one that coins accept
        self.write(found)
        return found

    def _commit(self, padded: bool) -> bytes:
        pads = self.plan.pad_counts if padded else None
        imitated = self.scheme.imitate(self._log_sizes, self.rng, pads)
        self.committed.append(imitated)
        self._chunks.append(imitated)
        return bytes(ROOT_BYTES)

    def _reopen(self, source: Callable[[], object]) -> None:
        self.committed.append(cast(Root, source()))

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        values = self.keep(length, compute, consistent)
        self.write(np.ascontiguousarray(values.T).astype("<u8").tobytes())
        return values

    def keep(self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]) -> Array:
        return consistent(random_field(2 * length, self.rng).reshape(2, length))

    def exchange_bytes(self, label: Label, length: int, compute: Callable[[], bytes]) -> bytes:
        data = compute()
        self.write(data)
        return data
