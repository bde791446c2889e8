"""A chain in one process, of py-evm, with the rules of Prague: for tests, measurements and demonstrations.

It has no blocks: transactions change one state, one after another, each with the gas that it would take in a
block of its own. `p256` adds the precompile of EIP-7951 (Osaka), which py-evm does not have; gas and answers
are the proposal's. Needs py-evm and eth_abi, which `proofward[dev]` has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proofward.chain.basics.abi import hash_of_name, kind_of, selector, signature
from proofward.chain.basics.libraries import imported
from proofward.chain.contract.artifact import Artifact
from proofward.chain.contract.errors import ChainSignatureInvalid
from proofward.chain.contract.keys import P256_ORDER, Signature

GAS = 1 << 24
"""The most that a transaction may take since Osaka (EIP-7825)."""
P256_GAS, ECRECOVER_GAS = 6900, 3000
P256_ADDRESS, ECRECOVER_ADDRESS = (0x100).to_bytes(20, "big"), (1).to_bytes(20, "big")
FUNDED = 10**24


class Reverted(Exception):
    """A call was refused, for the reason that the contract gives."""


@dataclass(frozen=True, slots=True)
class Done:
    """A transaction: the gas that it took, its answer, and what it logged as (event, values)."""

    gas: int
    answer: Any
    events: list[tuple[str, dict[str, Any]]]
    calldata: bytes


class LocalChain:
    """A state, an account that sends everything, and the contracts that it has deployed."""

    def __init__(self, chain_id: int = 31337, p256: bool = False) -> None:
        with imported():
            from eth.chains.base import MiningChain
            from eth.db.atomic import AtomicDB

        self.chain_id = chain_id
        self.sender = bytes(19) + b"\x01"
        kind: Any = MiningChain.configure("Local", vm_configuration=((0, _machine(p256)),), chain_id=chain_id)
        account = {"balance": FUNDED, "nonce": 0, "code": b"", "storage": {}}
        genesis = {"gas_limit": 8 * GAS, "timestamp": 1}
        chain: Any = kind.from_genesis(AtomicDB(), genesis, {self.sender: account})
        self._vm = chain.get_vm()
        self._header = self._vm.get_header()
        self._abis: dict[bytes, list[dict[str, Any]]] = {}

    def deploy(self, artifact: Artifact, *arguments: Any) -> bytes:
        """The new contract's address; raises Reverted."""
        return self.deployed(artifact, *arguments)[0]

    def deployed(self, artifact: Artifact, *arguments: Any) -> tuple[bytes, int]:
        """The new contract's address and the gas that it took; raises Reverted."""
        constructor = next(entry for entry in artifact.abi if entry["type"] == "constructor")
        computation, gas = self._apply(b"", artifact.bytecode + encoded(constructor["inputs"], arguments))
        address: bytes = computation.msg.storage_address
        self._abis[address] = artifact.abi
        return address, gas

    def transact(self, address: bytes, function: str, *arguments: Any) -> Done:
        """Call a function in a transaction; raises Reverted."""
        entry = self._entry(address, function)
        data = selector(entry) + encoded(entry["inputs"], arguments)
        computation, gas = self._apply(address, data)
        logs, abi = computation.get_log_entries(), self._abis[address]
        events = [_event(abi, topics, text) for _, topics, text in logs]
        return Done(gas, decoded(entry["outputs"], computation.output), events, data)

    def call(self, address: bytes, function: str, *arguments: Any) -> Any:
        """What a function answers, without a transaction; raises Reverted."""
        entry = self._entry(address, function)
        state = self._vm.state
        snapshot = state.snapshot()
        data, code = selector(entry) + encoded(entry["inputs"], arguments), state.get_code(address)
        computation = self._vm.execute_bytecode(
            self.sender, 0, GAS, address, self.sender, 0, data, code, code_address=address
        )
        state.revert(snapshot)
        _raise_if_refused(computation)
        return decoded(entry["outputs"], computation.output)

    def code(self, address: bytes) -> bytes:
        """A contract's code."""
        return bytes(self._vm.state.get_code(address))

    def stored(self, address: bytes, slot: bytes) -> int:
        """A word of a contract's storage."""
        return int(self._vm.state.get_storage(address, int.from_bytes(slot, "big")))

    def put(self, address: bytes, slot: bytes, value: int) -> None:
        """Change a word of a contract's storage, as no transaction can."""
        self._vm.state.set_storage(address, int.from_bytes(slot, "big"), value)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens inside never happened."""
        vm = self._vm
        vm.state.persist()
        header = vm.get_header().copy(state_root=vm.state.state_root)
        try:
            yield
        finally:
            vm._state = vm.build_state(vm.chaindb.db, header, vm.chain_context)

    def _entry(self, address: bytes, function: str) -> dict[str, Any]:
        return next(e for e in self._abis[address] if e["type"] == "function" and e["name"] == function)

    def _apply(self, to: bytes, data: bytes) -> tuple[Any, int]:
        with imported():
            from eth.vm.spoof import SpoofTransaction

        vm = self._vm
        unchecked = vm.get_transaction_builder().new_transaction(
            vm.state.get_nonce(self.sender), 10**9, GAS, to, 0, data, 27, 1, 1
        )
        by = {"sender": self.sender, "get_sender": lambda: self.sender, "validate": lambda: None}
        transaction = SpoofTransaction(unchecked, **by)
        receipt, computation = vm.apply_transaction(self._header, transaction)
        _raise_if_refused(computation)
        return computation, int(receipt.gas_used) - int(self._header.gas_used)


def encoded(inputs: Sequence[dict[str, Any]], values: Sequence[Any]) -> bytes:
    """The arguments of a call."""
    with imported():
        from eth_abi.abi import encode

    return bytes(encode([*map(kind_of, inputs)], values))


def decoded(outputs: Sequence[dict[str, Any]], data: bytes) -> Any:
    """The answer of a call: a value, a tuple, or None."""
    with imported():
        from eth_abi.abi import decode

    values = decode([*map(kind_of, outputs)], data)
    return values[0] if len(values) == 1 else (values or None)


def _event(abi: list[dict[str, Any]], topics: Sequence[int], data: bytes) -> tuple[str, dict[str, Any]]:
    """Name and values of a log entry."""
    first = topics[0].to_bytes(32, "big")
    entry = next(e for e in abi if e["type"] == "event" and hash_of_name(signature(e)) == first)
    marked = [part for part in entry["inputs"] if part["indexed"]]
    plain = [part for part in entry["inputs"] if not part["indexed"]]
    words = b"".join(topic.to_bytes(32, "big") for topic in topics[1:])
    found = decoded([*marked, *plain], words + data)
    values = found if isinstance(found, tuple) else (found,)
    return entry["name"], {part["name"]: value for part, value in zip([*marked, *plain], values, strict=True)}


def _raise_if_refused(computation: Any) -> None:
    if computation.is_error:
        output = bytes(computation.output)
        known = output[:4] == hash_of_name(b"Error(string)")[:4]
        raise Reverted(decoded([{"type": "string"}], output[4:]) if known else str(computation.error))


def _machine(p256: bool) -> Any:
    """The rules, with or without the precompile."""
    with imported():
        from eth.vm.forks.prague import PragueVM
        from eth.vm.forks.prague.computation import PragueComputation
        from eth.vm.forks.prague.state import PragueState

    precompiles: dict[Any, Any] = dict(PragueComputation.get_precompiles())
    precompiles[ECRECOVER_ADDRESS] = _remembered(precompiles[ECRECOVER_ADDRESS])
    if p256:
        precompiles[P256_ADDRESS] = _verified_p256
    computation = type("Computation", (PragueComputation,), {"_precompiles": precompiles})
    state = type("State", (PragueState,), {"computation_class": computation})
    return type("Machine", (PragueVM,), {"_state_class": state})


def _remembered(precompile: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A precompile of pure Python that computes an answer once; its gas is the same every time."""
    known: dict[bytes, bytes] = {}

    def answered(computation: Any) -> Any:
        data = bytes(computation.msg.data)
        if data in known:
            computation.consume_gas(ECRECOVER_GAS, reason="ECRecover Precompile")
            computation.output = known[data]
            return computation
        done = precompile(computation)
        known[data] = bytes(done.output)
        return done

    return answered


def _verified_p256(computation: Any) -> Any:
    """EIP-7951: 1 for digest, r, s, x, y of a valid signature, else nothing."""
    computation.consume_gas(P256_GAS, reason="P256VERIFY")
    data = bytes(computation.msg.data)
    if len(data) == 160:
        digest, numbers = data[:32], [int.from_bytes(data[i : i + 32], "big") for i in range(32, 160, 32)]
        r, s, x, y = numbers
        try:
            Signature(0, r, min(s, P256_ORDER - s), x, y).seat(digest)
            computation.output = (1).to_bytes(32, "big")
        except ChainSignatureInvalid:
            pass
    return computation
