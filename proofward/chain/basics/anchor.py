"""The anchor of a ledger: which contract, at which address, with whose seats; all from the ledger alone.

The contract is deployed through a factory by CREATE2 (EIP-1014), with a salt of zeros:

    address = last 20 bytes of Keccak-256(0xff || factory || salt || Keccak-256(bytecode || arguments))

The arguments are in the ledger when the first round has opened: the consortium, the quorum, the chain
keys in the order in which they were recorded, the digest of the bindings, the model that the first round
started from, and the largest share. So everybody computes the same address, and whoever deploys there deploys
this contract.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache

from proofward.chain.basics.abi import constructor_arguments
from proofward.chain.basics.errors import NoAnchor
from proofward.chain.contract.artifact import Artifact, anchor_artifact
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.keys import ChainKey
from proofward.chain.contract.typed_data import Domain
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.outcomes import roster_digest
from proofward.federation.messages.consortium.usual import P256

SALT = bytes(32)
NO_KEY = bytes(32)


@dataclass(frozen=True)
class Anchor:
    """names, seats: of those whose chain keys are recorded, in the ledger's order.

    initcode: what is deployed
    """

    domain: Domain
    names: tuple[str, ...]
    seats: tuple[bytes, ...]
    quorum: int
    factory: bytes
    initcode: bytes

    @property
    def address(self) -> bytes:
        """The contract's address, 20 bytes."""
        return self.domain.contract

    def as_seated(self, seats: tuple[bytes, ...]) -> Anchor:
        """With the seats' present keys, as a chain shows them; those of the ledger where it shows none."""
        return replace(self, seats=seats) if len(seats) == len(self.seats) else self

    @property
    def deployment(self) -> bytes:
        """What the factory is sent."""
        return SALT + self.initcode


def contract_digest(artifact: Artifact | None = None) -> bytes:
    """SHA-256 of the contract's bytecode, by which rules name it."""
    return hashlib.sha256((artifact or anchor_artifact()).bytecode).digest()


@lru_cache(maxsize=8)
def created_address(factory: bytes, initcode: bytes) -> bytes:
    """Where a factory deploys by CREATE2."""
    return keccak256(b"\xff" + factory + SALT + keccak256(initcode))[12:]


def anchor_of(history: HistoryState) -> Anchor:
    """The anchor of this ledger; raises NoAnchor with the reason where there is none, or none yet."""
    terms, artifact = history.rules.chain, anchor_artifact()
    if terms is None:
        raise NoAnchor("the ledger's rules", "a chain", "none: this consortium has no anchor")
    if terms.contract != contract_digest(artifact):
        expected = f"the contract with the digest {terms.contract.hex()}"
        raise NoAnchor("this version", expected, contract_digest(artifact).hex())
    keys = history.chain_keys
    if len(keys) < terms.quorum:
        lacking = ", ".join(name for name in terms.seats if name not in keys)
        raise NoAnchor("chain keys", f"{terms.quorum} of them", f"{len(keys)}: none of {lacking}")
    first = next((state.model for state in (*history.closed, history.current) if state), None)
    if first is None:
        raise NoAnchor("the ledger", "the first round", "none yet")
    seats = tuple(seat_of(said.record.curve, said.record.key) for said in keys.values())
    consortium = history.rules.digest
    arguments = constructor_arguments(
        artifact.abi,
        (
            consortium,
            terms.quorum,
            roster_digest(history),
            seats,
            NO_KEY,
            first,
            terms.largest_share,
        ),
    )
    initcode = artifact.bytecode + arguments
    address = created_address(terms.factory, initcode)
    domain = Domain(terms.chain_id, address, consortium)
    return Anchor(domain, tuple(keys), seats, terms.quorum, terms.factory, initcode)


def seat_of(curve: str, point: bytes) -> bytes:
    """What a contract knows a public key by: an address, or the hash of the point."""
    digest = keccak256(point)
    return digest if curve == P256 else bytes(12) + digest[12:]


def point_of(key: ChainKey) -> bytes:
    """The public key as the ledger has it."""
    x, y = key.point
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")
