"""The chain in one process as a node, with the factory in place: for tests and demonstrations only."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from proofward.chain.basics.errors import NotAnchored
from proofward.chain.contract.keccak import keccak256
from proofward.chain.nodes.evm import LocalChain, Reverted
from proofward.chain.nodes.node import Receipt, Transaction, Tried
from proofward.chain.state.state_proof import StateProof
from proofward.federation.messages.consortium.chain_terms import USUAL_FACTORY

FACTORY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe036016000816020823780"
    "35828234f58015156039578182fd5b8082525050506014600cf3"
)
"""The runtime code of the deterministic deployment proxy."""


class LocalNode(LocalChain):
    """See Node."""

    def __init__(self, chain_id: int = 31337, p256: bool = False) -> None:
        super().__init__(chain_id, p256)
        self._vm.state.set_code(USUAL_FACTORY, FACTORY_CODE)
        self._sent = 0

    def has_code(self, address: bytes) -> bool:
        """See Node."""
        return bool(self.code(address))

    def tried(self, transaction: Transaction) -> Tried:
        """See Node."""
        with self.undone():
            computation, gas = self._taken(transaction)
            return Tried(gas, bytes(computation.output))

    def settle(self) -> None:
        """See Node."""

    def send(self, transaction: Transaction) -> Receipt:
        """See Node."""
        _, gas = self._taken(transaction)
        self._sent += 1
        return Receipt(transaction.what, keccak256(self._sent.to_bytes(8, "big")), self._sent, gas)

    def _taken(self, transaction: Transaction) -> tuple[Any, int]:
        try:
            return self._apply(transaction.to, transaction.data)
        except Reverted as error:
            raise NotAnchored(transaction.what, "a transaction that the chain takes", str(error)) from error

    def state_proof(self, address: bytes, slots: Sequence[bytes]) -> StateProof:
        """See Node. Everything here is final at once."""
        rlp, trees = import_module("rlp"), import_module("trie")
        state: Any = self._vm.state
        root = state.make_state_root()
        state.persist()
        database = state._account_db._raw_store_db
        header: bytes = rlp.encode(self._header.copy(state_root=root, block_number=self._sent))
        accounts = trees.HexaryTrie(database, root)
        account = accounts.get_proof(keccak256(address))
        found = accounts.get(keccak256(address))
        storage: dict[bytes, tuple[bytes, ...]] = {}
        if found:
            own = trees.HexaryTrie(database, rlp.decode(found)[2])
            storage = {slot: _encoded(own.get_proof(keccak256(slot))) for slot in slots}
        return StateProof(self.chain_id, address, header, _encoded(account), storage)


def _encoded(nodes: Sequence[Any]) -> tuple[bytes, ...]:
    encode = import_module("rlp").encode
    return tuple(encode(node) for node in nodes)
