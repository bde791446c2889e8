"""Weights that saturate after every step of a training, of layers that have few of them.

    X_t = W_t - sum over j of e_j G_(t-j),      W_(t+1) = min(max(X_t, -2^w), 2^w)

with the integers e_j of `momentum` and the gradients G of `trained_weights`. Without a range the worst that
the steps of a round can make of a weight is far beyond what any training does, and every hidden value needs
columns for what its sums would be then. With one, the bounds of the sums are those of weights in the range.

What is proved: for every step the committed columns that make up Y = X + 2^w - 1 (`beyond`), the bits of
`flags` and X are these, with W_0 public. W is never committed to: W + 2^w = inside (Y + 1) + above 2^(w+1) is
a function of the columns. Weights have columns over (step, output, input), and biases over (step, output).

Uniqueness, by induction over steps: W_t is fixed, hence G_t is (`relu`), and X_t. Both sides of the equation
of X_t are integers below 2^63 (`bounds`), so it holds in the integers; then its class and W_(t+1) are unique.
Of weights that do not exist W_0 and every G are 0, so X and W stay 0.

Message order. Claims on W at a step, of the layer's sums:
    a sumcheck over the steps of W_(t+1)        prover: weight and bias where it ended
Then, when all claims on sums were made, for the weights and for the biases
    verifier: a point of the column             prover: W there, which is a claim as above
    the sum of gradients that is W - X there    (`trained_weights`)
and for each of both, `claims.gather` for W, which ends at a point q, and `flags` for W at q.
Soundness: log(column) / |E| for the point, besides the sumchecks. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_columns
from proofward.field.extension import Ext, ext_add, ext_scale, zeros
from proofward.field.goldilocks import add
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.arithmetic.flags import Flags
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.claims import DerivedTable, gather
from proofward.layers.columns.stack import Shape, Units, plain_weights, zero_product
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Stepped:
    """X of all steps: int64 (T, ..) over the axes of the weights, and of the biases."""

    weights: Int64Array
    biases: Int64Array


@dataclass(frozen=True, slots=True)
class SaturatedTable:
    """Columns of weights or biases over (step, entry); `table` is W + 2^w of the next step."""

    limit: int
    inside: LinearCombination
    whole: LinearCombination
    flags: Flags
    table: DerivedTable

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        log_steps: int,
        layout: Layout,
        beyond: Beyond,
        name: str,
        stepped: Callable[[], Int64Array],
    ) -> SaturatedTable:
        """Declare the columns and their lookups; `stepped` are a prover's, int64 (T, ..)."""
        limit, bits = scales.weight_range, scales.weight_range_bits + 1

        def above_least() -> Int64Array:
            values = stepped()
            padded: Int64Array = layout.pad(values.reshape(len(values), -1)) + (limit - 1)
            return padded

        size = log_steps + layout.log_size
        flags, inside, whole = beyond.declare_inside(ranges, name, size, bits, above_least)

        def held(party: Party) -> Array:
            return flags.saturated(party, inside, 2 * limit)

        return SaturatedTable(limit, inside, whole, flags, DerivedTable(Shape(log_steps, 0), held))

    @property
    def log_entries(self) -> int:
        """log2 of the padded number of weights of a step."""
        return self.inside.log_size - self.table.shape.log_steps

    def stepped_at(self, point: Point) -> Form:
        """The extension of X."""
        return self.whole.at(point) - (self.limit - 1)

    def by_step(self, party: Party) -> Array:
        """W of the step after each, an F-matrix (steps, entries); a prover's."""
        shifted = add(self.table.flat(party), np.full(1 << self.inside.log_size, P - self.limit, np.uint64))
        return shifted.reshape(self.table.shape.steps, -1)

    def say(self, party: Party, step: Point, entry: Point) -> Form:
        """W of the step after `step` at an entry, which the prover says and proves later."""
        value = None
        if party.knows_witness:
            value = evaluate(combine_columns(self.by_step(party), eq_table(entry)), step)
        said = party.send(value)
        self.table.assert_at(party, step, entry, said + self.limit)
        return said

    def prove_values(self, party: Party) -> None:
        """All claims about W, at once; and the bits are bits."""
        point, (value,) = gather(party, [self.table], self.inside.log_size)
        self.flags.prove(
            party, point, value, [(ONE, combine((1, self.inside), constant=1))], 2 * self.limit
        )


