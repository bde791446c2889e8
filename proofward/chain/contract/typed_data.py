"""What seats sign: EIP-712 typed data, and their digests.

    digest = Keccak-256(0x19 0x01 || domain separator || hash of the record)
    hash   = Keccak-256(Keccak-256(type) || fields, a word of 32 bytes each)

The domain names the chain, the contract and, as its salt, the consortium: a signature for one of them is
none for another. The types are the contract's (`LedgerAnchor.vy`, `seating.vy`), letter by letter.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

from proofward.chain.contract.keccak import keccak256

NAME, VERSION = "ProofWard ledger anchor", "1"
_DOMAIN_FIELDS = (
    ("name", "string"), ("version", "string"), ("chainId", "uint256"),
    ("verifyingContract", "address"), ("salt", "bytes32"),
)  # fmt: skip


def _word(value: bytes | int) -> bytes:
    """A field of 32 bytes. Raises ValueError or OverflowError where the value is none of its type."""
    if isinstance(value, bytes):
        if len(value) != 32:
            raise ValueError(f"expected 32 bytes, found {len(value)}")
        return value
    return int(value).to_bytes(32, "big")


@lru_cache(maxsize=64)
def _hash_of_type(name: str, parts: tuple[tuple[str, str], ...]) -> bytes:
    return keccak256(_type_text(name, parts))


def _type_text(name: str, parts: tuple[tuple[str, str], ...]) -> bytes:
    return f"{name}({','.join(f'{kind} {field}' for field, kind in parts)})".encode()


class TypedRecord:
    """A record of the contract; `types` are those of its fields, in their order."""

    types: ClassVar[tuple[str, ...]]
    uncounted: ClassVar[int] = 0
    """How many of the first fields stand beside a structure of the contract that has the others."""

    @classmethod
    def parts(cls) -> tuple[tuple[str, str], ...]:
        """Names, as EIP-712 writes them, and types of the fields."""
        names = [_camel_case(field.name) for field in fields(cls)]  # type: ignore[arg-type]
        return tuple(zip(names, cls.types, strict=True))

    def values(self) -> tuple[Any, ...]:
        """The fields' values."""
        return tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]

    def as_tuple(self) -> tuple[Any, ...]:
        """The contract's structure of this name, for a call."""
        return self.values()[self.uncounted :]

    def struct_hash(self) -> bytes:
        """The record's hash."""
        kind = _hash_of_type(type(self).__name__, self.parts())
        return keccak256(kind + b"".join(_word(value) for value in self.values()))


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@dataclass(frozen=True, slots=True)
class Checkpoint(TypedRecord):
    """A seat: the ledger's size and root."""

    types = ("uint64", "bytes32")
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class LogCheckpoint(TypedRecord):
    """The ledger's host: its size and root. Two roots of one size are a split."""

    types = ("uint64", "bytes32")
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Weights(TypedRecord):
    """A seat: the weights of all hospitals that the ledger of this size and root shows; their digest."""

    types = ("uint64", "bytes32", "uint64", "bytes32")
    size: int
    root: bytes
    hospitals: int
    weights: bytes


@dataclass(frozen=True, slots=True)
class Outcome(TypedRecord):
    """A seat: a closed round. accepted and weights are digests of the bitmap and of the packed weights."""

    types = (
        "uint64", "bytes32", "bytes32", "bytes32", "uint64", "uint64",
        "bytes32", "bytes32", "bytes32", "bytes32", "bytes32", "bytes32", "uint64",
    )  # fmt: skip
    uncounted = 4
    size: int
    root: bytes
    accepted: bytes
    weights: bytes
    round: int
    attempt: int
    beacon: bytes
    base_model: bytes
    next_model: bytes
    ciphertext_sum: bytes
    update_sum: bytes
    verdicts: bytes
    total_weight: int


@dataclass(frozen=True, slots=True)
class Verdict(TypedRecord):
    """A seat: of an upload. finding: zeros, or the digest of a refusal. receipt: zeros if there is none."""

    types = ("uint64", "uint64", "uint64", "bytes32", "bool", "bytes32", "bytes32")
    round: int
    attempt: int
    hospital: int
    upload: bytes
    accepted: bool
    finding: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Replacement(TypedRecord):
    """A seat: another key for a seat. number: how many replacements there were before."""

    types = ("uint64", "uint256", "bytes32", "bytes32")
    number: int
    seat: int
    key: bytes
    roster: bytes


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature counts. contract: its address, 20 bytes. consortium: the digest of its rules."""

    chain_id: int
    contract: bytes
    consortium: bytes

    def separator(self) -> bytes:
        """The hash of the domain."""
        return _separator(self)

    def digest(self, record: TypedRecord) -> bytes:
        """What is signed, 32 bytes."""
        return keccak256(b"\x19\x01" + self.separator() + record.struct_hash())

    def typed_json(self, record: TypedRecord) -> dict[str, Any]:
        """The request `eth_signTypedData_v4` of a wallet that keeps the key."""
        name = type(record).__name__
        of = {
            "EIP712Domain": [{"name": field, "type": kind} for field, kind in _DOMAIN_FIELDS],
            name: [{"name": field, "type": kind} for field, kind in record.parts()],
        }
        message = {
            field: f"0x{value.hex()}" if isinstance(value, bytes) else value
            for (field, _), value in zip(record.parts(), record.values(), strict=True)
        }
        place = {
            "name": NAME, "version": VERSION, "chainId": self.chain_id,
            "verifyingContract": f"0x{self.contract.hex()}", "salt": f"0x{self.consortium.hex()}",
        }  # fmt: skip
        return {"types": of, "primaryType": name, "domain": place, "message": message}


@lru_cache(maxsize=64)
def _separator(domain: Domain) -> bytes:
    if len(domain.contract) != 20:
        raise ValueError(f"expected an address of 20 bytes, found {len(domain.contract)}")
    texts = [_hash_of_type("EIP712Domain", _DOMAIN_FIELDS)]
    texts += [keccak256(text.encode()) for text in (NAME, VERSION)]
    places = [_word(domain.chain_id), bytes(12) + domain.contract, _word(domain.consortium)]
    return keccak256(b"".join(texts + places))
