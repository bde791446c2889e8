"""Fingerprints of ciphertexts: see `history.sums.fingerprints`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from proofward.federation.messages.basics.field_types import Digest, Elements, Names
from proofward.federation.messages.basics.record import Message


@dataclass(frozen=True)
class Fingerprints(Message):
    """Verifier: of the ciphertexts that it has judged, in the sum of the aggregate with this digest.

    hospitals: whose they are, ascending; values: one for each
    again: of a ciphertext about which others disagree, which it has fetched for that; then of one hospital
    """

    kind: ClassVar[str] = "fingerprints"
    aggregate: Digest
    hospitals: Names
    values: Elements
    again: bool = False

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return self.hospitals if self.again else ()
