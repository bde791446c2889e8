"""The layers of a network in a proof, joined to what they read, and sums that several addends make up.

    Z_k = sum of f_l Z^(l) over the layers l that join it, and of f_j V_j over the values that join it as they
    are (`layers.networks.shortcuts`); likewise the back sums of V_j, of back sums of layers and gradients
    dZ_k.

What is proved: a claim on Z_k~, at a point where lookups ended, is split into one for each addend; and so are
claims on back sums. Message order: for each addend but that of the layer of the chain
    prover: the addend's extension at the point, and then what proves it
then what proves the rest of the claim, of the layer of the chain. Where nothing else joins, no message is
added. Values and gradients that join as they are have the layout of what they join. So the point is one of
their own table, which gathers the claim with all others (`layers.columns.claims`).
Soundness: the split is linear and exact; where the claim is false, one of the addends' is. How it hides: the
party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.layers.affine_layers.affine import AffineForward, AffineRelation
from proofward.layers.columns.claims import DerivedTable
from proofward.layers.columns.stack import Input, Shape, Units
from proofward.layers.networks.network import Network
from proofward.layers.networks.shortcuts import Addends
from proofward.layers.rules.model import FixedPoint
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kind:
    """Addends of one kind, by their numbers: a prover's table, a flat F-array, and what proves a claim."""

    known: Callable[[int], Array]
    prove: Callable[[int, Form], None]


def prove_sum(party: Party, point: Point, claim: Form, found: Addends, layers: Kind, direct: Kind) -> None:
    """claim = the sum of all addends' extensions at the point; nobody says that of the chain's layer."""
    (first, factor), *others = found.layers
    kinds = [(layers, at, by) for at, by in others] + [(direct, at, by) for at, by in found.direct]
    for kind, at, by in kinds:
        said = party.send(evaluate(kind.known(at), point) if party.knows_witness else None)
        kind.prove(at, said)
        claim = claim - said * by
    layers.prove(first, claim * (ONE * factor).inverse() if factor != 1 else claim)


@dataclass(frozen=True, slots=True)
class JoinedSums:
    """inputs: by place; sums: a prover's own ones of a layer of a shortcut, by its index."""

    model: Network
    scales: FixedPoint
    shape: Shape
    layers: Sequence[AffineForward]
    inputs: Mapping[int, Input]
    sums: Callable[[int], Signed]

    def prove(self, party: Party, place: int, point: Point, claim: Form) -> None:
        """claim = Z~ of layer `place` of the chain at (step, sample, sum)."""
        step, sample, unit = split(self.shape, point)
        layers = Kind(
            lambda layer: field_values(self.sums(layer)),
            lambda layer, own: self.layers[layer].prove_forward(party, step, sample, Units.at(unit), own),
        )
        direct = Kind(
            lambda source: self.inputs[source].matrix(party).reshape(-1),
            lambda source, own: self.inputs[source].assert_at(party, (*step, *sample), unit, own),
        )
        found = self.model.joints.sums(place, self.scales.weight_bits)
        prove_sum(party, point, claim, found, layers, direct)


@dataclass(frozen=True, slots=True)
class JoinedBackSums:
    """deltas: dZ_0, dZ_1, ..; back_sums: a prover's own ones of a layer of a shortcut, by its index."""

    model: Network
    scales: FixedPoint
    shape: Shape
    layers: Sequence[AffineRelation]
    deltas: Sequence[DerivedTable]
    back_sums: Callable[[int], Signed]

    def prove(self, party: Party, place: int, point: Point, claim: Form) -> None:
        """claim = the extension of the back sums of V_place at (step, sample, value)."""
        step, sample, unit = split(self.shape, point)
        layers = Kind(
            lambda layer: field_values(self.back_sums(layer)),
            lambda layer, own: self.layers[layer].prove_backward(party, step, sample, unit, own),
        )
        direct = Kind(
            lambda into: self.deltas[into].flat(party),
            lambda into, own: self.deltas[into].assert_at(party, (*step, *sample), unit, own),
        )
        found = self.model.joints.back_sums(place, self.scales.weight_bits)
        prove_sum(party, point, claim, found, layers, direct)


def split(shape: Shape, point: Point) -> tuple[Point, Point, Point]:
    """The steps', the samples' and the units' coordinates of a point."""
    return point[: shape.log_steps], point[shape.log_steps : shape.log_samples], point[shape.log_samples :]


def field_values(sums: Signed) -> Array:
    """Integers of any shape as a flat F-array."""
    return to_field(np.ascontiguousarray(sums).reshape(-1))
