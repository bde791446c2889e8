"""The chain's libraries are imported so that deeply nested JSON is still refused and not the process's end."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from proofward.chain.basics.libraries import imported

PACKAGE = Path(__file__).resolve().parents[2] / "proofward"
LIBRARIES = ("web3", "eth", "eth_account", "eth_abi", "eth_keys", "py_ecc")


def test_the_limit_of_recursion_stays() -> None:
    program = (
        "import sys; before = sys.getrecursionlimit()\n"
        "from proofward.chain.nodes.evm import LocalChain\n"
        "from proofward.chain.nodes.rpc import RpcNode\n"
        "LocalChain(p256=True); RpcNode('http://127.0.0.1:9')\n"
        "assert sys.getrecursionlimit() == before, sys.getrecursionlimit()\n"
    )
    with imported():
        pytest.importorskip("eth")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_import_that_fails_leaves_the_limit_as_it_was() -> None:
    before = sys.getrecursionlimit()
    with pytest.raises(ImportError), imported():
        sys.setrecursionlimit(before + 1)
        raise ImportError
    assert sys.getrecursionlimit() == before
    with pytest.raises(RecursionError):
        json.loads("[" * 100_000)


def test_nothing_imports_the_libraries_otherwise() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        allowed = {
            node
            for block in ast.walk(tree)
            if isinstance(block, ast.With) and "imported()" in ast.unparse(block.items[0])
            for node in ast.walk(block)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and node not in allowed:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
                if any(name.split(".")[0] in LIBRARIES for name in names):
                    wrong.append(f"{path.relative_to(PACKAGE)}: line {node.lineno}")
    assert wrong == []
