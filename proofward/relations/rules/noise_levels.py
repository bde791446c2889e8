"""How noise is put together: a sum of draws from tables, each level's draws counting a step of their own.

Updates have two levels, Z = z_0 + 128 z_1. Counts, whose noise is smaller, have one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import add
from proofward.lattice.parameters import LARGEST_BOUND
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import Privacy
from proofward.proof.tables import Table
from proofward.relations.rules.blocks import Entries
from proofward.relations.rules.noise_tables import COARSE, FINE, LEVELS, NoiseTable, noise_table, noise_tables

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

_TAGS, _TITLES = (FINE, COARSE), ("fine", "coarse")


@dataclass(frozen=True)
class NoiseLevels:
    """steps: what a draw of each level counts. variances: of each level's discrete Gaussian."""

    steps: tuple[int, ...]
    variances: tuple[int, ...]

    @staticmethod
    def of_updates(privacy: Privacy) -> NoiseLevels:
        """Those of an update's entries."""
        return NoiseLevels(LEVELS, tuple(table.variance for table in noise_tables(privacy)))

    @staticmethod
    def of_counts(variance: int) -> NoiseLevels:
        """That of counts."""
        return NoiseLevels((1,), (variance,))

    @property
    def count(self) -> int:
        """How many levels there are."""
        return len(self.steps)

    @property
    def titles(self) -> tuple[str, ...]:
        """Their names."""
        return _TITLES[: self.count]

    @property
    def tables(self) -> tuple[NoiseTable, ...]:
        """One for each level."""
        return tuple(map(noise_table, self.variances))

    @property
    def looked_up(self) -> tuple[Table, ...]:
        """The same as tables of lookups."""
        return tuple(table.lookup_table(tag) for table, tag in zip(self.tables, _TAGS, strict=False))

    @property
    def digest(self) -> bytes:
        """SHA-256 of the tables' digests."""
        return hashlib.sha256(b"".join(table.digest for table in self.tables)).digest()

    @property
    def largest(self) -> int:
        """What no entry of one hospital's noise exceeds in magnitude."""
        return sum(step * table.end for step, table in zip(self.steps, self.tables, strict=True))

    def drawn(self, words: Array, public: Array) -> Signed:
        """Z of every entry, int64 (entries,), by secret and public words, F (levels, entries)."""
        total = np.zeros(words.shape[1], dtype=np.int64)
        for step, table, own, shared in zip(self.steps, self.tables, words, public, strict=True):
            total += step * (table.places(add(own, shared)) - table.end)
        return total

    def padded_public(self, level: int, block: Entries, public: Array) -> Array:
        """The public words of a block and level, with a word that gives 0 at the padded entries."""
        real = block.pad(np.ones(public.shape[1], dtype=np.uint64))
        return np.where(real, block.pad(public[level]), np.uint64(self.tables[level].middle))

    def committed_values(self, padded: int, table_bits: int) -> int:
        """About how many values the noise of so many padded entries commits to, secret words included."""
        limbs = sum(2 * (-(-table.interval_bits // table_bits) - 1) for table in self.tables)
        each = sum(2 << table.end.bit_length() for table in self.tables)
        return padded * (4 * self.count + limbs) + each


def tables_digest(privacy: Privacy) -> bytes:
    """What binds the tables of an update's noise."""
    return NoiseLevels.of_updates(privacy).digest


def largest_noise(privacy: Privacy) -> int:
    """What no entry of the noise of one hospital's update exceeds in magnitude."""
    return NoiseLevels.of_updates(privacy).largest


def message_bound(privacy: Privacy | None, bound: int) -> int:
    """What no entry of an update within a bound exceeds with its noise, if there is any.

    The draws of the tables are bounded, so every honest message is within it. Raises ConfigurationError.
    """
    found = bound if privacy is None else bound + largest_noise(privacy)
    if found >= LARGEST_BOUND:
        raise ConfigurationError("privacy", f"messages, noise included, below {LARGEST_BOUND}", found)
    return found
