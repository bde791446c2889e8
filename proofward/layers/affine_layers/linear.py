"""Linear layer with exact update: no weight is ever rounded.

    forward   Z = A W^T + 2^fa b            exact, scale fw + fa
    backward  Z_back = dZ W                 exact, scale fw + fd
    update    W <- W - rate * dZ^T A,  b <- b - rate * 2^fa * sum_b dZ    exact, scale fw

What is proved: claims on Z, Z_back and W_T - W_0 become claims on the inputs A, the gradients dZ and on W at
some step (`trained_weights`). Message order, forwards and backwards alike:
    a sumcheck over steps and inputs (outputs)     prover: the weight and the value where it ended
    then the claims on both
Soundness: the sumchecks. How it hides: the party pads every message. Source: Thaler 2013 (matrix products).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows, combine_columns
from proofward.field.extension import DEGREE, ext_scale, ext_shift, zeros
from proofward.field.multilinear import eq_table
from proofward.layers.affine_layers.affine import Affine, AffineTrainer, RealArray
from proofward.layers.affine_layers.saturated_weights import SaturatedWeights
from proofward.layers.affine_layers.trained_weights import TrainedWeights, flat
from proofward.layers.arithmetic.exact import ExactMatrix, FloatArray
from proofward.layers.basics.layout import Layout, padded
from proofward.layers.basics.plain import exactly, integer
from proofward.layers.columns.stack import (
    Gradient,
    Input,
    Shape,
    Units,
    eq_weights,
    plain_weights,
    repeated_eq,
    sum_last,
    zero_product,
)
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.momentum import Rates
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


MAX_WIDTH = 1 << 16


@dataclass(frozen=True)
class Linear(Affine):
    """All inputs of a sample, in whatever layout, to `outputs` sums."""

    kind: ClassVar[str] = "linear"
    inputs: Layout
    outputs: int

    def __post_init__(self) -> None:
        integer("outputs", self.outputs, 1, MAX_WIDTH)

    @property
    def takes(self) -> Layout:
        return self.inputs

    @property
    def gives(self) -> Layout:
        return Layout((self.outputs,))

    @property
    def weights(self) -> Layout:
        return Layout((self.outputs, *self.inputs.axes))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.outputs, self.fan_in

    @property
    def fan_out(self) -> int:
        return self.outputs

    @property
    def positions(self) -> int:
        return 1

    @property
    def words(self) -> str:
        return f"{self.inputs.words} -> {self.outputs}"

    def to_plain(self) -> dict[str, object]:
        return {"kind": self.kind, "outputs": self.outputs}

    @classmethod
    def from_plain(cls, takes: Layout, plain: Mapping[str, object]) -> Linear:
        values = exactly("linear layer", plain, ("kind", "outputs"))
        return cls(takes, integer("outputs", values["outputs"], 1, MAX_WIDTH))

    def trainer(self, weights: Int64Array, biases: Int64Array, one: int, bound: int) -> LinearTrainer:
        return LinearTrainer(self, weights, biases, one, bound)

    def relation(
        self,
        shape: Shape,
        parameters: tuple[Int64Array, Int64Array],
        rates: Rates,
        one: int,
        inputs: Input,
        gradients: Gradient | None,
        saturated: SaturatedWeights | None = None,
    ) -> LinearRelation:
        matrix, vector = self.field_parameters(parameters)
        return LinearRelation(shape, matrix, vector, rates, one, inputs, gradients, saturated)

    def real_sums(self, weights: RealArray, biases: RealArray, inputs: RealArray) -> RealArray:
        return inputs @ weights.reshape(self.outputs, -1).T + biases

    def real_gradients(
        self, weights: RealArray, inputs: RealArray, deltas: RealArray
    ) -> tuple[RealArray, RealArray, RealArray]:
        matrix = weights.reshape(self.outputs, -1)
        return (deltas.T @ inputs).reshape(weights.shape), deltas.sum(axis=0), deltas @ matrix


class LinearTrainer(AffineTrainer):
    """Weights and bias of one layer during training; all arrays are zero-padded to powers of two."""

    __slots__ = ("bias", "layer", "one", "weights")

    def __init__(self, layer: Linear, weights: Int64Array, bias: Int64Array, one: int, bound: int) -> None:
        self.one, self.layer = one, layer
        rows, columns = padded(layer.outputs), layer.inputs.padded_size
        matrix = layer.inputs.pad(weights.reshape(layer.outputs, -1))
        self.weights = ExactMatrix(matrix, bound, rows, columns)
        self.bias = layer.biases.pad(bias).copy()

    def forward(self, inputs: FloatArray, bound: int) -> Int64Array:
        """Z = A W^T + 2^fa b, int64 (B, d_out_pad), of inputs A (B, d_in_pad), |A| <= bound; exact."""
        product = self.weights.right_product_transposed(inputs, bound)
        product += self.bias * self.one
        return product

    def backward(self, gradients: FloatArray, bound: int) -> Int64Array:
        """Z_back = dZ W, int64 (B, d_in_pad), of dZ (B, d_out_pad), |dZ| <= bound; exact."""
        return self.weights.right_product(gradients, bound)

    def update(self, gradients: FloatArray, inputs: FloatArray, rate: int) -> None:
        """One exact SGD step from dZ (B, d_out_pad) and A (B, d_in_pad)."""
        self.bias -= gradients.sum(axis=0).astype(np.int64) * (rate * self.one)
        self.weights.subtract_outer(rate, gradients, inputs)

    def export(self, weights: Int64Array, biases: Int64Array) -> None:
        """Writes W and b, without padding, into int64 arrays of the layouts' axes."""
        own = self.layer.inputs.unpad(self.weights.values[: self.layer.outputs])
        weights[...] = own.reshape(weights.shape)
        biases[...] = self.layer.biases.unpad(self.bias)


