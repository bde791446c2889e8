"""The committed interface and bytecode are what the compiler makes of the committed source."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest

from proofward.chain.contract.artifact import FOLDER, NAME, VYPER, anchor_artifact, compiled


@pytest.mark.slow
def test_the_source_compiles_to_what_is_committed():
    pytest.importorskip("vyper", reason="vyper is not installed")
    if version("vyper") != VYPER:
        pytest.skip(f"vyper {version('vyper')} is not {VYPER}")
    assert compiled() == json.loads((FOLDER / f"{NAME}.json").read_text())


def test_nobody_owns_it_and_nobody_pays():
    abi = anchor_artifact().abi
    functions = {entry["name"]: entry["stateMutability"] for entry in abi if entry["type"] == "function"}
    writing = {name for name, kind in functions.items() if kind == "nonpayable"}
    assert writing == {
        "anchor", "set_weights", "close_round", "replace_seat",
        "verdict_conflict", "checkpoint_conflict", "dispute_column", "dispute_row",
    }  # fmt: skip
    assert {*functions.values()} == {"nonpayable", "view"}
    assert [entry["stateMutability"] for entry in abi if entry["type"] == "constructor"] == ["nonpayable"]


def test_the_code_fits_into_a_contract_and_can_neither_create_nor_delegate_nor_end():
    code = anchor_artifact().runtime
    assert len(code) <= 24576
    opcodes, at = set(), 0
    while at < len(code) - 200:  # immutable values and the compiler's notes are behind the code
        opcodes.add(code[at])
        at += 1 + (code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0)
    creating, delegating, ending = {0xF0, 0xF5}, {0xF2, 0xF4}, {0xFF}
    assert not opcodes & (creating | delegating | ending)