@dataclass(frozen=True, slots=True)
class SaturatedWeights:
    """Weights and biases of one layer in all steps, of which the first are public."""

    weights: SaturatedTable
    biases: SaturatedTable

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        log_steps: int,
        layouts: tuple[Layout, Layout],
        beyond: Beyond,
        name: str,
        stepped: Callable[[], Stepped],
    ) -> SaturatedWeights:
        """Declare the columns of weights and biases of these layouts."""
        about = ranges, scales, log_steps
        return SaturatedWeights(
            SaturatedTable.declare(*about, layouts[0], beyond, f"{name} weights", lambda: stepped().weights),
            SaturatedTable.declare(*about, layouts[1], beyond, f"{name} biases", lambda: stepped().biases),
        )

    def assert_weight(
        self, party: Party, step: Point, units: Units, extended: Point, weight: Form, initial: Ext
    ) -> None:
        """weight = W at (step, units, extended input), with W_0 there in `initial`."""
        rest = weight - party.public(lambda: initial * zero_product(step))
        if not step:
            party.assert_zero(rest)
            return

        def tables() -> Tables:
            return Tables([(following(step), self.following_at(party, units, extended))])

        reduced = party.sumcheck(rest, plain_weights(len(step)), tables)
        public = party.public(lambda: evaluate(following(step), reduced.point))
        party.assert_zero(reduced.claim - self._say(party, reduced.point, units, extended) * public)

    def assert_last(
        self, party: Party, steps: int, units: Units, extended: Point, weight: Form
    ) -> None:
        """weight = W after so many steps at (units, extended input)."""
        log_steps = self.weights.table.shape.log_steps
        step = tuple(ONE if (steps - 1) >> bit & 1 else ZERO for bit in reversed(range(log_steps)))
        party.assert_zero(weight - self._say(party, step, units, extended))

    def _say(self, party: Party, step: Point, units: Units, extended: Point) -> Form:
        """W of the step after `step` at (units, extended input)."""
        (top, *unit), result = extended, Form.of(0)
        own = self._outputs(units)
        if top != ONE:
            result = result + self.weights.say(party, step, (*own, *unit)) * (ONE - top)
        if top != ZERO:
            result = result + self.biases.say(party, step, own) * (top * zero_product(tuple(unit)))
        return result

    def following_at(self, party: Party, units: Units, extended: Point) -> Array:
        """W of the step after each at (units, extended input), an E-array over steps; a prover's."""
        (top, *unit), own = extended, self._outputs(units)
        weights = combine_columns(self.weights.by_step(party), eq_table((*own, *unit)))
        biases = combine_columns(self.biases.by_step(party), eq_table(own))
        of_bias = ext_scale(biases, top * zero_product(tuple(unit)))
        return ext_add(ext_scale(weights, ONE - top), of_bias)

    @staticmethod
    def _outputs(units: Units) -> Point:
        assert units.point is not None, "weights that saturate are evaluated at a point of their outputs"
        return units.point

    def prove_values(self, party: Party) -> None:
        """All claims about W, at once; no claim can be made afterwards."""
        self.weights.prove_values(party)
        self.biases.prove_values(party)


def following(step: Point) -> Array:
    """eq(step, t + 1) for every step t, an E-array; 0 for the last one."""
    found = eq_table(step)
    result = zeros(found.shape[1])
    result[:, :-1] = found[:, 1:]
    return result
