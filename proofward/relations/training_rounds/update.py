"""The submitted update: weighted, clipped in L2 norm, and rounded.

What is proved. For every parameter, with Delta = W_T - W_0 of the proved training and the public numbers of
`relations.rules.update_rule`:
    o 2^s U + R = mu D + o 2^(s-1),   0 <= R < o 2^s,   -2^(m-1) <= U < 2^(m-1),
where D is Delta, or where bits of it are dropped
    2^d D + R' = Delta + 2^(d-1),   0 <= R' < 2^d,   -2^(b-1) <= D < 2^(b-1).
With N = ||U||^2 always N <= B^2. Either nothing was clipped and mu = M 2^f, or mu < M 2^f and N >= B_low^2:
no hospital can shrink its share and call that clipping. A hidden bit c is the case:
    M 2^f - mu and c M 2^f - (M 2^f - mu) in [0, 2^k);   B^2 - N and N - c B_low^2 in [0, 2^b)
with k the bits of M 2^f and b those of B^2. Where the squares of U in its range could wrap around P, the same
is shown first of the upper bits V = floor(U / 2^h), which are a combination of the limbs of U: K^2 - ||V||^2
in [0, 2^b'). That bounds N below 2^62, see `relations.rules.update_rule`.

Messages: in the lookups, where those of a block's remainders end (a block is a layer's weights or its biases)
    prover: Delta where bits of it are dropped; D and mu, whose product was rounded
        (`layers.arithmetic.rounding`)
afterwards, for every block
    the layer's claim on the update, which is Delta at that point
    prover: the squared norm of the block, and one sumcheck for it; the same for V where it is needed

Soundness: Schwartz-Zippel and sumchecks, entered by the party. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_dot, lift
from proofward.field.multilinear import evaluate
from proofward.layers.affine_layers.affine import AffineRelation
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.averaging.aggregation import squared_norm
from proofward.layers.basics.divisor import Divisor
from proofward.layers.columns.stack import Units, plain_weights
from proofward.proof.forms import ONE, ZERO, Form, Point, total
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party, Tables
from proofward.relations.rules.blocks import Block
from proofward.relations.rules.update_rule import UpdateRule

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class UpdateWitness:
    """The prover's update: Delta and U flat, and the multiplier mu."""

    delta: Signed
    update: Signed
    multiplier: int


