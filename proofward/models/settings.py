"""Network and training as people write them: a table of real numbers, which becomes the trainer's integers.

The trainer computes with integers at fixed scales, so a learning rate is a multiple of batch / 2^k, with k
the scales' `rate_shift`, and a clip bound one of 2^-10. Other values are refused with their neighbours, never
rounded: what a consortium agrees on is what is computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import millionths, shown
from proofward.layers.heads.class_weights import LARGEST_CLASS_WEIGHT
from proofward.layers.networks.network import Network, mlp
from proofward.layers.rules.later_rates import LARGEST_RATE, LaterRates
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.momentum import LARGEST_MOMENTUM
from proofward.layers.rules.privacy import Privacy
from proofward.models.layer_lines import network_of, plain_layer
from proofward.models.rate_schedule import RateSchedule, later_rates_of, schedule_from_plain
from proofward.models.scale_bits import SCALE_KEYS, USUAL, ScaleBits, scale_bits_of
from proofward.models.setting_keys import (
    CLIP_UNIT,
    MODEL,
    MOST_BATCH,
    MOST_CLIP_BOUND,
    MOST_EPOCHS,
    MOST_HIDDEN_LAYERS,
    MOST_STEPS,
    TRAINING,
)

SCALES = USUAL
MODEL_KEYS, TRAINING_KEYS = MODEL.names, TRAINING.names
_EITHER = (*MODEL.either, *TRAINING.either)
"""Values of which there is one."""


@dataclass(frozen=True)
class Preset:
    """A network with its scales and its local training.

    Attributes:
        name: The name of the preset.
        summary: The line that lists say of it.
        model: The network.
        scales: Bits of the fixed-point numbers.
        training: A round's local training.
        clip_bound: The L2 norm that an update may have, at scale 2^10.
        privacy: Differential privacy, None where sums are exact.
    """

    name: str
    summary: str
    model: Network
    scales: FixedPoint
    training: Training
    clip_bound: int
    privacy: Privacy | None = None


@dataclass(frozen=True)
class Settings:
    """What is set of network and training; None is left to other settings.

    Attributes:
        hidden: Widths of the hidden layers, none for logistic regression.
        learning_rate: The rate of a batch's mean gradient.
        batch: How many records a step has.
        epochs: How often a round goes through a hospital's records.
        steps: How many steps a round has, instead of epochs.
        clip_bound: The L2 norm that an update may have.
        layers: Layers of any kind, each a line of `layer_lines`, instead of hidden.
        class_weights: Integers by which the gradients of each class's records are multiplied, 1 where none
            are given.
        momentum: The momentum of SGD within a round. There is none where it is not given.
        scales: Bits of the fixed-point numbers.
        schedule: How the learning rate changes over the rounds.
        full_batch: Whether a round is one step on all records of a hospital, at most a batch.
    """

    hidden: tuple[int, ...] | None = None
    learning_rate: float | None = None
    batch: int | None = None
    epochs: int | None = None
    steps: int | None = None
    clip_bound: float | None = None
    layers: tuple[str, ...] | None = None
    class_weights: tuple[int, ...] | None = None
    momentum: float | None = None
    scales: ScaleBits = field(default_factory=ScaleBits)
    schedule: RateSchedule | None = None
    full_batch: bool | None = None

    def __post_init__(self) -> None:
        self._check_layers()
        _integer("training.batch", "a power of two", self.batch, MOST_BATCH)
        if self.batch is not None and self.batch & (self.batch - 1):
            below = 1 << (self.batch.bit_length() - 1)
            near = f"a power of two in [1, {MOST_BATCH}], such as {below} or {min(2 * below, MOST_BATCH)}"
            raise ConfigurationError("training.batch", near, self.batch)
        _integer("training.epochs", "an integer", self.epochs, MOST_EPOCHS)
        _integer("training.steps", "an integer", self.steps, MOST_STEPS)
        if self.epochs is not None and self.steps is not None:
            raise ConfigurationError("training", "either epochs or steps", "both")
        for name in ("learning_rate", "clip_bound"):
            value = getattr(self, name)
            if value is not None and not (type(value) is float and math.isfinite(value)):
                raise ConfigurationError(f"training.{name}", "a number", value)
        if self.full_batch is not None and type(self.full_batch) is not bool:
            raise ConfigurationError("training.full_batch", "true or false", self.full_batch)
        if self.momentum is not None:
            _momentum(self.momentum)
        for weight in self.class_weights or ():
            _integer("training.class_weights", "integers", weight, LARGEST_CLASS_WEIGHT)
        if self.clip_bound is not None:
            _multiple("training.clip_bound", self.clip_bound, 1 / CLIP_UNIT, MOST_CLIP_BOUND, "1/1024")

    def _check_layers(self) -> None:
        if self.hidden is not None and self.layers is not None:
            raise ConfigurationError("model", "either hidden or layers", "both")
        for name in ("hidden", "layers"):
            count = len(getattr(self, name) or ())
            if count > MOST_HIDDEN_LAYERS:
                raise ConfigurationError(f"model.{name}", f"at most {MOST_HIDDEN_LAYERS} layers", count)
        for width in self.hidden or ():
            _integer("model.hidden", "widths", width, MAX_WIDTH)
        for number, line in enumerate(self.layers or (), 1):
            try:
                plain_layer(line)
            except ConfigurationError as error:
                where = f"model.layers, layer {number}"
                raise ConfigurationError(where, error.expected, error.actual) from error

    @property
    def complete(self) -> bool:
        """Whether nothing is left to others."""
        network = self.hidden if self.layers is None else self.layers
        return None not in (network, self.learning_rate, self.batch, self.clip_bound, self.duration)

    @property
    def duration(self) -> int | None:
        """Epochs or steps, whichever is set."""
        return self.steps if self.epochs is None else self.epochs

    def over(self, base: Settings) -> Settings:
        """These, and the base's where they are silent."""
        values = {}
        for entry in fields(self):
            one_of = next((pair for pair in _EITHER if entry.name in pair), (entry.name,))
            kept = any(getattr(self, own) is not None for own in one_of)
            values[entry.name] = getattr(self if kept else base, entry.name)
        own_network = self.hidden is not None or self.layers is not None
        values["scales"] = self.scales.over(base.scales.of_no_network if own_network else base.scales)
        return Settings(**values)

    def preset(
        self, name: str, summary: str, features: int | Sequence[int], classes: int = 2, row: int = 0
    ) -> Preset:
        """The trainer's integers, of complete settings; raises ConfigurationError.

        features: of a record, or its axes where it is a picture (channels, height, width). row: features of
        the table's row beside the picture, where there is one.
        """
        if not self.complete:
            raise ConfigurationError("settings", "values of network and training", "some left open")
        assert self.batch is not None
        assert self.learning_rate is not None and self.clip_bound is not None
        scales = self.scales.fixed_point()
        rate = self._rate(self.learning_rate)
        clip = _multiple("training.clip_bound", self.clip_bound, 1 / CLIP_UNIT, MOST_CLIP_BOUND, "1/1024")
        moved = _momentum(self.momentum or 0.0)
        training = Training(
            rate, self.batch, self.epochs or 0, self.steps or 0, moved, full_batch=bool(self.full_batch)
        )
        network = self._network(features, classes, row)
        self.scales.check_layers(len(network.activations))
        return Preset(name, summary, network, scales, training, clip)

    def later_rates(self, rounds: int) -> LaterRates:
        """The trainer's rates of the later rounds, of complete settings; raises ConfigurationError."""
        assert self.learning_rate is not None
        return later_rates_of(self.schedule, self._rate(self.learning_rate), rounds, self._rate)

    def _rate(self, value: float) -> int:
        """A learning rate as the trainer's integer; raises ConfigurationError."""
        assert self.batch is not None
        shift = self.scales.fixed_point().rate_shift
        unit = self.batch / (1 << shift)
        of = f"batch / {1 << shift} = {unit!r}"
        return _multiple("training.learning_rate", value, unit, LARGEST_RATE, of)

    def _network(self, features: int | Sequence[int], classes: int, row: int) -> Network:
        axes = (features,) if isinstance(features, int) else tuple(features)
        if self.layers is not None:
            network = network_of(axes, self.layers, classes, row)
        elif row:
            expected = "layers, one of them `add row by linear ..`, where a row goes with each image"
            raise ConfigurationError("model", expected, "hidden")
        else:
            assert self.hidden is not None
            network = mlp((math.prod(axes), *self.hidden, classes))
        return replace(network, class_weights=self.class_weights or ())


