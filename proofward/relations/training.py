"""All steps of a local training, stacked: the layers' relations joined.

What is proved: W_T - W_0 is the result of T steps of fixed-point SGD from the public weights W_0 on the
selected rows. The intermediate values of T_pad steps are committed to as limbs (`layers.activation`,
`layers.head`); activations and gradients are functions of them. Message order:
    for each hidden layer its forward sums, then the backward sums into it, at the points that the lookups of
    their remainders ended at
    the head, and its forward sums
    what uses the trained weights (the update)
    for each hidden layer its activations and gradients, at the points of all claims before
Soundness: what the layers and the lookups enter. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from proofward.layers.activation import ActivationRelation, HiddenTrace
from proofward.layers.affine import AffineRelation
from proofward.layers.arrangement import Arrangement
from proofward.layers.head import HeadRelation
from proofward.layers.ranges import RangeChecks
from proofward.layers.stack import Gradient, Input, Shape, Units
from proofward.layers.trace import TrainingTrace
from proofward.proof.forms import Point
from proofward.proof.party import Party
from proofward.relations.dataset import SelectedRows
from proofward.relations.round_statement import RoundStatement


@dataclass(frozen=True, slots=True)
class TrainingRelation:
    """The committed columns of a training, layer by layer."""

    statement: RoundStatement
    shape: Shape
    hidden: list[ActivationRelation]
    head: HeadRelation

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
            own.relation(
                ranges,
                config.model.rounding(scales, i),
                shape,
                name=f"layer {i + 1}",
                limbs_above=arrangement.hidden[i],
                trace=partial(hidden_trace, i),
            )
            for i, own in enumerate(config.model.activations)
        ]
        last = config.model.last_rounding(scales)
        head = config.model.head.relation(
            ranges, last, shape, limb_above=arrangement.head, trace=lambda: trace().head
        )
        return TrainingRelation(statement, shape, hidden, head)

    def prove(
        self, party: Party, selected: SelectedRows, then: Callable[[list[AffineRelation]], None]
    ) -> None:
        """Run the relation; `then` gets the linear layers and makes all claims on the update."""
        shape, head = self.shape, self.head
        layers = self._layers(selected)
        for below, above, relation in zip(layers[:-1], layers[1:], self.hidden, strict=True):
            self._prove_rounding(party, below, above, relation)
        head.prove(party, selected)
        point, claim = head.rounding.claim
        layers[-1].prove_forward(party, *_split(shape, point), head.logits_at(point), claim)
        then(layers)
        for relation in self.hidden:
            relation.prove_values(party)

    def _prove_rounding(
        self, party: Party, below: AffineRelation, above: AffineRelation, relation: ActivationRelation
    ) -> None:
        """The sums into and out of a hidden layer are what its lookups said they are."""
        shape = self.shape
        point, claim = relation.forward.claim
        unit = Units.at(point[shape.log_samples :])
        below.prove_forward(party, *_split(shape, point), unit, claim)
        point, claim = relation.backward.claim
        above.prove_backward(party, *_split(shape, point), point[shape.log_samples :], claim)

    def _layers(self, selected: SelectedRows) -> list[AffineRelation]:
        """The layers with parameters, joined to the columns that they read and whose gradients they have."""
        inputs: list[Input] = [selected, *(relation.activation for relation in self.hidden)]
        gradients: list[Gradient] = [*(relation.delta for relation in self.hidden), self.head]
        config = self.statement.config
        parameters = config.model.unflatten(self.statement.initial_weights)
        rates, result = config.training.rates(self.statement.rows), []
        for index, (layer, own) in enumerate(zip(config.model.layers, config.model.finer, strict=True)):
            first, bias = (part.reshape(-1) << own.weights for part in parameters[index])
            bits = own.layer(config.scales).activation_bits
            joined = inputs[index], gradients[index]
            result.append(layer.relation(self.shape, (first, bias), rates, bits, *joined))
        return result


def _split(shape: Shape, point: Point) -> tuple[Point, Point]:
    return point[: shape.log_steps], point[shape.log_steps : shape.log_samples]
