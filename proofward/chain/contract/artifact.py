"""The compiled contract: its interface, its bytecode and where it keeps what.

python -m proofward.chain.contract.artifact    compiles the source again (needs vyper 0.4.3)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from proofward.chain.contract.keccak import keccak256

FOLDER = Path(__file__).parent
NAME = "LedgerAnchor"
VYPER = "0.4.3"


@dataclass(frozen=True)
class Artifact:
    """What the compiler made of a source. bytecode: with the constructor, to which arguments are appended.

    runtime: the code that a chain keeps, before its immutable values. slots: of the storage, by name.
    """

    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime: bytes
    slots: dict[str, int]

    def slot(self, name: str) -> bytes:
        """Key of a value in the contract's storage, as `eth_getProof` takes it."""
        return self.slots[name].to_bytes(32, "big")

    def slot_of(self, name: str, key: int) -> bytes:
        """Key of a map's value: Vyper hashes the map's slot before the key."""
        return keccak256(self.slot(name) + key.to_bytes(32, "big"))


@lru_cache(maxsize=1)
def anchor_artifact() -> Artifact:
    """The contract as it is in the package."""
    told = json.loads((FOLDER / f"{NAME}.json").read_text(encoding="utf-8"))
    bytecode, runtime = (bytes.fromhex(told[name]) for name in ("bytecode", "runtime"))
    return Artifact(told["abi"], bytecode, runtime, told["slots"])


def compiled() -> dict[str, Any]:
    """What vyper makes of the source now; raises ImportError where there is none."""
    from vyper.compiler import CompilerData
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.output import build_abi_output

    bundle = FilesystemInputBundle([FOLDER])
    data = CompilerData(bundle.load_file(f"{NAME}.vy"), bundle)
    layout = data.storage_layout["storage_layout"]
    slots = {name: entry["slot"] for name, entry in _values(layout)}
    return {
        "compiler": f"vyper {VYPER}",
        "abi": build_abi_output(data),
        "bytecode": data.bytecode.hex(),
        "runtime": data.bytecode_runtime.hex(),
        "slots": slots,
    }


def _values(layout: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The values of all modules."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name, entry in layout.items():
        found += [(name, entry)] if "slot" in entry else _values(entry)
    return found


def write() -> None:
    """Make the file of the package anew."""
    told = compiled()
    abi = ",\n  ".join(json.dumps(entry) for entry in told.pop("abi"))
    rest = ",\n ".join(f'"{name}": {json.dumps(value)}' for name, value in told.items())
    text = f'{{\n "abi": [\n  {abi}\n ],\n {rest}\n}}\n'
    (FOLDER / f"{NAME}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
