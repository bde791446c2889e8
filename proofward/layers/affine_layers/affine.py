"""What a layer with parameters is to all others: sums Z = W x + 2^fa b, linear in the weights and inputs.

A layer type is one file: its description (`Affine`), its forward and backward pass in integers
(`AffineTrainer`) and in real numbers, and its proof (`AffineRelation`). One line of `registry` makes it
known.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proofward.field.goldilocks import to_field
from proofward.layers.affine_layers.saturated_weights import SaturatedWeights
from proofward.layers.arithmetic.exact import FloatArray
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.columns.stack import Gradient, Input, Shape, Units
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.momentum import Rates
from proofward.proof.forms import Form, Point
from proofward.proof.party import Party

RealArray = NDArray[np.floating[Any]]
FieldArray = NDArray[np.uint64]


class Affine(ABC):
    """The description of a layer; the first axis of its weights is that of its biases.

    Two descriptions are equal exactly when they compute the same from the same parameters.
    """

    kind: ClassVar[str]
    unsaid: ClassVar[Mapping[str, object]] = {}
    """Usual values that no plain form names, so that it is the same as before the layer had them."""

    @property
    @abstractmethod
    def takes(self) -> Layout:
        """Layout of the inputs of a sample."""

    @property
    @abstractmethod
    def gives(self) -> Layout:
        """Layout of the sums of a sample."""

    @property
    @abstractmethod
    def weights(self) -> Layout:
        """Layout of the weights (outputs, ...)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weights for people: that of their axes, unless the layer says another."""
        return self.weights.axes

    @property
    def biases(self) -> Layout:
        """Layout of the biases."""
        return Layout(self.weights.axes[:1])

    @property
    def parameters(self) -> int:
        """How many weights and biases."""
        return self.weights.size + self.biases.size

    @property
    def fan_in(self) -> int:
        """Weights that enter one sum."""
        return prod(self.weights.axes[1:])

    @property
    @abstractmethod
    def fan_out(self) -> int:
        """The most sums of a sample that one input enters."""

    @property
    @abstractmethod
    def positions(self) -> int:
        """Sums of a sample that share one bias."""

    @property
    def has_few_weights(self) -> bool:
        """Each of them serves many sums, so that they may be committed to at every step."""
        return False

    @property
    def laid_out(self) -> int:
        """Values that a forward pass of one sample lays out to multiply them with weights."""
        return self.takes.size

    @property
    def products(self) -> int:
        """Products of a weight and a value that all sums of a sample are made of."""
        return self.gives.size * self.fan_in

    @property
    def axis_entries(self) -> int:
        """Entries of the tables of its inputs' axes, which whoever looks at its proof fills (`axis`)."""
        return 0

    @property
    def window(self) -> int:
        """It makes sums for whole windows of so many along height and width only."""
        return 1

    def for_windows(self, window: int) -> Affine:
        """The layer that leaves out the sums behind the last whole window; raises ConfigurationError."""
        if window != 1:
            raise ConfigurationError("pooled layer", "a convolution", self.words)
        return self

    @property
    @abstractmethod
    def words(self) -> str:
        """What it does, in a few words for messages."""

    @abstractmethod
    def to_plain(self) -> dict[str, object]:
        """Canonical plain form without the inputs' layout and the window, which its neighbours give."""

    @classmethod
    @abstractmethod
    def from_plain(cls, takes: Layout, plain: Mapping[str, object]) -> Affine:
        """Inverse of `to_plain`; raises ConfigurationError on anything else."""

    @abstractmethod
    def trainer(self, weights: Int64Array, biases: Int64Array, one: int, bound: int) -> AffineTrainer:
        """The layer during training, from copies of int64 arrays; |weight| <= bound for ever.

        one: what biases are multiplied by, 2^fa or a multiple beside means (`means`).
        """

    def field_parameters(self, parameters: tuple[Int64Array, Int64Array]) -> tuple[FieldArray, FieldArray]:
        """Flat weights and biases as a relation takes them: F-matrix (outputs, rest) and F-array, padded."""
        weights, biases = parameters
        matrix = to_field(self.weights.pad(weights)).reshape(self.biases.padded_size, -1)
        return matrix, to_field(self.biases.pad(biases))

    @abstractmethod
    def relation(
        self,
        shape: Shape,
        parameters: tuple[Int64Array, Int64Array],
        rates: Rates,
        one: int,
        inputs: Input,
        gradients: Gradient | None,
        saturated: SaturatedWeights | None = None,
    ) -> AffineRelation:
        """The layer in a proof: first weights and biases flat, what it reads, the gradient of its sums.

        Without gradients the weights stay as they are, and forward sums are all that can be proved.
        `saturated` are the weights of all steps where they saturate.
        """

    def forward_relation(
        self, shape: Shape, parameters: tuple[Int64Array, Int64Array], one: int, inputs: Input
    ) -> AffineForward:
        """The layer in a proof of a forward pass alone, under public weights."""
        return self.relation(shape, parameters, Rates((0,)), one, inputs, None)

    @abstractmethod
    def real_sums(self, weights: RealArray, biases: RealArray, inputs: RealArray) -> RealArray:
        """Sums (n, size) of real inputs (n, size), whatever the floating-point type."""

    @abstractmethod
    def real_gradients(
        self, weights: RealArray, inputs: RealArray, deltas: RealArray
    ) -> tuple[RealArray, RealArray, RealArray]:
        """Gradients with respect to weights and biases, summed over samples, and to the inputs (n, size)."""


class AffineTrainer(ABC):
    """Weights and biases of one layer during training; values of a sample are padded as in `Layout`."""

    @abstractmethod
    def forward(self, inputs: FloatArray, bound: int) -> Int64Array:
        """Exact sums, int64 (B, padded), of inputs (B, padded) of at most `bound` in magnitude."""

    @abstractmethod
    def backward(self, gradients: FloatArray, bound: int) -> Int64Array:
        """Exact gradients with respect to the inputs, int64 (B, padded), of those of the sums."""

    @abstractmethod
    def update(self, gradients: FloatArray, inputs: FloatArray, rate: int) -> None:
        """One exact SGD step from the gradients of the sums and the inputs."""

    def saturate(self, limit: int) -> None:
        """Bring weights and biases into [-limit, limit]; of layers that have few weights."""
        raise NotImplementedError(type(self).__name__)

    @abstractmethod
    def export(self, weights: Int64Array, biases: Int64Array) -> None:
        """Writes weights and biases into int64 arrays of the layouts' axes."""


class AffineForward(ABC):
    """The forward pass of a layer in a proof."""

    @abstractmethod
    def prove_forward(self, party: Party, step: Point, sample: Point, units: Units, claim: Form) -> None:
        """claim = sum over the sums' units of weight * Z at (step, sample)."""


class AffineRelation(AffineForward):
    """A layer in a proof. The extended input of a weight is (0, its other axes), that of a bias (1, 0)."""

    @property
    @abstractmethod
    def log_outputs(self) -> int:
        """log2 of the padded first axis of the weights."""

    @property
    @abstractmethod
    def log_inputs(self) -> int:
        """log2 of their other axes, padded."""

    @abstractmethod
    def prove_backward(self, party: Party, step: Point, sample: Point, unit: Point, claim: Form) -> None:
        """claim = gradient with respect to the input at (step, sample, unit)."""

    def prove_steps(self, party: Party) -> None:
        """Every step of weights that saturate; no claim on them can be made afterwards."""

    @abstractmethod
    def prove_update(self, party: Party, steps: int, units: Units, extended: Point, claim: Form) -> None:
        """claim = (W_T - W_0) at (units, extended input), T = steps."""