@dataclass(frozen=True, slots=True)
class UpdateRelation:
    """The committed columns of an update, by block of parameters; `below_coarse` where V is looked at.

    `trained` has the claims on Delta, by the blocks' names, once the lookups are proved.
    """

    rule: UpdateRule
    blocks: list[Block]
    updates: list[LinearCombination]
    trained: dict[str, tuple[Point, Form]]
    shortfall: LinearCombination
    room: LinearCombination
    clipped: LinearCombination
    below_bound: LinearCombination
    above_low: LinearCombination
    below_coarse: LinearCombination | None

    @staticmethod
    def declare(
        party: Party,
        ranges: RangeChecks,
        rule: UpdateRule,
        blocks: list[Block],
        witness: Callable[[], UpdateWitness],
    ) -> UpdateRelation:
        """Declare the columns and their range checks."""
        half, full = 1 << (rule.message_bits - 1), rule.full
        norm_bits = (rule.bound**2).bit_length()
        updates: list[LinearCombination] = []
        trained: dict[str, tuple[Point, Form]] = {}

        def scalar(name: str, bits: int, value: Callable[[], int]) -> LinearCombination:
            return ranges.declare(name, 0, bits, lambda: np.array([value()], dtype=np.int64))

        shortfall = scalar("weight shortfall", full.bit_length(), lambda: full - witness().multiplier)

        def shifted_update(block: Block) -> Signed:
            return block.pad(witness().update) + half

        def leading(block: Block) -> Signed:
            return block.pad(rule.leading(witness().delta))

        def shifted_leading(block: Block) -> Signed:
            return leading(block) + (1 << (rule.leading_bits - 1))

        def weighted(block: Block) -> Signed:
            return leading(block) * witness().multiplier

        def say(block: Block, rounded: LinearCombination | None, point: Point) -> Form:
            """mu D at a point of the block; D is `rounded`, or where there is none Delta."""
            values = ZERO, ZERO
            if party.knows_witness:
                known = block.field_values(rule.leading(witness().delta))
                values = evaluate(known, point), ONE * witness().multiplier
            own, multiplier, product = party.send_product(*values)
            party.assert_zero(multiplier + shortfall.at(()) - full)
            if rounded is None:
                trained[block.name] = point, own
            else:
                party.assert_zero(own - rounded.at(point))
            return product

        def say_delta(block: Block, point: Point) -> Form:
            """Delta at a point of the block."""
            known = party.knows_witness
            delta = party.send(evaluate(block.field_values(witness().delta), point) if known else None)
            trained[block.name] = point, delta
            return delta

        def declare_leading(block: Block) -> LinearCombination | None:
            """The columns D where bits of Delta are dropped, and their rounding."""
            if not rule.dropped_bits:
                return None
            title = f"{block.name} leading bits"
            values = partial(shifted_leading, block)
            columns = ranges.declare(title, block.log_size, rule.leading_bits, values)
            result = LinearCombination(columns.terms, -(1 << (rule.leading_bits - 1)))
            sums = partial(_padded_delta, block, witness)
            Rounding.declare(
                ranges, title, Divisor(rule.dropped_bits), result, sums, partial(say_delta, block)
            )
            return result

        for block in blocks:
            shifted = ranges.declare(
                f"{block.name} update", block.log_size, rule.message_bits, partial(shifted_update, block)
            )
            updates.append(LinearCombination(shifted.terms, -half))
            Rounding.declare(
                ranges,
                f"{block.name} update",
                rule.divisor,
                updates[-1],
                partial(weighted, block),
                partial(say, block, declare_leading(block)),
            )

        def norm() -> int:
            return squared_norm(witness().update)

        def is_clipped() -> int:
            return int(witness().multiplier != full)

        def below_coarse() -> int:
            return rule.coarse_bound**2 - squared_norm(witness().update >> rule.coarse_bits)

        return UpdateRelation(
            rule,
            blocks,
            updates,
            trained,
            shortfall,
            room=scalar(
                "weight room",
                full.bit_length(),
                lambda: is_clipped() * full - full + witness().multiplier,
            ),
            clipped=scalar("clipped", 1, is_clipped),
            below_bound=scalar("norm below bound", norm_bits, lambda: rule.bound**2 - norm()),
            above_low=scalar("norm above low", norm_bits, lambda: norm() - is_clipped() * rule.low**2),
            below_coarse=scalar("coarse norm below bound", (rule.coarse_bound**2).bit_length(), below_coarse)
            if rule.coarse_bits
            else None,
        )

    def prove(self, party: Party, layers: list[AffineRelation], steps: int, units: Sequence[int]) -> None:
        """Run the relation; `layers` in order, `steps` = T, `units`: Delta in a layer's own."""
        rule = self.rule
        norms, coarse_norms = [], []
        for block, update in zip(self.blocks, self.updates, strict=True):
            point, delta = self.trained[block.name]
            layer = layers[block.layer]
            outputs, inputs = point[: layer.log_outputs], point[layer.log_outputs :]
            extended = (ONE, *(ZERO,) * layer.log_inputs) if block.is_bias else (ZERO, *inputs)
            unit = (ONE * units[block.layer]).inverse()
            layer.prove_update(party, steps, Units.at(outputs), extended, delta * unit)
            norms.append(_prove_norm(party, update, block.log_size))
            if rule.coarse_bits:
                coarse_norms.append(_prove_norm(party, self._coarse(update), block.log_size))
        norm, low = total(norms), rule.low**2
        party.assert_zero(self.clipped.at(()) * rule.full - self.shortfall.at(()) - self.room.at(()))
        party.assert_zero(norm + self.below_bound.at(()) - rule.bound**2)
        party.assert_zero(norm - self.clipped.at(()) * low - self.above_low.at(()))
        if self.below_coarse is not None:
            party.assert_zero(total(coarse_norms) + self.below_coarse.at(()) - rule.coarse_bound**2)

    def _coarse(self, update: LinearCombination) -> LinearCombination:
        """V = floor(U / 2^h): the limbs of U + 2^(m-1) above its h lowest bits, less 2^(m-1-h)."""
        unit = 1 << self.rule.coarse_bits
        terms = tuple((factor // unit, column) for factor, column in update.terms if factor >= unit)
        return LinearCombination(terms, update.constant // unit)


def _padded_delta(block: Block, witness: Callable[[], UpdateWitness]) -> Signed:
    return block.pad(witness().delta)


def _prove_norm(party: Party, update: LinearCombination, log_size: int) -> Form:
    """A block's squared norm: a sumcheck of U times U."""

    def tables() -> Tables:
        values = lift(update.values(party.values))
        return Tables([(values, values)])

    squares = ZERO
    if party.knows_witness:
        first, second = tables().factors[0]
        squares = ext_dot(first, second)
    norm = party.send(squares)
    reduced = party.sumcheck(norm, plain_weights(log_size), tables)
    left, right, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    party.assert_zero(left - update.at(reduced.point))
    party.assert_zero(right - update.at(reduced.point))
    return norm
