"""The weights of a layer over the steps of a round, which are never committed to.

    W_t = W_0 - rate * sum over steps tau < t of G_tau,
    G_tau(o; x) = sum over samples and positions of step tau of dZ(o) times the extended input x,

where the inputs are extended by the constant 2^fa for the bias: index (top, j) is input j for top = 0, and
the constant at (1, 0). A convolution has a dZ and an input for every position of the picture, a linear layer
has one position. A claim on the weights becomes a claim on W_0, which the verifier evaluates, and one on a
weighted sum over steps of G_tau, which two sumchecks reduce to claims on dZ and on the inputs.

Message order of a sum:
    a sumcheck over the steps          prover: G at the step where it ended
    a sumcheck over samples and positions
    prover: dZ and the extended input there, which the layer then proves
Soundness: the sumchecks. How it hides: the party pads every message.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_rows
from proofward.field.extension import Ext, ext_add, ext_dot, ext_mul, ext_scale, zeros
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.affine import AffineRelation
from proofward.layers.layout import log_padded
from proofward.layers.stack import (
    Gradient,
    Input,
    Shape,
    Units,
    eq_weights,
    plain_weights,
    suffix_sums,
    sum_last,
    zero_product,
)
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class TrainedWeights(AffineRelation):
    """First weights as a padded F-matrix (outputs, inputs of a sum), biases as a padded F-array.

    Without gradients they are the weights of all steps.
    """

    shape: Shape
    weights: Array
    biases: Array
    rate: int
    activation_bits: int
    inputs: Input
    gradients: Gradient | None

    @property
    def log_inputs(self) -> int:
        return log_padded(self.weights.shape[1])

    @property
    def log_outputs(self) -> int:
        return log_padded(self.weights.shape[0])

    # -- what differs between layers
    # ----------------------------------------------------------------------------------------------------

    @property
    def log_positions(self) -> int:
        """log2 of the padded number of positions that share a weight."""
        return 0

    @abstractmethod
    def _outputs_over_samples(self, party: Party, units: Units) -> Array:
        """dZ combined over outputs, an E-array over (step, sample, position); a prover's."""

    @abstractmethod
    def _inputs_over_samples(self, party: Party, extended: Point) -> Array:
        """The extended inputs at a point, an E-array over (step, sample, position); a prover's."""

    @abstractmethod
    def _assert_output(
        self, party: Party, samples: Point, position: Point, units: Units, value: Form
    ) -> None:
        """value = dZ at (samples, position), combined over outputs."""

    @abstractmethod
    def _assert_input(
        self, party: Party, samples: Point, position: Point, extended: Point, value: Form
    ) -> None:
        """value = extended input at (samples, position, extended)."""

    # -- what is common
    # ----------------------------------------------------------------------------------------------------

    @property
    def gradient(self) -> Gradient:
        """That of the sums, of weights that are trained."""
        assert self.gradients is not None, "weights that stay as they are have no gradients"
        return self.gradients

    def prove_update(self, party: Party, steps: int, units: Units, extended: Point, claim: Form) -> None:
        """claim = (W_T - W_0) at (units, extended input), T = steps."""
        inside = np.zeros((2, self.shape.steps), dtype=np.uint64)
        inside[0, :steps] = 1
        self._prove_sum(party, inside, units, extended, claim * (-ONE * self.rate).inverse())

    def assert_weight(self, party: Party, step: Point, units: Units, extended: Point, weight: Form) -> None:
        """weight = W at (step, units, extended input): W_0 minus the sum over earlier steps.

        Step tau counts with lambda_tau = sum over t > tau of eq(step, t).
        """
        initial = party.public(lambda: self._initial_at(units, extended))
        if self.gradients is None:
            party.assert_zero(weight - initial)
            return
        later = suffix_sums(eq_table(step))
        claim = (Form.of(initial) - weight) * (ONE * self.rate).inverse()
        self._prove_sum(party, later, units, extended, claim)

    def _initial_at(self, units: Units, extended: Point) -> Ext:
        top, unit = extended[0], extended[1:]
        weight = evaluate(combine_rows(units.weights, self.weights), unit)
        bias = ext_dot(units.weights, np.stack([self.biases, np.zeros_like(self.biases)]))
        return (ONE - top) * weight + top * zero_product(unit) * bias

    def _prove_sum(self, party: Party, weights: Array, units: Units, extended: Point, claim: Form) -> None:
        """claim = sum over steps of weight_tau * G_tau at (units, extended input)."""
        shape = self.shape
        outputs = self._outputs_over_samples(party, units) if party.knows_witness else zeros(0)
        inputs = self._inputs_over_samples(party, extended) if party.knows_witness else zeros(0)

        def by_step() -> Tables:
            products = ext_mul(outputs, inputs).reshape(2, shape.steps, -1)
            return Tables([(weights, sum_last(products))])

        reduced = party.sumcheck(claim, plain_weights(shape.log_steps), by_step)
        public = party.public(lambda: evaluate(weights, reduced.point))
        at_step = party.send(reduced.factors[0][1])
        party.assert_zero(reduced.claim - at_step * public)
        claims = eq_weights(reduced.point) + plain_weights(shape.log_batch + self.log_positions)
        ended = party.sumcheck(at_step, claims, lambda: Tables([(outputs, inputs)]))
        gradient, value, product = party.send_product(*ended.factors[0])
        party.assert_zero(ended.claim - product)
        samples, position = ended.point[: shape.log_samples], ended.point[shape.log_samples :]
        self._assert_output(party, samples, position, units, gradient)
        self._assert_input(party, samples, position, extended, value)

    def weights_before(self, sums: Array, initial: Array) -> Array:
        """initial - rate * sum of earlier steps: (2, steps, width) flat, of the sums G of every step."""
        result = np.empty_like(sums)
        current = np.ascontiguousarray(initial)
        for step in range(self.shape.steps):
            result[:, step] = current
            if step + 1 < self.shape.steps:
                growth = ext_scale(np.ascontiguousarray(sums[:, step]), ONE * (P - self.rate))
                current = ext_add(current, growth)
        return flat(result)

    def initial_by_input(self, units: Units) -> Array:
        """The first extended weights combined over outputs: (2, 2 * inputs of a sum)."""
        initial = np.zeros((2, 2, self.weights.shape[1]), dtype=np.uint64)
        initial[:, 0] = combine_rows(units.weights, self.weights)
        bias = ext_dot(units.weights, np.stack([self.biases, np.zeros_like(self.biases)]))
        initial[:, 1, 0] = (bias.c0, bias.c1)
        return initial.reshape(2, -1)


def flat(array: Array) -> Array:
    """(2, ...) as an E-array."""
    return np.ascontiguousarray(array).reshape(2, -1)
