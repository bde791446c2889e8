"""Where a party's random bytes come from: the operating system, or a seed for repeatable runs.

Every use names itself (a label) and what it is for (a context). From a seed, label and context determine the
bytes, so two different statements never share randomness and a repeated computation repeats its bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Protocol

ByteSource = Callable[[int], bytes]


class Randomness(Protocol):
    """Gives independent byte sources."""

    def source(self, label: str, context: bytes) -> ByteSource:
        """A source of random bytes for one purpose."""
        ...


class SystemRandomness:
    """The operating system's generator."""

    def source(self, label: str, context: bytes) -> ByteSource:
        """Ignores its arguments: every call gives fresh bytes."""
        return os.urandom


SYSTEM = SystemRandomness()


class SeededRandomness:
    """SHAKE-256 of a secret seed: repeatable runs for tests and benchmarks, never for real data."""

    def __init__(self, seed: bytes, party: str) -> None:
        self._seed = seed
        self._party = party

    def source(self, label: str, context: bytes) -> ByteSource:
        """Counter-mode SHAKE-256 of (seed, party, label, context)."""
        parts = [b"proofward/seeded-randomness/v1", self._seed, self._party.encode(), label.encode(), context]
        prefix = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
        counter = 0

        def draw(count: int) -> bytes:
            nonlocal counter
            block = hashlib.shake_256(prefix + counter.to_bytes(8, "little")).digest(count)
            counter += 1
            return block

        return draw
