"""All steps of a local training, stacked: the layers' relations joined.

What is proved: the committed columns are the intermediate values of T_pad steps of fixed-point SGD from the
public weights W_0 on the selected rows. Message
order: per hidden layer its ReLU, the rounding of its forward sums, the rounding of the backward sums into it;
the head; the forward sums of the head.
Soundness: one random point per rounding, log(size) / |E| each, besides the sumchecks. How it hides: the party
pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from proofward.layers.linear import LinearRelation, pad_weights
from proofward.layers.model import padded
from proofward.layers.ranges import RangeChecks
from proofward.layers.relu import ReluRelation
from proofward.layers.stack import Gradient, Input, Shape, Units
from proofward.layers.trace import HiddenTrace, TrainingTrace
from proofward.layers.two_class_head import TwoClassRelation
from proofward.proof.forms import Form, Point
from proofward.proof.lookup import Linear
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
        party: Party, ranges: RangeChecks, statement: RoundStatement, trace: Callable[[], TrainingTrace]
    ) -> TrainingRelation:
        """Declare the columns and their lookups; `trace` is a prover's."""
        config = statement.config
        steps, batch = config.training.padded_steps(statement.rows), config.training.batch
        shape = Shape(steps.bit_length() - 1, batch.bit_length() - 1)

        def hidden_trace(index: int) -> HiddenTrace:
            return trace().hidden[index]

        hidden = [
            ReluRelation.declare(
                party,
                ranges,
                config.scales,
                shape,
                f"layer {i + 1}",
                padded(width).bit_length() - 1,
                partial(hidden_trace, i),
            )
            for i, width in enumerate(config.model.widths[1:-1])
        ]
        return TrainingRelation(
            statement,
            shape,
            hidden,
            TwoClassRelation.declare(party, ranges, config.scales, shape, lambda: trace().head),
        )

    def prove(self, party: Party, selected: SelectedRows) -> list[LinearRelation]:
        """Run the relation; returns the linear layers, for claims on the update."""
        scales, shape, head = self.statement.config.scales, self.shape, self.head
        layers = self._layers(selected)
        for index, relation in enumerate(self.hidden):
            relation.prove(party)
            forward = Linear(((1, relation.pre_activation),))
            _prove_rounding(party, shape, scales.weight_bits, layers[index], forward, relation.remainder)
            _prove_backward_rounding(party, shape, scales.weight_bits, layers[index + 1], relation)
        head.prove(party, scales, lambda point, claim: selected.assert_labels(party, point, claim))
        point = party.challenges(shape.log_samples)
        party.soundness.add("forward sums", "Schwartz-Zippel", len(point))
        claim = _rounded(Linear(((1, head.logit_difference),)), head.remainder, scales.weight_bits, point)
        layers[-1].prove_forward(party, *_split(shape, point), TwoClassRelation.difference_units(), claim)
        return layers

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
    return point[: shape.log_steps], point[shape.log_steps :]


def _rounded(quotient: Linear, remainder: Linear, bits: int, point: Point) -> Form:
    """The exact sum that was rounded: 2^fw Q + R - 2^(fw-1)."""
    return quotient.at(point) * (1 << bits) + remainder.at(point) - (1 << (bits - 1))


def _prove_rounding(
    party: Party, shape: Shape, bits: int, layer: LinearRelation, quotient: Linear, remainder: Linear
) -> None:
    """Z + 2^(fw-1) = 2^fw Q + R at one random point; log(size) / |E|."""
    point = party.challenges(quotient.log_size)
    party.soundness.add("forward sums", "Schwartz-Zippel", len(point))
    step, sample = _split(shape, point[: shape.log_samples])
    claim = _rounded(quotient, remainder, bits, point)
    layer.prove_forward(party, step, sample, Units.at(point[shape.log_samples :]), claim)


def _prove_backward_rounding(
    party: Party, shape: Shape, bits: int, above: LinearRelation, relation: ReluRelation
) -> None:
    """Z_back + 2^(fw-1) = 2^fw G + R' at one random point; log(size) / |E|."""
    point = party.challenges(relation.gradient.log_size)
    party.soundness.add("backward sums", "Schwartz-Zippel", len(point))
    step, sample = _split(shape, point[: shape.log_samples])
    claim = _rounded(Linear(((1, relation.gradient),)), relation.gradient_remainder, bits, point)
    above.prove_backward(party, step, sample, point[shape.log_samples :], claim)
