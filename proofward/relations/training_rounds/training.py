"""All steps of a local training, stacked: the layers' relations joined.

What is proved: W_T - W_0 is the result of T steps of fixed-point SGD from the public weights W_0 on the
selected rows. The intermediate values of T_pad steps are committed to as limbs
(`layers.activations.activation`, `layers.heads.head`); activations and gradients are functions of them.
Message order:
    for each hidden layer its forward sums, then the backward sums into it, at the points that the lookups of
    their remainders ended at; where shortcuts join, each addend in turn (`joined_layers`)
    the head, and its forward sums
    what uses the trained weights (the update)
    every step of weights that saturate, layer by layer (`layers.affine_layers.saturated_weights`)
    for each hidden layer its activations and gradients, at the points of all claims before
Soundness: what the layers and the lookups enter. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from proofward.layers.activations.activation import ActivationRelation, HiddenTrace
from proofward.layers.affine_layers.affine import AffineRelation
from proofward.layers.affine_layers.saturated_weights import SaturatedWeights, Stepped
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.columns.stack import Gradient, Input, Shape
from proofward.layers.heads.head import HeadRelation
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.networks.arrangement import Arrangement, of_weights
from proofward.proof.party import Party
from proofward.relations.networks.joined_layers import JoinedBackSums, JoinedSums, split
from proofward.relations.records.dataset import SelectedRows
from proofward.relations.training_rounds.round_statement import RoundStatement


@dataclass(frozen=True, slots=True)
class TrainingRelation:
    """The committed columns of a training, layer by layer."""

    statement: RoundStatement
    shape: Shape
    hidden: list[ActivationRelation]
    head: HeadRelation
    weights: Mapping[int, SaturatedWeights]
    trace: Callable[[], TrainingTrace]

    @staticmethod
    def declare(
        ranges: RangeChecks, statement: RoundStatement, trace: Callable[[], TrainingTrace]
    ) -> TrainingRelation:
        """Declare the columns and their lookups; `trace` is a prover's."""
        config = statement.config
        steps, batch = config.training.padded_steps(statement.rows), config.training.batch
        shape = Shape(steps.bit_length() - 1, batch.bit_length() - 1)

        scales = config.scales
        bounds = statement.layer_bounds()
        arrangement = Arrangement.of(config.model, scales, steps * batch, bounds)

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

        def stepped(index: int) -> Stepped:
            return trace().stepped[index]

        layers = config.model.layers
        weights = {
            index: SaturatedWeights.declare(
                ranges,
                scales,
                shape.log_steps,
                (layers[index].weights, layers[index].biases),
                beyond,
                f"layer {index + 1}",
                partial(stepped, index),
            )
            for index, beyond in of_weights(config.model, scales, steps, bounds).items()
        }
        return TrainingRelation(statement, shape, hidden, head, weights, trace)

    def prove(
        self, party: Party, selected: SelectedRows, then: Callable[[list[AffineRelation]], None]
    ) -> None:
        """Run the relation; `then` gets the layers with parameters and makes all claims on the update."""
        config, head = self.statement.config, self.head
        inputs = selected.inputs
        inputs |= {place: relation.activation for place, relation in enumerate(self.hidden, 1)}
        deltas = [relation.delta for relation in self.hidden]
        layers = self._layers(inputs, [*deltas, head])
        about = (config.model, config.scales, self.shape, layers)
        forward = JoinedSums(*about, inputs, lambda layer: self.trace().through[layer].sums)
        backward = JoinedBackSums(*about, deltas, lambda layer: self.trace().through[layer].back_sums)
        for place, relation in enumerate(self.hidden):
            forward.prove(party, place, *relation.forward.claim)
            backward.prove(party, place + 1, *relation.backward.claim)
        head.prove(party, selected)
        point, claim = head.rounding.claim
        step, sample, _ = split(self.shape, point)
        layers[config.model.depth - 1].prove_forward(party, step, sample, head.logits_at(point), claim)
        then(layers)
        for layer in layers:
            layer.prove_steps(party)
        for relation in self.hidden:
            relation.prove_values(party)

    def _layers(self, inputs: Mapping[int, Input], gradients: Sequence[Gradient]) -> list[AffineRelation]:
        """The layers with parameters, joined to the values that they read and the sums that they join."""
        config = self.statement.config
        model, result = config.model, []
        rates = self.statement.training.rates(self.statement.rows)
        parameters = model.unflatten(self.statement.initial_weights)
        for index, (layer, own) in enumerate(zip(model.layers, model.finer, strict=True)):
            first, bias = (part.reshape(-1) for part in parameters[index])
            if own.weights != 1:
                first, bias = first * own.weights, bias * own.weights
            one = own.one(config.scales)
            read, joined = inputs[model.joints.reads(index)], gradients[model.joints.joins(index)]
            about = self.shape, (first, bias), rates, one
            result.append(layer.relation(*about, read, joined, self.weights.get(index)))
        return result
