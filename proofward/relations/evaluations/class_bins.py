"""In which bins of an evaluation the scores of every sample lie, in a proof; of three and more classes.

With E_k, S as in `layers.heads.softmax` and B bins, a class's probability E_k / S is in the bin
    b_k = floor(W_k / S),     W_k = max(B E_k - 1, 0),
which is the one of `score_counts`: b S < B E_k <= (b + 1) S, and bin 0 where E_k = 0.

What is proved, over (sample, class): the columns of `layers.heads.softmax_columns`, and
    (key, W) is an entry of a public table
    b in [0, 2^c), c the bits of B - 1, and rho in [0, 2^w), w the bits that S can have
    S - 1 - rho is virtual, in [0, 2^w)
    W = S b + rho
The class that a sample is taken for is the first one at the maximum (`first_mark` of the column F).

Uniqueness: W, S follow from the logits, 0 <= rho < S, and S b + rho < 2^38; so b and rho are quotient and
remainder in the integers. Classes in padding have bins of their own, which are counted nowhere.

Message order, after the lookups:
    verifier: a point q
    a sumcheck of sum over x of eq(q, x) S(x) b(x)      prover: S and b where it ended
Soundness: log(size) / |E| for q, and what lookups and the sumcheck enter. How it hides: the party pads every
message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.extension import lift
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.stack import eq_weights
from proofward.layers.heads.softmax import Softmax, exponential_bits, exponential_table, softmax
from proofward.layers.heads.softmax_columns import ClassSum, SoftmaxColumns, padded
from proofward.layers.networks.arrangement import head_limb
from proofward.layers.rules.model import FixedPoint
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables
from proofward.proof.tables import Table
from proofward.relations.evaluations.first_mark import FirstMark
from proofward.relations.networks.public_pass import PublicPass

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

SCALED_TAG = (1 << 40) + 3


@dataclass(frozen=True, slots=True)
class Divided:
    """b and rho of all samples and classes, a prover's, each flat."""

    quotient: Signed
    rest: Signed

    @staticmethod
    def of(scaled: Signed, total: Signed) -> Divided:
        """Of W (samples, classes padded) and S (samples,)."""
        found, rest = np.divmod(scaled, total[:, None])
        return Divided(found.reshape(-1), rest.reshape(-1))


@dataclass(frozen=True, slots=True)
class ClassBins:
    """bin, scaled, remainder: b, W and rho, over (sample, class). taken: 1 + the class, over the samples."""

    columns: SoftmaxColumns
    bin: LinearCombination
    scaled: LinearCombination
    remainder: LinearCombination
    taken: LinearCombination

    @staticmethod
    def declare(
        ranges: RangeChecks, about: PublicPass, bins: int, sums: Callable[[], Signed]
    ) -> ClassBins:
        """Declare the columns and their lookups; `sums` are the logits (samples, padded), a prover's."""
        scales, takes = about.model.last_rounding(about.scales), about.model.head.takes
        log_samples = about.log_records
        size = log_samples + takes.log_size
        limb = head_limb(scales, about.bounds[about.model.depth - 1].high)

        @cache
        def own() -> Softmax:
            return softmax(takes.unpad(sums().reshape(-1, takes.padded_size)), scales)

        @cache
        def divided() -> Divided:
            whole = padded(takes, own().exponential, 1 << exponential_bits(scales))
            return Divided.of(scaled_up(whole, bins).reshape(-1, takes.padded_size), own().total)

        columns = SoftmaxColumns.declare(
            ranges, scales, takes, log_samples, limb_above=limb, sums=sums, known=own
        )
        table = exponential_table(scales)
        keys, unit = np.arange(table.size, dtype=np.int64), 1 << exponential_bits(scales)
        scaled = ranges.column(
            "scaled exponentials", size, lambda: scaled_up(padded(takes, own().exponential, unit), bins)
        )
        ranges.look_up(
            Table.of("scaled exponentials", SCALED_TAG, keys, scaled_up(table, bins)), columns.key, scaled
        )
        found = ranges.declare("bins of scores", size, (bins - 1).bit_length(), lambda: divided().quotient)
        width = sum_bits(scales, takes)
        remainder = ranges.declare("remainders of bins", size, width, lambda: divided().rest)
        ranges.require_virtual(
            "room above the remainders of bins",
            size,
            width,
            lambda: np.repeat(own().total - 1, takes.padded_size) - divided().rest,
            lambda point: columns.total.at(point[:log_samples]) - 1 - remainder.at(point),
        )
        taken = FirstMark.declare(
            ranges,
            "classes taken",
            LinearCombination(((1, columns.equal),)),
            takes.size,
        )
        return ClassBins(columns, found, scaled, remainder, taken.code)

    @property
    def rounding(self) -> Rounding:
        """That of the logits."""
        return self.columns.rounding

    @property
    def total(self) -> ClassSum:
        """S."""
        return self.columns.total

    def prove(self, party: Party) -> None:
        """The division, at a random point."""
        takes = self.columns.takes
        point = party.challenges(self.bin.log_size)
        party.soundness.add("bins of scores", "Schwartz-Zippel", len(point))
        split = len(point) - takes.log_size

        def tables() -> Tables:
            totals = self.columns.sums(party.values(self.columns.exponential))
            spread = np.repeat(totals, takes.padded_size)
            return Tables([(lift(spread), lift(self.bin.values(party.values)))])

        claim = self.scaled.at(point) - self.remainder.at(point)
        reduced = party.sumcheck(claim, eq_weights(point), tables)
        total, found, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        party.assert_zero(total - self.total.at(reduced.point[:split]))
        party.assert_zero(found - self.bin.at(reduced.point))


def scaled_up(exponentials: Signed, bins: int) -> Signed:
    """W."""
    return np.maximum(bins * exponentials - 1, 0)


def sum_bits(scales: FixedPoint, takes: Layout) -> int:
    """w: S is at most 2^w."""
    return exponential_bits(scales) + takes.log_size
