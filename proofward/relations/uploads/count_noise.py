"""The noise of counts: what a statement says of it, a hospital's secret, and the noise of one block.

All entries of a vector have one column of noise. A vector that is encrypted in several blocks has in each of
them the part of that column that belongs to it, which is a public functional of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.extension import zeros
from proofward.field.goldilocks import add
from proofward.field.multilinear import eq_table
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.commitment.contract import Scheme
from proofward.proof.forms import Column, Form, Point, total
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.relations.rules.blocks import Entries
from proofward.relations.rules.counting import Counting
from proofward.relations.uploads.encryption import Encrypted
from proofward.relations.uploads.noise import NoiseRelation
from proofward.relations.uploads.noise_seed import NoiseSecret, public_words

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


class OfCounts(Protocol):
    """A statement about counts."""

    @property
    def consortium(self) -> bytes: ...
    @property
    def counting(self) -> Counting: ...
    @property
    def round(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def hospital(self) -> str: ...
    @property
    def beacon(self) -> bytes: ...
    @property
    def noise_root(self) -> bytes: ...
    def public_words(self) -> Array: ...


def check_noise_root(counting: Counting, root: bytes) -> None:
    """Raises ConfigurationError unless a root is there exactly where counts have noise."""
    expected = 32 if counting.noise else 0
    if len(root) != expected:
        raise ConfigurationError("noise_root", f"{expected} bytes by the rules", f"{len(root)} bytes")


def bound_noise(counting: Counting, root: bytes) -> tuple[bytes, ...]:
    """What binds the noise in a statement, nothing where there is none."""
    return () if counting.levels is None else (b"noise", root, counting.levels.digest)


def words_of(statement: OfCounts) -> Array:
    """The words that the beacon adds to the secret ones of the noise, F (levels, counts)."""
    counting, levels = statement.counting, statement.counting.levels
    assert levels is not None
    own = (statement.round, statement.attempt, statement.hospital, statement.beacon)
    return public_words(statement.consortium, *own, counting.length, levels.count)


def secret_of(counting: Counting, scheme: Scheme, seed: bytes) -> NoiseSecret:
    """What a hospital makes of a seed, under the scheme of the proof that will open it."""
    assert counting.levels is not None
    return NoiseSecret.made(counting.levels.count, [counting.block], scheme, seed)


def noisy(
    statement: OfCounts, counts: Signed, scheme: Scheme, seed: bytes
) -> tuple[NoiseSecret | None, Signed]:
    """What the noise of counts is drawn from, and what is encrypted; raises WitnessError for another seed."""
    if statement.counting.levels is None:
        return None, counts
    noise = secret_of(statement.counting, scheme, seed)
    noise.check_root(statement.noise_root)
    return noise, counts + statement.counting.levels.drawn(noise.words, words_of(statement))


def reopened(
    party: Party, statement: OfCounts, secret: Callable[[], NoiseSecret | None]
) -> NoiseRelation | None:
    """The secret words, taken from their commitment; None where counts are exact. `secret` is a prover's."""
    counting = statement.counting
    if counting.levels is None:
        return None

    public = statement.noise_root, statement.public_words
    return NoiseRelation.reopen(party, counting.levels, [counting.block], *public, secret)


@dataclass(frozen=True, slots=True)
class CountNoise:
    """The column of noise of a whole vector, once `declare` has drawn it."""

    party: Party
    relation: NoiseRelation
    column: LinearCombination

    @staticmethod
    def declare(ranges: RangeChecks, relation: NoiseRelation) -> CountNoise:
        """The draws and their lookups."""
        (column,) = relation.drawn(ranges)
        return CountNoise(ranges.party, relation, column)

    def added_to(self, block: Entries, counts: Encrypted) -> NoisyBlock:
        """The counts of a block of the vector with their noise."""
        return NoisyBlock(self, block, counts)


@dataclass(frozen=True, slots=True)
class NoisyBlock:
    """A part of an encrypted vector: counts, and the noise that belongs to them."""

    noise: CountNoise
    block: Entries
    counts: Encrypted

    def at(self, point: Point) -> Form:
        """The extension of what is encrypted."""
        own, block = self.noise, self.block
        if not own.party.evaluates_public:
            return self.counts.at(point)
        weights = zeros(1 << own.column.log_size)
        weights[:, block.offset : block.offset + block.size] = block.unpad(eq_table(point))
        terms = [column.inner(weights) * factor for factor, column in own.column.terms]
        return self.counts.at(point) + total(terms)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """What is encrypted, padded; a prover's."""
        return add(self.counts.values(of), self.block.pad(self.noise.column.values(of)))
