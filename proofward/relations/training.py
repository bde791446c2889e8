"""All steps of a local training, stacked: the layers' relations joined.

What is proved: W_T - W_0 is the result of T steps of fixed-point SGD from the public weights W_0 on the
selected rows. The intermediate values of T_pad steps are committed to as limbs (`layers.relu`,
`layers.two_class_head`); activations and gradients are functions of them. Message order:
    for each hidden layer a point, the rounding of its forward sums there, then of the backward sums into it
    the head, and the rounding of its forward sums
    what uses the trained weights (the update)
    for each hidden layer its activations and gradients, at the points of all claims before
Soundness: one random point for each rounding, log(size) / |E|, besides what the layers enter. How it hides:
the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from proofward.layers.arrangement import Arrangement
from proofward.layers.linear import LinearRelation, pad_weights
from proofward.layers.model import padded
from proofward.layers.ranges import RangeChecks
from proofward.layers.relu import ReluRelation
from proofward.layers.stack import Gradient, Input, Shape, Units
from proofward.layers.trace import HiddenTrace, TrainingTrace
from proofward.layers.two_class_head import TwoClassRelation
from proofward.proof.forms import Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.relations.dataset import SelectedRows
from proofward.relations.round_statement import RoundStatement


@dataclass(frozen=True, slots=True)
class TrainingRelation:
    """The committed columns of a training, layer by layer."""

    statement: RoundStatement
    shape: Shape
    hidden: list[ReluRelation]
    head: TwoClassRelation

    @staticmethod
    def declare(
        ranges: RangeChecks, statement: RoundStatement, trace: Callable[[], TrainingTrace]
    ) -> TrainingRelation:
        """Declare the columns and their lookups; `trace` is a prover's."""
        config = statement.config
        steps, batch = config.training.padded_steps(statement.rows), config.training.batch
        shape = Shape(steps.bit_length() - 1, batch.bit_length() - 1)

        scales = config.scales
        arrangement = Arrangement.of(config.model, scales, steps * batch, statement.layer_bounds())

        def hidden_trace(index: int) -> HiddenTrace:
            return trace().hidden[index]

        hidden = [
            ReluRelation.declare(
                ranges,
                scales,
                shape,
                name=f"layer {i + 1}",
                log_units=padded(width).bit_length() - 1,
                limbs_above=arrangement.hidden[i],
                trace=partial(hidden_trace, i),
            )
            for i, width in enumerate(config.model.widths[1:-1])
        ]
        head = TwoClassRelation.declare(
            ranges, scales, shape, limb_above=arrangement.head, trace=lambda: trace().head
        )
        return TrainingRelation(statement, shape, hidden, head)

    def prove(
        self, party: Party, selected: SelectedRows, then: Callable[[list[LinearRelation]], None]
    ) -> None:
        """Run the relation; `then` gets the linear layers and makes all claims on the update."""
        bits, shape, head = self.statement.config.scales.weight_bits, self.shape, self.head
        layers = self._layers(selected)
        for below, above, relation in zip(layers[:-1], layers[1:], self.hidden, strict=True):
            self._prove_rounding(party, below, above, relation)
        head.prove(party, lambda point, claim: selected.assert_labels(party, point, claim))
        point = party.challenges(shape.log_samples)
        party.soundness.add("forward sums", "Schwartz-Zippel", len(point))
        claim = _rounded(head.logit_difference, head.remainder, bits, point)
        layers[-1].prove_forward(party, *_split(shape, point), TwoClassRelation.difference_units(), claim)
        then(layers)
        for relation in self.hidden:
            relation.prove_values(party)

    def _prove_rounding(
        self, party: Party, below: LinearRelation, above: LinearRelation, relation: ReluRelation
    ) -> None:
        """Z + 2^(fw-1) = 2^fw Q + R and Z_back + 2^(fw-1) = 2^fw G + R' at a point; log(size) / |E| each."""
        bits, shape = self.statement.config.scales.weight_bits, self.shape
        point = party.challenges(relation.low.log_size)
        party.soundness.add("forward sums", "Schwartz-Zippel", len(point))
        party.soundness.add("backward sums", "Schwartz-Zippel", len(point))
        (step, sample), unit = _split(shape, point), point[shape.log_samples :]
        forward = _rounded(relation.pre_activation, relation.remainder, bits, point)
        below.prove_forward(party, step, sample, Units.at(unit), forward)
        backward = _rounded(relation.gradient, relation.gradient_remainder, bits, point)
        above.prove_backward(party, step, sample, unit, backward)

    def _layers(self, selected: SelectedRows) -> list[LinearRelation]:
        """The linear layers, joined to the columns that they read and whose gradients they have."""
        inputs: list[Input] = [selected, *(relation.activation for relation in self.hidden)]
        gradients: list[Gradient] = [*(relation.delta for relation in self.hidden), self.head]
        config = self.statement.config
        weights = config.model.unflatten(self.statement.initial_weights)
        return [
            LinearRelation(
                self.shape, *pad_weights(w, b), config.training.rate, config.scales.activation_bits, x, g
            )
            for (w, b), x, g in zip(weights, inputs, gradients, strict=True)
        ]


def _split(shape: Shape, point: Point) -> tuple[Point, Point]:
    return point[: shape.log_steps], point[shape.log_steps : shape.log_samples]


def _rounded(quotient: LinearCombination, remainder: LinearCombination, bits: int, point: Point) -> Form:
    """The exact sum that was rounded: 2^fw Q + R - 2^(fw-1)."""
    return quotient.at(point) * (1 << bits) + remainder.at(point) - (1 << (bits - 1))
