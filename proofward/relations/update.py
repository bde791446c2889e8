"""The submitted update: weighted, clipped in L2 norm, requantised.

What is proved: for every parameter 2^fw U + R = mu Delta + 2^(fw-1) with R in [0, 2^fw) and U in [-2^19,
2^19), Delta = W_T - W_0 of the proved
training; and with N = ||U||^2, the public weight M = n 2^10 and the public bounds B, B_low: N <= B^2, and
either mu = M, or mu < M and N >= B_low^2.
The case is a hidden bit c: M - mu in [0, 2^m), c M - (M - mu) in [0, 2^m), B^2 - N and N - c B_low^2 in [0,
2^b). Nobody shrinks its share by choice.
Message order: per block of parameters (a layer's weights, a layer's biases) V a point, P Delta and mu there,
the layer's update claim; then P the block's
squared norm and one sumcheck for it. Soundness: Schwartz-Zippel and sumchecks, entered by the party.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_dot, lift
from proofward.field.multilinear import evaluate
from proofward.layers.aggregation import UPDATE_BITS
from proofward.layers.linear import LinearRelation
from proofward.layers.ranges import RangeChecks
from proofward.layers.stack import Units, plain_weights
from proofward.proof.forms import ONE, ZERO, Form, Point, total
from proofward.proof.lookup import Linear
from proofward.proof.party import Party, Tables
from proofward.relations.blocks import Block
from proofward.relations.config import MESSAGE_BITS, RoundConfig

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class UpdateWitness:
    """The prover's update: Delta and U flat, and the multiplier mu."""

    delta: Signed
    update: Signed
    multiplier: int


@dataclass(frozen=True, slots=True)
class UpdateRelation:
    """The committed columns of an update, by block of parameters."""

    config: RoundConfig
    rows: int
    blocks: list[Block]
    updates: list[Linear]
    remainders: list[Linear]
    shortfall: Linear
    room: Linear
    clipped: Linear
    below_bound: Linear
    above_low: Linear
    witness: Callable[[], UpdateWitness]

    @staticmethod
    def declare(
        party: Party,
        ranges: RangeChecks,
        config: RoundConfig,
        rows: int,
        blocks: list[Block],
        witness: Callable[[], UpdateWitness],
    ) -> UpdateRelation:
        """Declare the columns and their range checks."""
        bits = config.scales.weight_bits
        half = 1 << (MESSAGE_BITS - 1)
        updates, remainders = [], []

        def shifted_update(block: Block) -> Signed:
            return block.pad(witness().update) + half

        for block in blocks:
            shifted = ranges.declare(
                f"{block.name} update",
                block.log_size,
                MESSAGE_BITS,
                partial(shifted_update, block),
            )
            updates.append(Linear(shifted.terms, -half))

            def remainder(block: Block = block) -> Signed:
                known = witness()
                product = block.pad(known.delta) * known.multiplier + (1 << (bits - 1))
                return product - (block.pad(known.update) << bits)

            remainders.append(
                ranges.declare(f"{block.name} update remainder", block.log_size, bits, remainder)
            )
        weight = rows << UPDATE_BITS
        bound, low = config.norm_bounds(rows)
        weight_bits, norm_bits = weight.bit_length(), (bound * bound).bit_length()

        def norm() -> int:
            return sum(int(value) ** 2 for value in witness().update)

        def is_clipped() -> int:
            return int(witness().multiplier != weight)

        def scalar(name: str, bits: int, value: Callable[[], int]) -> Linear:
            return ranges.declare(name, 0, bits, lambda: np.array([value()], dtype=np.int64))

        return UpdateRelation(
            config,
            rows,
            blocks,
            updates,
            remainders,
            shortfall=scalar("weight shortfall", weight_bits, lambda: weight - witness().multiplier),
            room=scalar(
                "weight room", weight_bits, lambda: is_clipped() * weight - weight + witness().multiplier
            ),
            clipped=scalar("clipped", 1, is_clipped),
            below_bound=scalar("norm below bound", norm_bits, lambda: bound * bound - norm()),
            above_low=scalar("norm above low", norm_bits, lambda: norm() - is_clipped() * low * low),
            witness=witness,
        )

    def prove(self, party: Party, layers: list[LinearRelation], steps: int) -> None:
        """Run the relation; `layers` in order, `steps` = T."""
        bits = self.config.scales.weight_bits
        weight = self.rows << UPDATE_BITS
        multiplier = weight - self.shortfall.at(())
        norms = []
        for block, update, remainder in zip(self.blocks, self.updates, self.remainders, strict=True):
            point = party.challenges(block.log_size)
            party.soundness.add("rounding of the update", "Schwartz-Zippel", len(point))
            delta_value, multiplier_value = self._values(party, block, point)
            delta, factor, product = party.send_product(delta_value, multiplier_value)
            party.assert_zero(factor - multiplier)
            party.assert_zero(
                update.at(point) * (1 << bits) + remainder.at(point) - product - (1 << (bits - 1))
            )
            layer = layers[block.layer]
            outputs, inputs = point[: layer.log_outputs], point[layer.log_outputs :]
            extended = (ONE, *(ZERO,) * layer.log_inputs) if block.is_bias else (ZERO, *inputs)
            layer.prove_update(party, steps, Units.at(outputs), extended, delta)
            norms.append(self._prove_norm(party, update, block.log_size))
        bound, low = self.config.norm_bounds(self.rows)
        norm = total(norms)
        party.assert_zero(self.clipped.at(()) * weight - self.shortfall.at(()) - self.room.at(()))
        party.assert_zero(norm + self.below_bound.at(()) - bound * bound)
        party.assert_zero(norm - self.clipped.at(()) * (low * low) - self.above_low.at(()))

    def _values(self, party: Party, block: Block, point: Point) -> tuple[Ext, Ext]:
        if not party.knows_witness:
            return ZERO, ZERO
        known = self.witness()
        return evaluate(block.field_values(known.delta), point), ONE * known.multiplier

    def _prove_norm(self, party: Party, update: Linear, log_size: int) -> Form:
        """The block's squared norm: a sumcheck of U times U."""

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
