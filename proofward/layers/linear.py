"""Linear layer with exact update: no weight is ever rounded.

    forward   Z = A W^T + 2^fa b            exact, scale fw + fa
    backward  Z_back = dZ W                 exact, scale fw + fd
    update    W <- W - rate * dZ^T A,  b <- b - rate * 2^fa * sum_b dZ    exact, scale fw

The relation, over all steps of a round: the weights are never committed to.

    W_t = W_0 - rate * sum over steps tau < t of G_tau,   G_tau = sum over the batch of dZ_tau A_tau,

where A is extended by the constant 2^fa for the bias: index (top, j) of the extended inputs is input j for
top = 0, and the constant at (1, 0). A claim on the weights becomes a claim on W_0, which the verifier
evaluates, and one on a sum over steps of G_tau, which two sumchecks reduce to claims on dZ and A.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows, combine_columns, combine_rows
from proofward.field.extension import Ext, ext_add, ext_dot, ext_mul, ext_scale, zeros
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.bounds import LayerBounds
from proofward.layers.exact import ExactMatrix, FloatArray
from proofward.layers.model import FixedPoint, Int64Array, padded
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
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


class Linear:
    """Weights and bias of one layer during training; all arrays are zero-padded to powers of two."""

    __slots__ = ("bias", "inputs", "outputs", "scales", "weights")

    def __init__(
        self, weights: Int64Array, bias: Int64Array, scales: FixedPoint, bounds: LayerBounds
    ) -> None:
        """weights int64 (d_out, d_in), bias int64 (d_out,), scale fw; copied. `bounds` hold for all steps."""
        self.scales = scales
        self.outputs, self.inputs = weights.shape
        rows = padded(self.outputs)
        self.weights = ExactMatrix(weights, bounds.weights, rows, padded(self.inputs))
        self.bias = np.zeros(rows, dtype=np.int64)
        self.bias[: self.outputs] = bias

    def forward(self, inputs: FloatArray, bound: int) -> Int64Array:
        """Z = A W^T + 2^fa b, int64 (B, d_out_pad), of inputs A (B, d_in_pad), |A| <= bound; exact."""
        product = self.weights.right_product_transposed(inputs, bound)
        product += self.bias << self.scales.activation_bits
        return product

    def backward(self, gradients: FloatArray, bound: int) -> Int64Array:
        """Z_back = dZ W, int64 (B, d_in_pad), of dZ (B, d_out_pad), |dZ| <= bound; exact."""
        return self.weights.right_product(gradients, bound)

    def update(self, gradients: FloatArray, inputs: FloatArray, rate: int) -> None:
        """One exact SGD step from dZ (B, d_out_pad) and A (B, d_in_pad)."""
        self.bias -= gradients.sum(axis=0).astype(np.int64) * (rate << self.scales.activation_bits)
        self.weights.subtract_outer(rate, gradients, inputs)

    def export(self, weights: Int64Array, bias: Int64Array) -> None:
        """Writes W (d_out, d_in) and b (d_out,), without padding, into int64 arrays."""
        weights[...] = self.weights.values[: self.outputs, : self.inputs]
        bias[...] = self.bias[: self.outputs]


@dataclass(frozen=True, slots=True)
class LinearRelation:
    """A linear layer in a proof: its first weights, its input, and the gradient of its sums.

    Weights are a padded F-matrix, biases a padded F-array.
    """

    shape: Shape
    weights: Array
    biases: Array
    rate: int
    activation_bits: int
    inputs: Input
    gradients: Gradient

    @property
    def log_inputs(self) -> int:
        return int(self.weights.shape[1]).bit_length() - 1

    @property
    def log_outputs(self) -> int:
        return int(self.weights.shape[0]).bit_length() - 1

    def prove_forward(self, party: Party, step: Point, sample: Point, units: Units, claim: Form) -> None:
        """claim = sum over output units of weight * (W_t A + 2^fa b_t) at (step, sample)."""

        def tables() -> Tables:
            before = self._weights_before(party, self._sums_by_input(party, units), units)
            return Tables([(before, self._extended_inputs_at(party, eq_table(sample)))])

        reduced = party.sumcheck(claim, eq_weights(step) + plain_weights(1 + self.log_inputs), tables)
        weight, value, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, extended = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        self._assert_input(party, (*new_step, *sample), extended, value)
        self._assert_weight(party, new_step, units, extended, weight)

    def prove_backward(self, party: Party, step: Point, sample: Point, unit: Point, claim: Form) -> None:
        """claim = sum over output units of W_t dZ at (step, sample) and input unit `unit`."""
        extended = (ZERO, *unit)

        def tables() -> Tables:
            weights = combine_columns(self.weights, eq_table(unit))
            inputs = self._contracted_inputs(party, extended).reshape(2, self.shape.steps, self.shape.batch)
            sums = self.gradients.combine(party, inputs)
            before = self._subtract_prefix(sums, weights)
            tiled = np.tile(eq_table(sample)[:, None, :], (1, self.shape.steps, 1))
            return Tables([(before, _flat(self.gradients.combine(party, np.ascontiguousarray(tiled))))])

        reduced = party.sumcheck(claim, eq_weights(step) + plain_weights(self.log_outputs), tables)
        weight, gradient, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, output = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        units = Units.at(output)
        self.gradients.assert_units(party, (*new_step, *sample), units, gradient)
        self._assert_weight(party, new_step, units, extended, weight)

    def prove_update(self, party: Party, steps: int, units: Units, extended: Point, claim: Form) -> None:
        """claim = (W_T - W_0) at (units, extended input), T = steps."""
        inside = np.zeros((2, self.shape.steps), dtype=np.uint64)
        inside[0, :steps] = 1
        self._prove_sum(party, inside, units, extended, claim * (-ONE * self.rate).inverse())

    def _assert_weight(self, party: Party, step: Point, units: Units, extended: Point, weight: Form) -> None:
        """weight = W at (step, units, extended input): W_0 minus the sum over earlier steps.

        Step tau counts with lambda_tau = sum over t > tau of eq(step, t).
        """
        later = suffix_sums(eq_table(step))
        initial = party.public(lambda: self._initial_at(units, extended))
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
        outputs = self.gradients.contract(party, units) if party.knows_witness else zeros(0)
        inputs = self._contracted_inputs(party, extended) if party.knows_witness else zeros(0)

        def by_step() -> Tables:
            products = ext_mul(outputs, inputs).reshape(2, shape.steps, shape.batch)
            return Tables([(weights, sum_last(products))])

        reduced = party.sumcheck(claim, plain_weights(shape.log_steps), by_step)
        public = party.public(lambda: evaluate(weights, reduced.point))
        at_step = party.send(reduced.factors[0][1])
        party.assert_zero(reduced.claim - at_step * public)
        claims = eq_weights(reduced.point) + plain_weights(shape.log_batch)
        ended = party.sumcheck(at_step, claims, lambda: Tables([(outputs, inputs)]))
        gradient, value, product = party.send_product(*ended.factors[0])
        party.assert_zero(ended.claim - product)
        self.gradients.assert_units(party, ended.point, units, gradient)
        self._assert_input(party, ended.point, extended, value)

    def _assert_input(self, party: Party, samples: Point, extended: Point, value: Form) -> None:
        """value = extended input at (samples, extended)."""
        top, unit = extended[0], extended[1:]
        rest = value - top * zero_product(unit) * (1 << self.activation_bits)
        if top == ONE:
            party.assert_zero(rest)
        else:
            self.inputs.assert_at(party, samples, unit, rest * (ONE - top).inverse())

    # -- the prover's tables
    # ----------------------------------------------------------------------------------------------------

    def _contracted_inputs(self, party: Party, extended: Point) -> Array:
        """Extended inputs at `extended`, an E-array over samples."""
        top, unit = extended[0], extended[1:]
        values = ext_scale(combine_columns(self.inputs.matrix(party), eq_table(unit)), ONE - top)
        constant = top * zero_product(unit) * (1 << self.activation_bits)
        return ext_add(
            values, np.array([[constant.c0], [constant.c1]], dtype=np.uint64).repeat(values.shape[1], axis=1)
        )

    def _extended_inputs_at(self, party: Party, sample: Array) -> Array:
        """Extended inputs combined over the batch by `sample` (2, batch): over (step, top, input), flat."""
        steps = self.shape.steps
        tensor = self.inputs.matrix(party).reshape(steps, self.shape.batch, -1)
        tiled = np.ascontiguousarray(np.tile(sample[:, None, :], (1, steps, 1)))
        result = np.zeros((2, steps, 2, tensor.shape[2]), dtype=np.uint64)
        result[:, :, 0] = batched_combine_rows(tiled, tensor)
        result[0, :, 1, 0] = 1 << self.activation_bits
        return _flat(result)

    def _sums_by_input(self, party: Party, units: Units) -> Array:
        """G_tau combined over output units: (2, step, top, input)."""
        shape = self.shape
        outputs = self.gradients.contract(party, units).reshape(2, shape.steps, shape.batch)
        tensor = self.inputs.matrix(party).reshape(shape.steps, shape.batch, -1)
        result = np.zeros((2, shape.steps, 2, tensor.shape[2]), dtype=np.uint64)
        result[:, :, 0] = batched_combine_rows(outputs, tensor)
        result[:, :, 1, 0] = ext_scale(sum_last(outputs), ONE * (1 << self.activation_bits))
        return result

    def _weights_before(self, party: Party, sums: Array, units: Units) -> Array:
        """Extended weights combined over output units at every step: over (step, top, input), flat."""
        initial = np.zeros((2, 2, self.weights.shape[1]), dtype=np.uint64)
        initial[:, 0] = combine_rows(units.weights, self.weights)
        bias = ext_dot(units.weights, np.stack([self.biases, np.zeros_like(self.biases)]))
        initial[:, 1, 0] = (bias.c0, bias.c1)
        return self._subtract_prefix(sums.reshape(2, self.shape.steps, -1), initial.reshape(2, -1))

    def _subtract_prefix(self, sums: Array, initial: Array) -> Array:
        """initial - rate * sum of earlier steps: (2, steps, width) flat."""
        result = np.empty_like(sums)
        current = np.ascontiguousarray(initial)
        for step in range(self.shape.steps):
            result[:, step] = current
            current = ext_add(current, ext_scale(np.ascontiguousarray(sums[:, step]), ONE * (P - self.rate)))
        return _flat(result)


def pad_weights(weights: npt.NDArray[np.int64], biases: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """W (d_out, d_in) and b (d_out,) as field elements, padded with zeros to powers of two."""
    rows, columns = padded(weights.shape[0]), padded(weights.shape[1])
    matrix = np.zeros((rows, columns), dtype=np.int64)
    matrix[: weights.shape[0], : weights.shape[1]] = weights
    vector = np.zeros(rows, dtype=np.int64)
    vector[: biases.size] = biases
    return to_field(matrix.reshape(-1)).reshape(rows, columns), to_field(vector)


def _flat(array: Array) -> Array:
    return np.ascontiguousarray(array).reshape(2, -1)