def settings_of(table: Mapping[str, Any]) -> Settings:
    """The settings in the tables [model], [training] and [scales] of a file; raises ConfigurationError."""
    model, training = _table(table, "model", MODEL_KEYS), _table(table, "training", TRAINING_KEYS)
    values = {**model, **training}
    if "hidden" in values:
        if not isinstance(values["hidden"], list):
            raise ConfigurationError("model.hidden", "a list of widths, such as [32, 16]", values["hidden"])
        values["hidden"] = tuple(values["hidden"])
    if "layers" in values:
        lines = values["layers"]
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            expected = 'a list of lines, such as ["conv2d 8 kernel 3 stride 2 padding 1", "linear 32"]'
            raise ConfigurationError("model.layers", expected, lines)
        values["layers"] = tuple(lines)
    if "class_weights" in values:
        if not isinstance(values["class_weights"], list):
            expected = "a list of integers, one for each class, such as [1, 4]"
            raise ConfigurationError("training.class_weights", expected, values["class_weights"])
        values["class_weights"] = tuple(values["class_weights"])
    if "schedule" in values:
        values["schedule"] = schedule_from_plain(values["schedule"])
    for name in ("learning_rate", "clip_bound", "momentum"):
        if type(values.get(name)) is int and abs(values[name]) <= MOST_CLIP_BOUND:
            values[name] = float(values[name])
    return Settings(**values, scales=scale_bits_of(_table(table, "scales", SCALE_KEYS)))


def _table(table: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    values = table.get(name, {})
    if not isinstance(values, dict):
        raise ConfigurationError(name, f"a table, [{name}]", values)
    for key in values:
        if key not in keys:
            raise ConfigurationError(f"{name}.{key}", f"one of {', '.join(keys)}", "an unknown key")
    return values


def _integer(field: str, kind: str, value: object, high: int) -> None:
    if value is not None and not (type(value) is int and 1 <= value <= high):
        raise ConfigurationError(field, f"{kind} in [1, {high}]", value)


def _momentum(value: float) -> int:
    """In millionths."""
    found = millionths(value)
    if found is None or not 0 <= found <= LARGEST_MOMENTUM:
        expected = f"a multiple of 0.000001 in [0, {shown(LARGEST_MOMENTUM)}]"
        raise ConfigurationError("training.momentum", expected, value)
    return found


def _multiple(field: str, value: float, unit: float, most: int, of: str) -> int:
    """value / unit, an integer in [1, most]; units are powers of two, so the division is exact."""
    count = value / unit
    if count == int(count) and 1 <= count <= most:
        return int(count)
    expected = f"a multiple of {of} in [{unit!r}, {most * unit!r}]"
    if 1 < count < most:
        expected += f", such as {math.floor(count) * unit!r} or {math.ceil(count) * unit!r}"
    raise ConfigurationError(field, expected, value)
