"""What the rules say of sums, of shares and the keys they are sealed to, and of following the ledger."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from proofward.encoding.cbor import Item
from proofward.layers.basics.errors import ConfigurationError

RECOMPUTED, FINGERPRINTS = "recomputed", "fingerprints"
SUMS = (RECOMPUTED, FINGERPRINTS)
KEPT, EPHEMERAL = "kept", "ephemeral"
SHARES = (KEPT, EPHEMERAL)
IN_ENTRIES, AS_OBJECTS = "entries", "objects"
SEALING_KEYS = (IN_ENTRIES, AS_OBJECTS)
EVERYTHING, HEADS = "everything", "heads"
FOLLOWING = (EVERYTHING, HEADS)
SINGLE, TOGETHER = "single", "together"
VERDICTS = (SINGLE, TOGETHER)
_OPTIONS = {
    "sums": SUMS,
    "shares": SHARES,
    "sealing_keys": SEALING_KEYS,
    "follow": FOLLOWING,
    "verdicts": VERDICTS,
}


@dataclass(frozen=True)
class Scaling:
    """Ways that save work or room where there are many hospitals.

    sums: RECOMPUTED, everybody adds all ciphertexts up; FINGERPRINTS, see `history.sums.fingerprints`
    shares: KEPT; or EPHEMERAL, sealed shares of keys are deleted with their round, see `history.ephemeral`
    sealing_keys: IN_ENTRIES of the ledger; or AS_OBJECTS with a Merkle root, see
        `history.sharing.sealing_keys`
    follow: EVERYTHING, every member reads every entry; or HEADS, verifiers sign heads for hospitals, which
        may follow these alone, see `history.light.heads`
    verdicts: SINGLE; or TOGETHER, all of a verifier in one message or few, once all uploads are there
    """

    sums: str = RECOMPUTED
    shares: str = KEPT
    sealing_keys: str = IN_ENTRIES
    follow: str = EVERYTHING
    verdicts: str = SINGLE

    def __post_init__(self) -> None:
        for name, options in _OPTIONS.items():
            if getattr(self, name) not in options:
                raise ConfigurationError(name, f"one of {', '.join(options)}", getattr(self, name))

    @property
    def fingerprints(self) -> bool:
        """Whether a sum is checked without the ciphertexts."""
        return self.sums == FINGERPRINTS

    @property
    def ephemeral(self) -> bool:
        """Whether sealed shares go when their round is closed."""
        return self.shares == EPHEMERAL

    @property
    def key_objects(self) -> bool:
        """Whether an entry has the root of a holder's keys alone."""
        return self.sealing_keys == AS_OBJECTS

    @property
    def heads(self) -> bool:
        """Whether verifiers sign heads that a hospital may follow alone, see `history.light.heads`."""
        return self.follow == HEADS

    @property
    def verdicts_together(self) -> bool:
        """Whether a verifier says its verdicts in as few messages as it can."""
        return self.verdicts == TOGETHER

    def to_item(self) -> dict[str, Item]:
        """Canonical plain form: what differs from the usual alone."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(PLAIN, name)}

    @staticmethod
    def from_item(item: object) -> Scaling:
        """Inverse of `to_item`; raises ConfigurationError."""
        names = {field.name for field in fields(Scaling)}
        if not isinstance(item, dict) or not item or not set(item) <= names:
            raise ConfigurationError("scaling", "what differs from the usual", item)
        values: dict[str, Any] = item
        found = Scaling(**values)
        if found.to_item() != item:
            raise ConfigurationError("scaling", "what differs from the usual", item)
        return found


PLAIN = Scaling()
"""What rules without a word of it mean."""
