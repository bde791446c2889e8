"""What the rules say of how members check sums: each by itself, or by fingerprints that verifiers sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from proofward.encoding.cbor import Item
from proofward.layers.errors import ConfigurationError

RECOMPUTED, FINGERPRINTS = "recomputed", "fingerprints"
SUMS = (RECOMPUTED, FINGERPRINTS)


@dataclass(frozen=True)
class Scaling:
    """sums: RECOMPUTED, everybody adds all ciphertexts up; FINGERPRINTS, see `history.fingerprints`."""

    sums: str = RECOMPUTED

    def __post_init__(self) -> None:
        if self.sums not in SUMS:
            raise ConfigurationError("sums", f"one of {', '.join(SUMS)}", self.sums)

    @property
    def fingerprints(self) -> bool:
        """Whether a sum is checked without the ciphertexts."""
        return self.sums == FINGERPRINTS

    def to_item(self) -> dict[str, Item]:
        """Canonical plain form: what differs from the usual alone."""
        return {} if self.sums == RECOMPUTED else {"sums": self.sums}

    @staticmethod
    def from_item(item: object) -> Scaling:
        """Inverse of `to_item`; raises ConfigurationError."""
        if not isinstance(item, dict) or not item or set(item) - {"sums"}:
            raise ConfigurationError("scaling", "what differs from the usual", item)
        found = Scaling(cast(str, item["sums"]))
        if found.to_item() != item:
            raise ConfigurationError("scaling", "what differs from the usual", item)
        return found


PLAIN = Scaling()
"""What rules without a word of it mean."""
