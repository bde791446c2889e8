"""A network as a chain of layers with activations between and a head on top.

Values may skip layers (`shortcuts`), as they are or through a layer of their own. Flat order of a weight
vector: for each layer its weights row-major, then its biases; layers of shortcuts follow those of the chain.

One network has one plain form. A multilayer perceptron on a row of features is {"widths": [...]}; every other
network is {"inputs": axes of a record, "layers": [{"kind": ..}, ..]}, where a layer is followed by a shortcut
into its sums and then by its activation, and ReLU is named nowhere. "row" is the length of a record's row
beside these axes, if any, and "class_weights" stands in either where they are not all 1. The head is that for
the number of outputs of the last layer, one for each class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import lcm

import numpy as np

from proofward.layers.activations.activation import Activation
from proofward.layers.affine_layers.affine import Affine
from proofward.layers.affine_layers.linear import MAX_WIDTH, Linear
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import MOST_CLASSES, integer
from proofward.layers.basics.record import ROW_WORD, RecordLayout, source_word
from proofward.layers.heads.class_weights import checked
from proofward.layers.heads.head import Head
from proofward.layers.networks.registry import ACTIVATIONS, AFFINE, HEADS, IMPLIED
from proofward.layers.networks.shortcuts import ADD, Joints, PlainShortcut, Shortcut, check, joined, plain_of
from proofward.layers.rules.finer_scales import finer
from proofward.layers.rules.means import Finer
from proofward.layers.rules.model import FixedPoint, Int64Array

MAX_LAYERS = 256
MAX_VALUES = 1 << 26  #: of a record, or of a layer's sums
_KINDS = sorted({*AFFINE, *ACTIVATIONS, ADD})


@dataclass(frozen=True)
class Network:
    """A chain from the records upwards and activations between; the last layer of it gives the logits.

    layers: those of the chain, and behind them those of the shortcuts. row: a record's row, by its length.
    """

    layers: tuple[Affine, ...]
    activations: tuple[Activation, ...]
    class_weights: tuple[int, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    row: int = 0

    def __post_init__(self) -> None:
        integer("layers", len(self.layers), 1, MAX_LAYERS)
        integer("row", self.row, 0, MAX_WIDTH)
        between = len(self.layers) - 1 - sum(own.by is not None for own in self.shortcuts)
        integer("activations", len(self.activations), between, between)
        for (below, above), own in zip(pairwise(self.chain), self.activations, strict=True):
            if below.gives != own.takes or below.window != own.window:
                raise ConfigurationError(f"sums of {own.kind}", below.gives.words, own.takes.words)
            if own.gives != above.takes:
                raise ConfigurationError(f"inputs of {above.words}", own.gives.words, above.takes.words)
        integer(f"values of {self.record.words}", self.record.padded_size, 1, MAX_VALUES)
        for layout in self.hidden:
            integer(f"values of {layout.words}", layout.padded_size, 1, MAX_VALUES)
        check(self.shortcuts, self.layers, _values(self.chain, self.record), self.depth)
        last = self.chain[-1]
        if not isinstance(last, Linear) or not 2 <= last.outputs <= MOST_CLASSES:
            expected = f"a linear layer with 2 to {MOST_CLASSES} outputs, one for each class"
            raise ConfigurationError("last layer", expected, last.words)
        object.__setattr__(self, "class_weights", checked(self.class_weights, last.outputs))

    @property
    def depth(self) -> int:
        """Layers of the chain."""
        return len(self.activations) + 1

    @property
    def chain(self) -> tuple[Affine, ...]:
        """Its layers, from the records to the logits."""
        return self.layers[: self.depth]

    @cached_property
    def joints(self) -> Joints:
        """Which layer reads which values and joins which sums."""
        means = (1, *(own.mean_of for own in self.activations))
        return Joints(means, len(self.layers), self.shortcuts)

    @cached_property
    def head(self) -> Head:
        """What makes gradients of the logits."""
        takes = self.chain[-1].gives
        return next(own(takes, self.class_weights) for own in HEADS if takes.size in own.admits)

    @property
    def inputs(self) -> Layout:
        """Layout of what the first layer reads: a record, but for its row."""
        return self.layers[0].takes

    @cached_property
    def record(self) -> RecordLayout:
        """Layout of a record."""
        return RecordLayout(self.inputs, self.row)

    @property
    def features(self) -> int:
        """Values of a record."""
        return self.record.size

    @property
    def hidden(self) -> tuple[Layout, ...]:
        """Layouts of the hidden layers' sums."""
        return tuple(layer.gives for layer in self.chain[:-1])

    @property
    def widths(self) -> tuple[int, ...]:
        """How many values a record, every hidden layer, and the head have."""
        return (self.features, *(layer.gives.size for layer in self.chain))

    @property
    def is_mlp(self) -> bool:
        """Whether it is linear layers on a row of features."""
        row = len(self.inputs.axes) == 1 and not self.shortcuts
        return row and all(isinstance(layer, Linear) for layer in self.layers)

    @property
    def words(self) -> str:
        """Such as 30-32-2, or with the layouts of pictures 1x64x64-8x32x32-2; +i: layer i's values join."""
        parts = [self.record.words, *(layer.gives.words for layer in self.chain)]
        for own in self.shortcuts:
            parts[own.into + 1] += f"+{source_word(own.source)}"
        return "-".join(parts)

    @property
    def finer(self) -> tuple[Finer, ...]:
        """Per layer, how much finer its scales are beside means."""
        return self.joints.finer

    @property
    def finest(self) -> int:
        """How many times finer than weights the update of a training is: a multiple of every layer's."""
        return lcm(*(own.weights for own in self.finer))

    @property
    def update_units(self) -> tuple[int, ...]:
        """Per layer, how many units of an update one of its weights' is."""
        return tuple(self.finest // own.weights for own in self.finer)

    def rounding(self, scales: FixedPoint, index: int) -> FixedPoint:
        """Scales of the sums of a layer and of back sums of the one above, with ranges of what is between."""
        above = self.joints.finer_back_sums(index + 1) if index + 1 < self.depth else 1
        return finer(scales.of_layer(index), self.joints.finer_sums(index), above)

    def last_rounding(self, scales: FixedPoint) -> FixedPoint:
        """The scales by which the head rounds the logits."""
        return self.rounding(scales, self.depth - 1)

    def name(self, index: int) -> str:
        """Name of a layer in messages: its number from 1, and what it does."""
        words = self.layers[index].words
        if index < self.depth:
            return f"layer {index + 1} ({words})"
        return f"layer {index + 1} (shortcut into layer {self.joints.joins(index) + 1}, {words})"

    @cached_property
    def parameters(self) -> int:
        """Length of the flat weight vector."""
        return sum(layer.parameters for layer in self.layers)

    @cached_property
    def offsets(self) -> tuple[tuple[int, int, int], ...]:
        """Per layer, positions in the flat vector: (start of W, start of b, end)."""
        result, start = [], 0
        for layer in self.layers:
            bias = start + layer.weights.size
            result.append((start, bias, bias + layer.biases.size))
            start = bias + layer.biases.size
        return tuple(result)

    def unflatten(self, flat: Int64Array) -> list[tuple[Int64Array, Int64Array]]:
        """Views (weights of the layer's shape, biases) per layer of a flat vector (parameters,)."""
        self.check_flat(flat)
        return [
            (flat[start:bias].reshape(layer.shape), flat[bias:end])
            for (start, bias, end), layer in zip(self.offsets, self.layers, strict=True)
        ]

    def check_flat(self, flat: Int64Array) -> None:
        """Raises ConfigurationError unless `flat` is an int64 vector of length `parameters`."""
        if not isinstance(flat, np.ndarray) or flat.dtype != np.int64 or flat.shape != (self.parameters,):
            found = (str(flat.dtype), flat.shape) if isinstance(flat, np.ndarray) else type(flat).__name__
            raise ConfigurationError("weights", f"int64 array of shape ({self.parameters},)", found)

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form, for digests and messages."""
        weights = {"class_weights": list(self.class_weights)} if self.class_weights else {}
        if self.is_mlp:
            return {"widths": list(self.widths), **weights}
        row = {ROW_WORD: self.row} if self.row else {}
        return {"inputs": list(self.inputs.axes), **row, "layers": self.plain_layers, **weights}

    @property
    def plain_layers(self) -> list[dict[str, object]]:
        """Layers and activations in plain form, as `chain` takes them."""
        plain, into = [self.layers[0].to_plain()], plain_of(self.shortcuts, self.layers)
        for index, (own, above) in enumerate(zip(self.activations, self.chain[1:], strict=True)):
            plain += [into[index]] if index in into else []
            plain += [] if isinstance(own, IMPLIED) else [own.to_plain()]
            plain.append(above.to_plain())
        return plain

    @classmethod
    def from_dict(cls, values: object) -> Network:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        if isinstance(values, Mapping) and "class_weights" in values:
            rest = {name: value for name, value in values.items() if name != "class_weights"}
            made = replace(cls.from_dict(rest), class_weights=values["class_weights"])
            if not made.class_weights:
                raise ConfigurationError(
                    "class_weights", "weights that are not all 1", values["class_weights"]
                )
            return made
        if isinstance(values, Mapping) and set(values) == {"widths"}:
            return mlp(_integers("widths", values["widths"]))
        if not isinstance(values, Mapping) or set(values) - {ROW_WORD} != {"inputs", "layers"}:
            found = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
            raise ConfigurationError("model", "a mapping with the key widths, or inputs and layers", found)
        axes, plain = _integers("inputs", values["inputs"]), values["layers"]
        if not isinstance(plain, list | tuple) or not 1 <= len(plain) <= 2 * MAX_LAYERS:
            raise ConfigurationError("layers", f"a list of 1 to {MAX_LAYERS} layers", type(plain).__name__)
        row = integer(ROW_WORD, values[ROW_WORD], 1, MAX_WIDTH) if ROW_WORD in values else 0
        made = chain(axes, plain, row)
        if made.is_mlp:
            raise ConfigurationError("model", f"the widths {list(made.widths)}", "inputs and layers")
        return made


def chain(axes: Sequence[int], layers: Sequence[object], row: int = 0) -> Network:
    """The network of layers in plain form on records of these axes, and a row; raises ConfigurationError."""
    if not 1 <= len(axes) <= 3:
        raise ConfigurationError("inputs", "1 to 3 axes", list(axes))
    for axis in axes:
        integer("inputs", axis, 1, MAX_WIDTH)
    takes, made, between = Layout(tuple(axes)), list[Affine](), list[Activation]()
    into: dict[int, PlainShortcut] = {}
    for plain in layers:
        kind = plain.get("kind") if isinstance(plain, Mapping) else None
        if not isinstance(plain, Mapping) or not isinstance(kind, str):
            raise ConfigurationError("kind of a layer", f"one of {_KINDS}", kind)
        if kind in ACTIVATIONS and len(made) != len(between) + 1:
            raise ConfigurationError(f"place of {kind}", "one pool, directly behind a convolution", "another")
        if kind == IMPLIED.kind:
            raise ConfigurationError("kind of a layer", "no word of it: it stands behind every layer", kind)
        if kind == ADD:
            if len(made) != len(between) + 1 or len(made) - 1 in into:
                raise ConfigurationError(f"place of {kind}", "one, directly behind a layer", "another")
            into[len(made) - 1] = PlainShortcut.read(plain)
            continue
        if kind in ACTIVATIONS:
            made[-1] = made[-1].for_windows(ACTIVATIONS[kind].window_of(plain))
            between.append(ACTIVATIONS[kind].from_plain(made[-1].gives, plain))
        elif kind in AFFINE:
            if len(made) == len(between) + 1:
                between.append(IMPLIED(made[-1].gives))
            takes = between[-1].gives if between else takes
            made.append(AFFINE[kind].from_plain(takes, plain))
            integer(f"values of {made[-1].gives.words}", made[-1].gives.padded_size, 1, MAX_VALUES)
        else:
            raise ConfigurationError("kind of a layer", f"one of {_KINDS}", kind)
    record = RecordLayout(Layout(tuple(axes)), row)
    through, shortcuts = joined(into, made, _values(made, record), AFFINE)
    return Network(through, tuple(between), shortcuts=shortcuts, row=row)


def _values(made: Sequence[Affine], record: RecordLayout) -> dict[int, Layout]:
    """Layouts of what layers read, by place: the record's parts, and the values behind each layer."""
    return {**record.layouts, **{place: own.takes for place, own in enumerate(made) if place}}


def mlp(widths: Sequence[int]) -> Network:
    """Multilayer perceptron: linear layers widths[i] -> widths[i+1] with ReLU between, and a head."""
    if not isinstance(widths, tuple) or len(widths) < 2:
        raise ConfigurationError("widths", "a tuple of at least two widths", widths)
    for index, width in enumerate(widths):
        integer(f"widths[{index}]", width, 1, MAX_WIDTH)
    integer("widths[-1], the number of classes", widths[-1], 2, MOST_CLASSES)
    layers = tuple(Linear(Layout((below,)), above) for below, above in pairwise(widths))
    return Network(layers, tuple(IMPLIED(layer.gives) for layer in layers[:-1]))


def _integers(field: str, values: object) -> tuple[int, ...]:
    if not isinstance(values, list | tuple):
        raise ConfigurationError(field, "a list of integers", values)
    return tuple(values)
