"""In which bin of an evaluation the score of every sample lies, in a proof; of two classes.

With z = Z[1] - Z[0] the exact difference of a sample's logits, d the divisor that rounds it to the score D,
h = floor(d / 2), and t_1 < .. < t_(B-1) the borders of `score_counts`,
    D > t_b     if and only if     z + h >= e_b = d (t_b + 1).
The edges e_0 = -2^m, e_1, .., e_(B-1), e_B = 2^m, cut to [-2^m, 2^m), tile what z + h can be. So bin b is
    low <= z + h < high,     low = e_b, high = e_(b+1).

What is proved: columns b, low, high and u of each sample, (b, low) and (b, high) entries of public tables,
    u = z + h - low in [0, 2^(m+1)),     high - 1 - low - u in [0, 2^(m+1)).
u is committed to in limbs; the last range is of a virtual column. At a random r, drawn after the commitment,
    z~(r) = u~(r) + low~(r) - h
is the claim on the logits that the caller proves.

Uniqueness: |z| is below 2^m, whatever the records are, and m is at most 60, so equality in F is equality of
integers. The intervals tile [-2^m, 2^m), and those that are empty hold nothing, so b is the one bin of z.
Soundness: log(samples) / |E| for r, besides the lookups. How it hides: no message is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.forms import Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.networks.public_pass import PublicPass
from proofward.relations.scores.score_counts import borders

Signed = npt.NDArray[np.int64]

LOW_TAG, HIGH_TAG = 1 << 40, (1 << 40) + 1
MOST_BITS = 60
"""Of m."""


@dataclass(frozen=True, slots=True)
class Edges:
    """e_0 .. e_B, int64, and m; `half` is h."""

    values: Signed
    bits: int
    half: int

    @staticmethod
    def of(about: PublicPass, bins: int) -> Edges:
        """Those of a network's scores; raises ConfigurationError where they are too large."""
        divisor = about.model.last_rounding(about.scales).divisor
        bits = (about.bounds[about.model.depth - 1].sums + divisor.value).bit_length()
        if bits > MOST_BITS:
            raise ConfigurationError("bits of a difference of logits", f"at most {MOST_BITS}", bits)
        end = 1 << bits
        inner = [divisor.value * (int(border) + 1) for border in borders(bins, about.scales.activation_bits)]
        cut = [min(max(value, -end), end) for value in inner]
        return Edges(np.array([-end, *cut, end], dtype=np.int64), bits, divisor.half)

    @property
    def bins(self) -> int:
        """B."""
        return len(self.values) - 1

    def bin_of(self, differences: Signed) -> Signed:
        """b of exact differences of logits z (n,)."""
        found: Signed = np.searchsorted(self.values[1:-1], differences + self.half, side="right")
        return found.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where samples are, a prover's, each int64 (samples,): b, its edges, and how far z + h is from these."""

    bin: Signed
    low: Signed
    high: Signed
    above: Signed
    below: Signed

    @staticmethod
    def of(edges: Edges, differences: Signed) -> Placed:
        """By the differences of logits z."""
        found, shifted = edges.bin_of(differences), differences + edges.half
        low, high = edges.values[found], edges.values[found + 1]
        return Placed(found, low, high, shifted - low, high - 1 - shifted)


@dataclass(frozen=True, slots=True)
class ScoreBins:
    """The columns over the samples."""

    edges: Edges
    bin: LinearCombination
    low: LinearCombination
    above: LinearCombination

    @staticmethod
    def declare(
        ranges: RangeChecks, edges: Edges, log_samples: int, differences: Callable[[], Signed]
    ) -> ScoreBins:
        """Declare them and their lookups; `differences` are z of all samples, a prover's."""

        @cache
        def known() -> Placed:
            return Placed.of(edges, differences())

        own = ranges.column("bins of scores", log_samples, lambda: known().bin)
        low = ranges.column("lower edges", log_samples, lambda: known().low)
        high = ranges.column("upper edges", log_samples, lambda: known().high)
        lower, upper = _tables(edges)
        ranges.look_up(lower, own, low)
        ranges.look_up(upper, own, high)
        bits = edges.bits + 1
        above = ranges.declare("above lower edges", log_samples, bits, lambda: known().above)

        def below(point: Point) -> Form:
            return high.at(point) - low.at(point) - above.at(point) - 1

        ranges.require_virtual("below upper edges", log_samples, bits, lambda: known().below, below)
        return ScoreBins(edges, own, low, above)

    def differences(self, party: Party) -> tuple[Point, Form]:
        """A random point of the samples, and the extension there that z has to have."""
        point = party.challenges(self.bin.log_size)
        if point:
            party.soundness.add("scores", "Schwartz-Zippel", len(point))
        return point, self.above.at(point) + self.low.at(point) - self.edges.half


@lru_cache(maxsize=16)
def _padded_bins(bins: int) -> Signed:
    """0 .. B - 1, the last again up to a power of two."""
    return np.minimum(np.arange(1 << (bins - 1).bit_length(), dtype=np.int64), bins - 1)


def _tables(edges: Edges) -> tuple[Table, Table]:
    """(b, low) and (b, high) of every bin."""
    own = _padded_bins(edges.bins)
    lower = Table.of("lower edges of bins", LOW_TAG, own, edges.values[own])
    return lower, Table.of("upper edges of bins", HIGH_TAG, own, edges.values[own + 1])
