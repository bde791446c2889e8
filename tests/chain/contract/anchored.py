"""An anchored ledger to test: a contract on a chain in one process, seats with their keys, and a log of entries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from proofward.chain.basics.libraries import imported
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.keys import ChainKey, Seal
from proofward.chain.contract.packing import pack_bitmap, pack_weights
from proofward.chain.contract.typed_data import Checkpoint, Domain, Outcome, TypedRecord, Verdict, Weights
from proofward.federation.messages.consortium.usual import P256, SECP256K1
from proofward.ledger.merkle_log import consistency_proof, inclusion_proof, leaf_hash, node_hash, tree_root

with imported():
    pytest.importorskip("eth", reason="py-evm is not installed")

from proofward.chain.nodes.evm import Done, LocalChain, Reverted

CONSORTIUM, ROSTER, FIRST_MODEL = (bytes([i]) * 32 for i in (1, 2, 3))
NO_KEY = bytes(32)
Seals = list[tuple[int, int, int, int, int, int]]


def digest(*parts: object) -> bytes:
    """Any 32 bytes."""
    return hashlib.sha256(repr(parts).encode()).digest()


def key(number: int, kind: str = SECP256K1) -> ChainKey:
    """A key, the same every time."""
    return ChainKey(kind, (1000 + number).to_bytes(32, "big"))


class Log:
    """Entries 0, 1, .. of a ledger, and its tree at every size."""

    def __init__(self, size: int, name: str = "entry") -> None:
        self.entries = [f"{name} {i}".encode() for i in range(size)]
        self._levels = [[leaf_hash(entry) for entry in self.entries]]
        while len(below := self._levels[-1]) > 1:
            self._levels.append([node_hash(*pair) for pair in zip(below[::2], below[1::2], strict=False)])

    def root(self, size: int) -> bytes:
        """At a size."""
        return tree_root(size, self._node)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof."""
        return consistency_proof(first, second, self._node)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof."""
        return inclusion_proof(index, size, self._node)

    def _node(self, level: int, index: int) -> bytes:
        return self._levels[level][index]


class Anchored:
    """A contract, its seats' keys, and what a relayer sends it. Refusals are raised as Reverted."""

    def __init__(
        self,
        kinds: Sequence[str] = (SECP256K1,) * 3,
        quorum: int = 2,
        share_limit: int = 10000,
        chain: LocalChain | None = None,
    ) -> None:
        self.chain = chain or LocalChain(p256=P256 in kinds)
        self.keys = [key(i, kind) for i, kind in enumerate(kinds)]
        self.log_key, self.log = key(99), Log(200)
        self.quorum, self.model, self.weights = quorum, FIRST_MODEL, pack_weights([1])
        seats = [own.seat for own in self.keys]
        self.address, self.gas = self.chain.deployed(
            anchor_artifact(), CONSORTIUM, quorum, ROSTER, seats, self.log_key.seat, FIRST_MODEL, share_limit
        )
        self.domain = Domain(self.chain.chain_id, self.address, CONSORTIUM)

    def get(self, name: str, *arguments: Any) -> Any:
        """What the contract says."""
        return self.chain.call(self.address, name, *arguments)

    def send(self, function: str, *arguments: Any) -> Done:
        """A transaction."""
        return self.chain.transact(self.address, function, *arguments)

    def seal(self, record: TypedRecord, seat: int, domain: Domain | None = None) -> tuple[int, ...]:
        """One seat's."""
        return Seal(seat, self.keys[seat].sign((domain or self.domain).digest(record))).as_tuple()

    def seals(self, record: TypedRecord, *seats: int, domain: Domain | None = None) -> list[tuple[int, ...]]:
        """Of these seats, or of as many as are needed."""
        return [self.seal(record, seat, domain) for seat in seats or range(self.quorum)]

    def place(self, size: int, log: Log | None = None) -> tuple[int, bytes, list[bytes]]:
        """Size, root and consistency with what is anchored."""
        log = log or self.log
        return size, log.root(size), log.consistency(self.get("size"), size)

    def anchor(self, size: int, log: Log | None = None, seals: list[tuple[int, ...]] | None = None) -> Done:
        """A checkpoint."""
        number, root, proof = self.place(size, log)
        return self.send("anchor", number, root, proof, self.seals(Checkpoint(size, root)) if seals is None else seals)

    def set_weights(self, size: int, weights: Sequence[int]) -> Done:
        """The weights of all hospitals."""
        self.weights = pack_weights(weights)
        return self.send_weights(size, len(weights), self.weights)

    def send_weights(self, size: int, hospitals: int, packed: bytes) -> Done:
        """The same, of words."""
        place = self.place(size)
        record = Weights(*place[:2], hospitals, keccak256(packed))
        return self.send("set_weights", *place, hospitals, packed, self.seals(record))

    def outcome(self, size: int, bitmap: bytes, total: int, **other: Any) -> Outcome:
        """The next round's, in which so much weight took part."""
        number = self.get("closed") + 1
        made = Outcome(
            size, self.log.root(size), keccak256(bitmap), keccak256(self.weights), number, 1, digest("beacon", number),
            self.get("model"), digest("model", number), digest("ciphertexts", number), digest("updates", number),
            digest("verdicts", number), total,
        )  # fmt: skip
        return replace(made, **other)

    def close(self, outcome: Outcome, bitmap: bytes, seals: list[tuple[int, ...]] | None = None, packed: bytes | None = None) -> Done:
        """A round."""
        sealed = self.seals(outcome) if seals is None else seals
        words = self.weights if packed is None else packed
        return self.send("close_round", *self.place(outcome.size), outcome.as_tuple(), bitmap, words, sealed)

    def close_round(self, size: int, weights: Sequence[int], accepted: Sequence[int]) -> Done:
        """A round in which these hospitals' updates were accepted."""
        bitmap = pack_bitmap(accepted, len(weights))
        return self.close(self.outcome(size, bitmap, sum(weights[i] for i in accepted)), bitmap)


def verdict(**other: Any) -> Verdict:
    """An accepting one of hospital 3's upload."""
    return replace(Verdict(1, 1, 3, digest("upload"), True, NO_KEY, NO_KEY), **other)


def refused(what: str) -> Any:
    """The contract refuses with these words."""
    return pytest.raises(Reverted, match=f"^{what}$")
