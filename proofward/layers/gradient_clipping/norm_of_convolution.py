"""The squared norm of the gradient that each record has at a convolution, in a proof; see `record_norms`.

What is proved: a claim on the extension of n(x) at a point r of the slots, by either of
    gradient     n(x) = sum over o, j of g(x, o, j)^2,      g = sum over positions q of dZ(x, o, q) P(x, q, j)
    positions    n(x) = sum over q, q' of K(x, q, q') D(x, q, q'),
                 K = sum over j of P(x, q, j) P(x, q', j),  D = sum over o of dZ(x, o, q) dZ(x, o, q')
where P is what the layer reads at position q, extended by the constant 1 for the bias (j = (1, 0)), as in
`conv2d_relation`; beyond the picture's positions P and dZ are 0. None of g, K and D is committed to: the
extension of each is a sum of products again. Message order:
    gradient     a sumcheck over slots, o and j         prover: g where it ended, twice, for its square
                 a sumcheck over slots and positions    prover: dZ and P where it ended, then their claims
    positions    a sumcheck over slots, q and q'        prover: K and D where it ended
                 for K one over slots and j             prover: P at q and at q', then the claims on both
                 for D one over slots and o             prover: dZ at q and at q', then the claims on both
Soundness: the sumchecks. How it hides: the party pads every message. Source: layered sumchecks after
Goldwasser, Kalai, Rothblum 2008; the two norms after mixed ghost clipping, Bu, Mao, Xu 2022 (2205.10683).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from proofward.field.extension import lift
from proofward.layers.columns.stack import Units, eq_weights, plain_weights
from proofward.layers.convolutions.conv2d_samples import Conv2dSamples
from proofward.layers.gradient_clipping.record_norms import GRADIENT, Way
from proofward.proof.forms import Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


def prove_norms(party: Party, layer: Conv2dSamples, way: Way, slots: Point, claim: Form) -> None:
    """claim = n~ at a point of the slots."""
    if way.name == GRADIENT:
        _by_gradients(party, layer, slots, claim)
    else:
        _by_positions(party, layer, slots, claim)


def _by_gradients(party: Party, layer: Conv2dSamples, slots: Point, claim: Form) -> None:
    def tables() -> Tables:
        gradients = lift(layer.gradients_of_samples(party))
        return Tables([(gradients, gradients)])

    weights = eq_weights(slots) + plain_weights(layer.log_outputs + 1 + layer.log_inputs)
    reduced = party.sumcheck(claim, weights, tables)
    left, right, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    party.assert_zero(left - right)
    own, rest = reduced.point[: len(slots)], reduced.point[len(slots) :]
    outputs, extended = rest[: layer.log_outputs], rest[layer.log_outputs :]
    layer.prove_of_sample(party, own, Units.at(outputs), extended, left)


def _by_positions(party: Party, layer: Conv2dSamples, slots: Point, claim: Form) -> None:
    size = layer.log_positions

    def pairs() -> Tables:
        return Tables([(lift(layer.products_of_inputs(party)), lift(layer.products_of_deltas(party)))])

    reduced = party.sumcheck(claim, eq_weights(slots) + plain_weights(2 * size), pairs)
    inputs, deltas, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    own, rest = reduced.point[: len(slots)], reduced.point[len(slots) :]
    both = rest[:size], rest[size:]
    _prove_pair(party, own, both, inputs, 1 + layer.log_inputs, layer.patches_of_samples, layer.assert_input)
    _prove_pair(party, own, both, deltas, layer.log_outputs, layer.deltas_of_samples, layer.assert_output)


def _prove_pair(
    party: Party,
    slots: Point,
    both: tuple[Point, Point],
    claim: Form,
    summed: int,
    table: Callable[[Party, Point], Array],
    assert_at: Callable[[Party, Point, Point, Point, Form], None],
) -> None:
    """claim = the sum over so many variables of a table's values at one position and at another."""

    def tables() -> Tables:
        return Tables([(table(party, both[0]), table(party, both[1]))])

    reduced = party.sumcheck(claim, eq_weights(slots) + plain_weights(summed), tables)
    *values, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    own, rest = reduced.point[: len(slots)], reduced.point[len(slots) :]
    for position, value in zip(both, values, strict=True):
        assert_at(party, own, position, rest, value)
