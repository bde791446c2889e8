"""Arguments of a contract's calls, by its interface: the encoding of the Solidity ABI, without any package.

Values are integers, booleans and bytes; an address has 20 bytes. Tuples and lists are sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from proofward.chain.contract.keccak import keccak256

WORD = 32
Entry = dict[str, Any]


def calldata(abi: Sequence[Entry], name: str, values: Sequence[Any]) -> bytes:
    """A call of the function of that name."""
    entry = next(found for found in abi if found["type"] == "function" and found["name"] == name)
    return selector(entry) + encoded(entry["inputs"], values)


def selector(entry: Entry) -> bytes:
    """The first four bytes of a call of this function."""
    return hash_of_name(signature(entry))[:4]


def signature(entry: Entry) -> bytes:
    """Name and types of a function or an event, whose hash it is known by."""
    return f"{entry['name']}({','.join(map(kind_of, entry['inputs']))})".encode()


@lru_cache(maxsize=256)
def hash_of_name(text: bytes) -> bytes:
    """Of a signature: a call begins with its first four bytes, and an event is logged under all of it."""
    return keccak256(text)


def constructor_arguments(abi: Sequence[Entry], values: Sequence[Any]) -> bytes:
    """What stands behind the bytecode in a deployment."""
    return encoded(next(found for found in abi if found["type"] == "constructor")["inputs"], values)


def encoded(parts: Sequence[Entry], values: Sequence[Any]) -> bytes:
    """A sequence of values: heads, of a dynamic value its offset, then the dynamic values."""
    bodies = [_encoded_one(part, value) for part, value in zip(parts, values, strict=True)]
    heads = sum(WORD if _is_dynamic(part) else len(body) for part, body in zip(parts, bodies, strict=True))
    head, tail = b"", b""
    for part, body in zip(parts, bodies, strict=True):
        if _is_dynamic(part):
            head += (heads + len(tail)).to_bytes(WORD, "big")
            tail += body
        else:
            head += body
    return head + tail


def _encoded_one(part: Entry, value: Any) -> bytes:
    kind: str = part["type"]
    if kind.endswith("[]"):
        of = {**part, "type": kind.removesuffix("[]")}
        return len(value).to_bytes(WORD, "big") + encoded([of] * len(value), value)
    if kind == "tuple":
        return encoded(part["components"], value)
    if kind in ("bytes", "string"):
        data = value.encode() if isinstance(value, str) else value
        return len(data).to_bytes(WORD, "big") + data.ljust(-(-len(data) // WORD) * WORD, b"\0")
    if kind == "address":
        return bytes(value).rjust(WORD, b"\0")
    if kind.startswith("bytes"):
        return bytes(value).ljust(WORD, b"\0")
    return int(value).to_bytes(WORD, "big")


def _is_dynamic(part: Entry) -> bool:
    kind: str = part["type"]
    if kind == "tuple":
        return any(map(_is_dynamic, part["components"]))
    return kind in ("bytes", "string") or kind.endswith("[]")


def kind_of(part: Entry) -> str:
    """The type of a part, of a tuple with those of its components."""
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(kind_of, part['components']))}){kind.removeprefix('tuple')}"
