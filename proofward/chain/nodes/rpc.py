"""A node of a chain over JSON-RPC, by web3 (extra `proofward[chain]`).

Only what is final counts: states are read at the block that the node calls finalized. On a chain that
finalises nothing, as those for development, the latest block can be asked for instead, which is then said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from proofward.chain.basics.errors import ChainExtraMissing, NotAnchored
from proofward.chain.basics.libraries import imported
from proofward.chain.contract.keccak import keccak256
from proofward.chain.nodes.fees import GWEI, USUAL_MOST, fees
from proofward.chain.nodes.node import Receipt, Transaction, Tried
from proofward.chain.state.rlp import number_bytes, rlp_encode
from proofward.chain.state.state_proof import StateProof

FINAL, LATEST = "finalized", "latest"
PATIENCE, PAUSE = 300.0, 0.5
"""Seconds until a transaction has to be in a block, and between two questions."""
_HASHES = ("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom")
_NUMBERS = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")
_LATER = (("baseFeePerGas", True), ("withdrawalsRoot", False), ("blobGasUsed", True), ("excessBlobGas", True),
          ("parentBeaconBlockRoot", False), ("requestsHash", False))  # fmt: skip
"""Fields that upgrades have added to a header, in order, and whether each is a number."""


P = ParamSpec("P")
T = TypeVar("T")


def _answered(method: Callable[P, T]) -> Callable[P, T]:
    """A method that raises NotAnchored where the node's answers are of another form than a node's."""

    @wraps(method)
    def answered(*given: P.args, **named: P.kwargs) -> T:
        try:
            return method(*given, **named)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            found = f"{type(error).__name__}: {error}"[:200]
            raise NotAnchored("the node", "answers of a node of a chain", found) from error

    return answered


class RpcNode:
    """See Node. key: of the account that pays; None for one that only reads. block: FINAL or LATEST.

    most: gwei that it pays for a unit of gas.
    """

    def __init__(
        self, url: str, key: bytes | None = None, block: str = FINAL, most: float = USUAL_MOST
    ) -> None:
        try:
            with imported():
                from web3 import HTTPProvider
        except ImportError:
            raise ChainExtraMissing from None
        self._provider = HTTPProvider(url, request_kwargs={"timeout": 60})
        self._url, self._key, self._block, self._most = url, key, block, round(most * GWEI)

    @property
    @_answered
    def chain_id(self) -> int:
        """See Node."""
        return int(self._ask("eth_chainId"), 16)

    @_answered
    def has_code(self, address: bytes) -> bool:
        """See Node."""
        return len(_bytes(self._ask("eth_getCode", _text(address), LATEST))) > 0

    @_answered
    def state_proof(self, address: bytes, slots: Sequence[bytes]) -> StateProof:
        """See Node."""
        block = self._ask("eth_getBlockByNumber", self._block, False)
        if not isinstance(block, dict):
            raise NotAnchored("the node", f"a block that is {self._block}", "none")
        told = self._ask("eth_getProof", _text(address), [_text(slot) for slot in slots], block["number"])
        storage = {
            slot: _nodes(entry["proof"]) for slot, entry in zip(slots, told["storageProof"], strict=True)
        }
        return StateProof(self.chain_id, address, header_of(block), _nodes(told["accountProof"]), storage)

    @_answered
    def send(self, transaction: Transaction) -> Receipt:
        """See Node."""
        with imported():
            from eth_account import Account

        if self._key is None:
            raise NotAnchored(transaction.what, "the key of an account that pays", "none")
        account = Account.from_key(self._key)
        call = {"from": account.address, "to": _text(transaction.to), "data": _text(transaction.data)}
        gas = int(self._ask("eth_estimateGas", call), 16)
        nonce = self._count(account.address, "pending")
        signed = account.sign_transaction(
            {
                "to": account_address(transaction.to),
                "data": transaction.data,
                "value": 0,
                "gas": gas + gas // 5,
                "nonce": nonce,
                "chainId": self.chain_id,
                **self._fees(transaction.what),
            }
        )
        digest = self._ask("eth_sendRawTransaction", _text(bytes(signed.raw_transaction)))
        return self._taken(transaction, digest)

    @_answered
    def tried(self, transaction: Transaction) -> Tried:
        """See Node."""
        call = {"to": _text(transaction.to), "data": _text(transaction.data)}
        answer = _bytes(self._ask("eth_call", call, LATEST))
        return Tried(int(self._ask("eth_estimateGas", call), 16), answer)

    @_answered
    def settle(self) -> None:
        """See Node."""
        if self._key is None:
            return
        with imported():
            from eth_account import Account

        address, until = Account.from_key(self._key).address, time.monotonic() + PATIENCE
        while self._count(address, "pending") > self._count(address, LATEST):
            if time.monotonic() > until:
                expected = "no transaction of an earlier call that waits for a block"
                raise NotAnchored(f"the account {address}", expected, f"one, after {PATIENCE:g} s")
            time.sleep(PAUSE)

    def _count(self, address: str, block: str) -> int:
        return int(self._ask("eth_getTransactionCount", address, block), 16)

    def _fees(self, what: str) -> dict[str, int]:
        block, price = self._ask("eth_getBlockByNumber", LATEST, False), int(self._ask("eth_gasPrice"), 16)
        return fees(what, block, price, self._most)

    def _taken(self, transaction: Transaction, digest: str) -> Receipt:
        until = time.monotonic() + PATIENCE
        while (told := self._ask("eth_getTransactionReceipt", digest)) is None:
            if time.monotonic() > until:
                raise NotAnchored(transaction.what, f"a block with {digest}", f"none in {PATIENCE:g} s")
            time.sleep(PAUSE)
        if int(told["status"], 16) != 1:
            raise NotAnchored(transaction.what, "a transaction that the chain takes", f"{digest} reverted")
        return Receipt(
            transaction.what, _bytes(digest), int(told["blockNumber"], 16), int(told["gasUsed"], 16)
        )

    def _ask(self, method: str, *parameters: Any) -> Any:
        from requests import RequestException
        from requests.exceptions import ConnectionError as Unreachable
        from requests.exceptions import InvalidSchema, MissingSchema, Timeout

        try:
            answer: Any = self._provider.make_request(method, list(parameters))
        except (InvalidSchema, MissingSchema) as error:
            expected = "an address that begins with http:// or https://"
            raise NotAnchored("the node", expected, self._url) from error
        except (Unreachable, Timeout) as error:
            found = f"no answer ({type(error).__name__})"
            raise NotAnchored(self._url, "a node that answers", found) from error
        except (RequestException, OSError, ValueError, RecursionError) as error:
            found = f"{type(error).__name__}: {error}"[:200]
            raise NotAnchored(self._url, "a node that answers", found) from error
        if answer.get("error"):
            said = answer["error"]
            found = said.get("message", said) if isinstance(said, dict) else said
            raise NotAnchored(method, "an answer of the node", str(found)[:200])
        return answer.get("result")


def account_address(address: bytes) -> str:
    """An address with the capitals of EIP-55, as packages demand."""
    from proofward.chain.contract.keys import address_text

    return address_text(address.rjust(32, b"\0"))


def header_of(block: dict[str, Any]) -> bytes:
    """The header of a block as the chain hashes it; raises NotAnchored when it is of another form."""
    fields = [_bytes(block[name]) for name in _HASHES]
    fields += [number_bytes(int(block[name], 16)) for name in _NUMBERS]
    fields += [_bytes(block[name]) for name in ("extraData", "mixHash", "nonce")]
    for name, is_number in _LATER:
        if block.get(name) is None:
            break
        fields.append(number_bytes(int(block[name], 16)) if is_number else _bytes(block[name]))
    header = rlp_encode(fields)
    if keccak256(header) != _bytes(block["hash"]):
        expected = f"a header with the hash {block['hash']}"
        raise NotAnchored("the block", expected, f"one of another form, {keccak256(header).hex()}")
    return header


def _text(data: bytes) -> str:
    return f"0x{data.hex()}"


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _nodes(texts: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(map(_bytes, texts))
