"""What a consortium agrees on about the anchor of its ledger on a chain, if it has one.

The chain adds nothing to a proof. What is anchored follows from the ledger alone (`proofward.chain`), so the
rules say only where the anchor stands and who seals: the chain's number, the members with a seat, how many of
their signatures close a round there, and the most of a round's weight that one hospital may have.

The anchor's contract is deployed by CREATE2: its address is a function of the factory's address and of what
the ledger holds when the first round opens, so nobody has to announce it and nobody can choose it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from proofward.encoding.cbor import Item
from proofward.layers.basics.errors import ConfigurationError

ADDRESS_BYTES, DIGEST_BYTES = 20, 32
MAX_CHAIN_ID = (1 << 63) - 1
MAX_SEATS = 64
MAX_CHAIN = 1 << 14
"""Bytes of the encoding."""
ALL_OF_IT = 10_000
USUAL_FACTORY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""The deterministic deployment proxy, at the same address on every chain that has it."""
_FIELDS = ("chain_id", "quorum", "seats", "contract", "largest_share", "factory", "receipts")


@dataclass(frozen=True)
class ChainTerms:
    """Where the anchor stands and who seals.

    chain_id: as the chain itself says, which every signature covers
    quorum: signatures that anchor anything, more than half of the seats
    seats: members with a seat, hospitals or verifiers, ascending
    contract: SHA-256 of the bytecode of the anchor's contract
    largest_share: the most of a round's weight that one hospital may have, in 1/10000
    factory: address (20 bytes) of the contract that deploys others by CREATE2
    receipts: whether verifiers with a seat sign verdicts for the chain, which anybody can refute there
    """

    chain_id: int
    quorum: int
    seats: tuple[str, ...]
    contract: bytes
    largest_share: int = ALL_OF_IT
    factory: bytes = USUAL_FACTORY
    receipts: bool = False

    def check(self, members: Collection[str]) -> None:
        """Raises ConfigurationError unless these terms make sense among such hospitals and verifiers."""
        seats = self.seats
        proper = list(seats) == sorted(set(seats)) and set(seats) <= set(members)
        if len(seats) > MAX_SEATS:
            expected = f"at most {MAX_SEATS} of the members; where none are named, all verifiers have a seat"
            raise ConfigurationError("seats", expected, f"{len(seats)} names")
        if not seats or not proper:
            expected = f"1 to {MAX_SEATS} names of hospitals or verifiers, each once, in ascending order"
            raise ConfigurationError("seats", expected, seats)
        for field, low, high in (
            ("chain_id", 1, MAX_CHAIN_ID),
            ("quorum", len(seats) // 2 + 1, len(seats)),
            ("largest_share", 1, ALL_OF_IT),
        ):
            value = getattr(self, field)
            if type(value) is not int or not low <= value <= high:
                raise ConfigurationError(field, f"an integer in [{low}, {high}]", value)
        if type(self.contract) is not bytes or len(self.contract) != DIGEST_BYTES:
            raise ConfigurationError("contract", f"a digest of {DIGEST_BYTES} bytes", self.contract)
        if type(self.factory) is not bytes or len(self.factory) != ADDRESS_BYTES or not any(self.factory):
            raise ConfigurationError("factory", f"an address of {ADDRESS_BYTES} bytes", self.factory)
        if type(self.receipts) is not bool:
            raise ConfigurationError("receipts", "true or false", self.receipts)

    @property
    def words(self) -> str:
        """In a sentence, for people."""
        most = f"; no hospital has more than {self.largest_share / 100:g} % of a round's records"
        return (
            f"the ledger is anchored on chain {self.chain_id} by {self.quorum} of {len(self.seats)} seals: "
            f"{', '.join(self.seats)}"
            + ("" if self.largest_share == ALL_OF_IT else most)
            + ("; verdicts can be refuted there" if self.receipts else "")
        )

    def to_item(self) -> Item:
        """Canonical plain form."""
        return {**{name: getattr(self, name) for name in _FIELDS}, "seats": list(self.seats)}

    @classmethod
    def from_item(cls, item: Any) -> ChainTerms:
        """Inverse of `to_item`; raises ConfigurationError."""
        if not isinstance(item, Mapping) or sorted(item) != sorted(_FIELDS):
            raise ConfigurationError("chain", f"a mapping with {', '.join(_FIELDS)}", type(item).__name__)
        seats = item["seats"]
        if not isinstance(seats, list | tuple) or not all(isinstance(name, str) for name in seats):
            raise ConfigurationError("seats", "a list of names", type(seats).__name__)
        return cls(**{**item, "seats": tuple(seats)})
