"""A node for development, anvil, found on PATH or by PROOFWARD_ANVIL: for demonstrations, never for records.

It keeps its chain in memory, and its accounts' keys are known to everybody.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from proofward.chain.nodes.rpc import LATEST, RpcNode

VARIABLE = "PROOFWARD_ANVIL"
ACCOUNT = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""The key of the first account of every anvil: public, and worth nothing elsewhere."""


def anvil_program() -> str | None:
    """The program, if there is one."""
    return os.environ.get(VARIABLE) or shutil.which("anvil")


@contextmanager
def started_anvil(program: str) -> Iterator[RpcNode]:
    """A node with a fresh chain, as long as it is needed."""
    options = {"hardfork": "osaka", "port": "0", "accounts": "1"}
    command = [program, *(part for name, value in options.items() for part in (f"--{name}", value))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        lines = (re.search(r"Listening on (\S+)", line) for line in process.stdout)
        found = next(filter(None, lines), None)
        if found is None:
            raise OSError(f"{program} ended before it listened")
        yield RpcNode(f"http://{found[1]}", ACCOUNT, LATEST)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
