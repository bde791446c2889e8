"""The update where the gradient of each record is clipped: their sum, rounded, before noise is added.

What is proved. With the multipliers k of `layers.gradient_clipping.example_clipping` and the public numbers
of `relations.rules.clipped_rule`, for every parameter
    G = sum over slots x of k(x) dZ(x) A(x)          for biases 2^fa in the place of A; of a convolution
                                                     over positions too; beside means times u_l
    f 2^h U + R = G + f 2^(h-1),   0 <= R < f 2^h,   -2^(m-1) <= U < 2^(m-1)
so U is unique. It is the sum over the n trained rows, each once, of its gradient clipped to C; no row weighs
more or less than its gradient says. Two datasets of a hospital that differ in one row differ in U by at most
2 2^10 + sqrt(p) in norm, see `layers.gradient_clipping.clip_scale`; by that the noise is measured.

Messages: in the lookups, where those of a block's remainders end (a block is a layer's weights or its biases)
    prover: G there
afterwards, for every block
    the layer's claim on G, which is one on its gradients times the multipliers
and at last the norms and multipliers                                  (gradient_clipping/example_clipping.py)

Soundness: that of the lookups, of the sumchecks of layers, and of `example_clipping`. How it hides: the party
pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.multilinear import evaluate
from proofward.layers.affine_layers.affine import AffineRelation
from proofward.layers.affine_layers.trained_weights import TrainedWeights
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.columns.stack import Shape, Units
from proofward.layers.gradient_clipping.clipped_training import ClippedUpdate
from proofward.layers.gradient_clipping.example_clipping import ClippingRelation
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.relations.rules.blocks import Block
from proofward.relations.rules.clipped_rule import ClippedRule

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PrivateUpdate:
    """The committed columns of an update, by block; `roundings` say where the claims on G are."""

    rule: ClippedRule
    blocks: list[Block]
    updates: list[LinearCombination]
    roundings: list[Rounding]
    clipping: ClippingRelation

    @staticmethod
    def declare(
        ranges: RangeChecks,
        rule: ClippedRule,
        shape: Shape,
        blocks: list[Block],
        witness: Callable[[], ClippedUpdate],
    ) -> PrivateUpdate:
        """Declare the columns and their range checks, for a batch of this shape."""
        party, half = ranges.party, 1 << (rule.message_bits - 1)
        updates: list[LinearCombination] = []
        roundings: list[Rounding] = []

        def shifted(block: Block) -> Signed:
            return block.pad(witness().update) + half

        def sums(block: Block) -> Signed:
            return block.pad(witness().gradient)

        def say(block: Block, point: Point) -> Form:
            known = party.knows_witness
            return party.send(evaluate(block.field_values(witness().gradient), point) if known else None)

        for block in blocks:
            columns = ranges.declare(
                f"{block.name} update", block.log_size, rule.message_bits, partial(shifted, block)
            )
            updates.append(LinearCombination(columns.terms, -half))
            roundings.append(
                Rounding.declare(
                    ranges,
                    f"{block.name} update",
                    rule.divisor,
                    updates[-1],
                    partial(sums, block),
                    partial(say, block),
                )
            )
        clipping = ClippingRelation.declare(ranges, shape, rule.scale, rule.rows, lambda: witness().clipped)
        return PrivateUpdate(rule, blocks, updates, roundings, clipping)

    def prove(self, party: Party, layers: list[AffineRelation]) -> None:
        """Run the relation; `layers` in order."""
        own = [layer for layer in layers if isinstance(layer, TrainedWeights)]
        scaled = [replace(layer, gradients=self.clipping.scaled(layer.gradient)) for layer in own]
        for block, rounding in zip(self.blocks, self.roundings, strict=True):
            point, total = rounding.claim
            layer = scaled[block.layer]
            outputs, inputs = point[: layer.log_outputs], point[layer.log_outputs :]
            extended = (ONE, *(ZERO,) * layer.log_inputs) if block.is_bias else (ZERO, *inputs)
            # one step's change of the weights is the rate times the sum of gradients, downwards
            unit = (ONE * self.rule.scale.layers[block.layer].unit).inverse()
            change = total * (unit * -layer.rates.rate)
            layer.prove_update(party, 1, Units.at(outputs), extended, change)
        self.clipping.prove(party, own)
