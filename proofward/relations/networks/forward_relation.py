"""A forward pass under public weights in a proof: the hidden layers' columns, and the layers' sums joined.

What is proved: the committed columns of the hidden layers are those that a forward pass of the inputs has,
and a claim on weighted logits holds.

Message order, after the lookups:
    for each hidden layer its forward sums, at the points that the lookups of their remainders ended at, with
    what joins them (`joined_layers`)
    the last layer's
    for each hidden layer its activations, at the points of all claims before

Uniqueness: as in training (`layers.activations.relu`), by induction over the layers. Soundness: what the
layers enter.
How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.layers.activations.activation import ActivationForward
from proofward.layers.affine_layers.affine import AffineForward
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.columns.stack import Input, Shape, Units
from proofward.proof.forms import Form, Point
from proofward.proof.party import Party
from proofward.relations.networks.joined_layers import JoinedSums
from proofward.relations.networks.public_pass import PublicPass

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PassWitness:
    """The exact sums of all layers, padded; own: those that a layer of a shortcut makes itself, by index."""

    sums: list[Signed]
    own: Mapping[int, Signed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForwardRelation:
    """The committed columns of the hidden layers; `witness` is a prover's."""

    about: PublicPass
    hidden: list[ActivationForward]
    witness: Callable[[], PassWitness]

    @staticmethod
    def declare(
        ranges: RangeChecks, about: PublicPass, witness: Callable[[], PassWitness]
    ) -> ForwardRelation:
        """Declare the columns and their lookups."""
        model, scales, shape = about.model, about.scales, Shape(0, about.log_records)

        def sums(index: int) -> Signed:
            return witness().sums[index]

        hidden: list[ActivationForward] = [
            own.forward_relation(
                ranges,
                model.rounding(scales, i),
                shape,
                name=f"layer {i + 1}",
                limb_above=limb_above,
                sums=partial(sums, i),
            )
            for i, (own, limb_above) in enumerate(zip(model.activations, about.limbs_above, strict=True))
        ]
        return ForwardRelation(about, hidden, witness)

    def prove(
        self,
        party: Party,
        weights: Signed,
        records: Mapping[int, Input],
        sample: Point,
        logits: Units,
        claim: Form,
    ) -> None:
        """claim = sum over the logits of weight * logit, at a point of the samples.

        weights: flat, of the model. records: the parts of the records, by place.
        """
        model, scales, shape = self.about.model, self.about.scales, Shape(0, self.about.log_records)
        inputs = dict(records)
        inputs |= {place: relation.activation for place, relation in enumerate(self.hidden, 1)}
        layers = self._layers(weights, shape, inputs)
        forward = JoinedSums(model, scales, shape, layers, inputs, lambda layer: self.witness().own[layer])
        for place, relation in enumerate(self.hidden):
            forward.prove(party, place, *relation.forward.claim)
        layers[model.depth - 1].prove_forward(party, (), sample, logits, claim)
        for relation in self.hidden:
            relation.prove_values(party)

    def _layers(self, weights: Signed, shape: Shape, inputs: Mapping[int, Input]) -> list[AffineForward]:
        """The layers with parameters, joined to what they read."""
        model, result = self.about.model, []
        parameters = model.unflatten(weights)
        for index, (layer, parts, finer) in enumerate(
            zip(model.layers, parameters, model.finer, strict=True)
        ):
            first, bias = (part.reshape(-1) * finer.weights for part in parts)
            one = finer.one(self.about.scales)
            read = inputs[model.joints.reads(index)]
            result.append(layer.forward_relation(shape, (first, bias), one, read))
        return result