class LinearRelation(TrainedWeights):
    """A linear layer in a proof."""

    __slots__ = ()

    def prove_forward(self, party: Party, step: Point, sample: Point, units: Units, claim: Form) -> None:
        """claim = sum over output units of weight * (W_t A + 2^fa b_t) at (step, sample)."""

        def tables() -> Tables:
            sums = self._sums_by_input(party, units).reshape(DEGREE, self.shape.steps, -1)
            before = self.weights_before(sums, self.initial_by_input(units))
            return Tables([(before, self._extended_inputs_at(party, sample))])

        reduced = party.sumcheck(claim, eq_weights(step) + plain_weights(1 + self.log_inputs), tables)
        weight, value, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, extended = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        self._assert_input(party, (*new_step, *sample), (), (), extended, value)
        self.assert_weight(party, new_step, units, extended, weight)

    def prove_backward(self, party: Party, step: Point, sample: Point, unit: Point, claim: Form) -> None:
        """claim = sum over output units of W_t dZ at (step, sample) and input unit `unit`."""
        extended = (ZERO, *unit)

        def tables() -> Tables:
            weights = combine_columns(self.weights, eq_table(unit))
            inputs = self._inputs_over_samples(party, extended)
            inputs = inputs.reshape(DEGREE, self.shape.steps, self.shape.batch)
            before = self.weights_before(self.gradient.combine(party, inputs), weights)
            combined = self.gradient.combine(party, repeated_eq(sample, self.shape.steps))
            return Tables([(before, flat(combined))])

        reduced = party.sumcheck(claim, eq_weights(step) + plain_weights(self.log_outputs), tables)
        weight, gradient, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, output = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        units = Units.at(output)
        self.gradient.assert_units(party, (*new_step, *sample), units, gradient)
        self.assert_weight(party, new_step, units, extended, weight)

    def _assert_output(
        self, party: Party, samples: Point, position: Point, units: Units, value: Form
    ) -> None:
        self.gradient.assert_units(party, samples, units, value)

    def _assert_input(
        self, party: Party, samples: Point, group: Point, position: Point, extended: Point, value: Form
    ) -> None:
        top, unit = extended[0], extended[1:]
        rest = value - top * zero_product(unit) * self.one
        if top == ONE:
            party.assert_zero(rest)
        else:
            self.inputs.assert_at(party, samples, unit, rest * (ONE - top).inverse())

    # -- the prover's tables
    # ----------------------------------------------------------------------------------------------------

    def _outputs_over_samples(self, party: Party, units: Units) -> Array:
        return self.gradient.contract(party, units)

    def _inputs_over_samples(self, party: Party, extended: Point) -> Array:
        top, unit = extended[0], extended[1:]
        values = ext_scale(combine_columns(self.inputs.matrix(party), eq_table(unit)), ONE - top)
        return ext_shift(values, top * zero_product(unit) * self.one)

    def _extended_inputs_at(self, party: Party, sample: Point) -> Array:
        """Extended inputs combined over the batch by eq(sample): over (step, top, input), flat."""
        steps = self.shape.steps
        tensor = self.inputs.matrix(party).reshape(steps, self.shape.batch, -1)
        result = zeros(steps, 2, tensor.shape[2])
        result[:, :, 0] = batched_combine_rows(repeated_eq(sample, steps), tensor)
        result[0, :, 1, 0] = self.one
        return flat(result)

    def _sums_by_input(self, party: Party, units: Units) -> Array:
        """G_tau combined over output units: (2, step, top, input)."""
        shape = self.shape
        result = zeros(shape.steps, 2, self.weights.shape[1])
        if shape.steps == 1:
            return result
        outputs = self.gradient.contract(party, units).reshape(DEGREE, shape.steps, shape.batch)
        tensor = self.inputs.matrix(party).reshape(shape.steps, shape.batch, -1)
        result[:, :, 0] = batched_combine_rows(outputs, tensor)
        result[:, :, 1, 0] = ext_scale(sum_last(outputs), ONE * self.one)
        return result
