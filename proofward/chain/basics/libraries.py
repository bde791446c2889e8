"""The chain's libraries are imported within `imported`, so that they change nothing else in the process.

web3, eth_account and py-evm raise the interpreter's limit of recursion to 100,000 when they are imported.
With such a limit JSON that is nested deeply, as anybody may send it, overflows the stack and ends the
process, where otherwise `RecursionError` is raised and refused in words.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def imported() -> Iterator[None]:
    """For import statements: the limit of recursion is afterwards what it was."""
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
