"""The final model as files: safetensors, and beside it the rules under which it was made.

Both are pure functions of the ledger, to the byte: an audit makes them again and compares. The tensors are
the exact integers of the last model object, int64 at scale 2^weight_bits, named layer1.weight (d_out, d_in),
layer1.bias (d_out,) and so on. The safetensors header is written here, keys sorted and without blanks but for
padding to eight bytes, because libraries are free to write it differently from version to version.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from proofward.encoding.cbor import Item
from proofward.federation.messages.basics.values import integers_from_bytes, integers_to_bytes
from proofward.federation.messages.consortium.declarations import NOTHING_DECLARED
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.consortium.scaling import PLAIN
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import Int64Array
from proofward.ledger.files import write_file

MODEL_NAME, RULES_NAME = "model.safetensors", "model.json"
FORMAT = "proofward/model/v2"


def safetensors_bytes(model: Network, weights: Int64Array) -> bytes:
    """The file's bytes; weights flat int64 (parameters,)."""
    header: dict[str, object] = {"__metadata__": {"format": FORMAT}}
    data: list[bytes] = []
    position = 0
    for index, parts in enumerate(model.unflatten(weights), 1):
        for name, part in zip(("weight", "bias"), parts, strict=True):
            end = position + 8 * part.size
            header[f"layer{index}.{name}"] = {
                "dtype": "I64", "shape": list(part.shape), "data_offsets": [position, end],
            }  # fmt: skip
            data.append(integers_to_bytes(part.reshape(-1)))
            position = end
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, *data))


def safetensors_length(model: Network) -> int:
    """Length of the file, which follows from the model's sizes."""
    return len(safetensors_bytes(model, np.zeros(model.parameters, np.int64)))


def weights_from_safetensors(model: Network, data: bytes) -> Int64Array | None:
    """Inverse of `safetensors_bytes`: weights flat int64, None for bytes that it does not write."""
    weights = integers_from_bytes(data[-8 * model.parameters :], model.parameters)
    if weights is None or safetensors_bytes(model, weights) != data:
        return None
    return weights


def rules_bytes(rules: Rules, weights: Int64Array) -> bytes:
    """The rules in JSON, with the digest of the model object that the ledger closes with."""
    scales = rules.config.scales
    description: dict[str, object] = {
        "format": FORMAT,
        "federation": rules.federation,
        "consortium": rules.digest.hex(),
        "members": [[member.name, member.role, member.key.hex()] for member in rules.members],
        "accepting_verdicts": rules.accepting_verdicts,
        "minimum_updates": rules.minimum_updates,
        "abandonments": rules.abandonments,
        "rounds": rules.rounds,
        "config": rules.config.to_dict(),
        "initial_model": rules.initial_model.hex(),
        "model": hashlib.sha256(integers_to_bytes(weights)).hexdigest(),
        "weight": f"integer / 2^{scales.weight_bits}",
        "feature": f"integer / 2^{scales.activation_bits}",
    }
    if rules.counting:
        description["counting"] = [own.to_dict() for own in rules.counting]
    if rules.stopping is not None:
        description["stopping"] = rules.stopping.to_item()
    if rules.declarations != NOTHING_DECLARED:
        description["declarations"] = asdict(rules.declarations)
    if rules.scaling != PLAIN:
        description["scaling"] = rules.scaling.to_item()
    for name in ("attestation", "chain", "committees"):
        if (agreed := getattr(rules, name)) is not None:
            description[name] = _printed(agreed.to_item())
    return (json.dumps(description, sort_keys=True, indent=1) + "\n").encode()


def _printed(item: Item) -> object:
    """An item as JSON has it: bytes in hexadecimal digits."""
    if isinstance(item, bytes):
        return item.hex()
    if isinstance(item, list | tuple):
        return [_printed(own) for own in item]
    if isinstance(item, dict):
        return {name: _printed(own) for name, own in item.items()}
    return item


def model_files(rules: Rules, weights: Int64Array) -> dict[str, bytes]:
    """Bytes by file name."""
    return {
        MODEL_NAME: safetensors_bytes(rules.config.model, weights),
        RULES_NAME: rules_bytes(rules, weights),
    }


def write_files(directory: Path, files: dict[str, bytes]) -> None:
    """Writes each file whole, durably."""
    for name, data in files.items():
        path = directory / name
        write_file(path, data, path.with_name(f".{path.name}.writing"))
