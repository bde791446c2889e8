"""Noise that a hospital proves to have drawn: with the update or the counts U, V = U + Z is encrypted.

What is proved. For every entry and each level, with the committed secret word r, the public word beta and the
table C of the level (`noise_levels`, `noise_seed`), u = r + beta mod P lies in [C_z, C_(z+1)). So z is the
draw that u gives; for updates Z = z_0 + 128 z_1, for counts Z = z_0. The root of the commitment to all r is
part of the statement and was on the ledger before the beacon that beta is drawn from was known.

Columns of a block and level: r, reopened; z, lo and hi. Lookups:
    (z, lo) and (z + 1, hi) in the pairs (z, C_z), where C_(E+1) = P stands as 0
    u - lo and hi - 1 - u in [0, 2^b), 2^b at least the longest interval, at most 2^60
The last two are virtual columns: their values are combinations of committed columns and beta, so that nothing
but their lower limbs is committed to, and where the lookups end every party works out the rest.

Soundness. Both pairs are entries, so lo = C_z and hi = C_(z+1) for one z, and both distances are integers
below 2^b whose sum is C_(z+1) - C_z - 1 modulo P. Either side is below 2^61, so they are equal integers, and
u = lo + (u - lo) with 0 <= u - lo < C_(z+1) - C_z. There is one such z for every u. All of it rests on the
lookups and the opening alone, whose errors are entered there: no equation is left to a random point. At the
padded entries of a block beta is a word that gives 0, and an honest r is 0. Whatever r is there, V has to be
0, see `relations.uploads.encryption`.

How it hides. r is a column of one more commitment, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import add, to_field
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.proof.forms import Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.rules.blocks import Entries
from proofward.relations.rules.noise_levels import NoiseLevels
from proofward.relations.rules.noise_tables import NoiseTable
from proofward.relations.uploads.noise_seed import NoiseSecret

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Draws:
    """A block's draws, a prover's: z, lo, hi, and the distances of u to the ends of its interval."""

    values: Signed
    low: Array
    high: Array
    above: Signed
    below: Signed

    @staticmethod
    def of(table: NoiseTable, words: Array) -> Draws:
        """What the words u, F-array, give."""
        places = table.places(words)
        low, stop = table.starts[places], np.append(table.starts[1:], np.uint64(P))[places]
        above, below = words - low, stop - np.uint64(1) - words
        return Draws(places - table.end, low, stop % np.uint64(P), above.view(np.int64), below.view(np.int64))


@dataclass(frozen=True, slots=True)
class NoiseRelation:
    """The columns r of all levels and blocks, and the public words."""

    levels: NoiseLevels
    blocks: Sequence[Entries]
    secret: list[list[Column]]
    public: Callable[[], Array]

    @staticmethod
    def reopen(
        party: Party,
        levels: NoiseLevels,
        blocks: Sequence[Entries],
        root: bytes,
        public: Callable[[], Array],
        witness: Callable[[], NoiseSecret | None],
    ) -> NoiseRelation:
        """Take the secret words from their commitment; `public` are beta, F (levels, entries)."""

        def known() -> NoiseSecret:
            found = witness()
            assert found is not None
            return found

        def words(level: int, block: Entries) -> Array:
            return block.pad(known().words[level])

        columns = [
            [
                party.declare(f"{block.name} {title} words", block.log_size, partial(words, level, block))
                for block in blocks
            ]
            for level, title in enumerate(levels.titles)
        ]
        party.reopen("noise words", root, lambda: known().commitment)
        return NoiseRelation(levels, blocks, columns, public)

    def added_to(self, ranges: RangeChecks, updates: Sequence[LinearCombination]) -> list[LinearCombination]:
        """Declare the draws and their lookups; returns V of every block, given U."""
        drawn = self.drawn(ranges)
        return [combine((1, update), (1, own)) for update, own in zip(updates, drawn, strict=True)]

    def drawn(self, ranges: RangeChecks) -> list[LinearCombination]:
        """Declare the draws and their lookups; returns Z of every block."""
        tables, looked_up = self.levels.tables, self.levels.looked_up
        found = []
        for index in range(len(self.blocks)):
            draws = [
                self._draw(ranges, level, index, tables[level], looked_up[level])
                for level in range(self.levels.count)
            ]
            found.append(combine(*zip(self.levels.steps, draws, strict=True)))
        return found

    def _draw(
        self, ranges: RangeChecks, level: int, index: int, table: NoiseTable, looked_up: Table
    ) -> LinearCombination:
        """z of one block and level."""
        party, block, words = ranges.party, self.blocks[index], self.secret[level][index]
        name, size = f"{block.name} noise, {self.levels.titles[level]}", block.log_size

        @cache
        def public() -> Array:
            return self.levels.padded_public(level, block, self.public())

        @cache
        def draws() -> Draws:
            return Draws.of(table, add(party.values(words), public()))

        @cache
        def public_at(point: Point) -> Ext:
            return party.public(lambda: evaluate(public(), point))

        def drawn(point: Point) -> Form:
            return words.at(point) + public_at(point)

        value, low, high = (
            LinearCombination(((1, party.declare(f"{name} {title}", size, values)),))
            for title, values in (
                ("value", lambda: to_field(draws().values)),
                ("low", lambda: draws().low),
                ("high", lambda: draws().high),
            )
        )
        ranges.look_up(looked_up, value, low)
        ranges.look_up(looked_up, combine((1, value), constant=1), high)
        bits = table.interval_bits
        ranges.require_virtual(
            f"{name} above", size, bits, lambda: draws().above, lambda point: drawn(point) - low.at(point)
        )
        ranges.require_virtual(
            f"{name} below",
            size,
            bits,
            lambda: draws().below,
            lambda point: high.at(point) - drawn(point) - 1,
        )
        return value
