"""Public description of a training: fixed-point scales and hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import padded
from proofward.layers.basics.plain import MILLION, exactly, integer, shown
from proofward.layers.rules.later_rates import LARGEST_RATE, LaterRates, later_rates, rate_in
from proofward.layers.rules.momentum import LARGEST_MOMENTUM, Rates, rates_of
from proofward.layers.rules.validation_part import LARGEST_SHARE, validation_rows

Int64Array = NDArray[np.int64]

MAX_WEIGHT_BITS = 30
LARGEST_TABLE = 22  #: bits of the largest tables that values or parts of them are looked up in

MOST_WEIGHT_RANGE = 6  #: bits of the largest range of weights, as real numbers
MOST_RANGES = 256  #: hidden layers with ranges of their own
WEIGHT_RANGE = "weight_range_bits"  #: named by the plain form where there is one
OF_LAYERS = {
    "activation_ranges": ("activation_range_bits", 2, 0),
    "gradient_ranges": ("gradient_range_bits", 1, 1),
}
"""Ranges of hidden layers: what they are where no layer has its own, the least, and by how many bits they are
smaller than tables."""


@dataclass(frozen=True)
class FixedPoint:
    """Scales are powers of two: x is the integer x*2^bits. weight_bits = activation_bits + gradient_bits + k.

    Ranges; what is beyond saturates (a = activation_range_bits, g = gradient_range_bits, l =
    logit_range_bits):
        features                 in [-2^(a-1), 2^(a-1)), by the proof of enrolment
        hidden activations       min(max(Q, 0), 2^a) of a rounded sum Q
        hidden gradients         in [-2^g, 2^g) + 2^(g+1) {-1, 0, 1}, see `relu.saturated`
        logit difference         clamped to [-2^l, 2^l), where the sigmoid's table ends
        rounding remainders      in [0, 2^weight_bits), or [0, D) beside means

    With `weight_range_bits` (w) above 0 weights and biases are in [-2^w, 2^w]: those of layers whose
    weights are few saturate after every step (`saturated_weights`), all others where the next model is
    made. Without, they have no range in local training.

    Hidden layers may have bits of their own: `activation_ranges` has an a and `gradient_ranges` a g for the
    values behind each hidden layer, or nothing where all are as those above. The plain form names them where
    they differ. Features have the a of all.
    """

    activation_bits: int = 6
    gradient_bits: int = 8
    weight_bits: int = 24
    activation_range_bits: int = 12
    gradient_range_bits: int = 9
    logit_range_bits: int = 9
    table_bits: int = 12
    activation_ranges: tuple[int, ...] = ()
    gradient_ranges: tuple[int, ...] = ()
    weight_range_bits: int = 0

    def __post_init__(self) -> None:
        integer("activation_bits", self.activation_bits, 1, 14)
        integer("gradient_bits", self.gradient_bits, 1, 14)
        integer("weight_bits", self.weight_bits, self.activation_bits + self.gradient_bits, MAX_WEIGHT_BITS)
        integer("table_bits", self.table_bits, 2, LARGEST_TABLE)
        integer("activation_range_bits", self.activation_range_bits, 2, LARGEST_TABLE)
        integer("gradient_range_bits", self.gradient_range_bits, 1, LARGEST_TABLE - 1)
        integer("logit_range_bits", self.logit_range_bits, 1, self.table_bits)
        most = self.weight_bits + MOST_WEIGHT_RANGE
        if type(self.weight_range_bits) is not int or self.weight_range_bits not in (0, *range(2, most + 1)):
            raise ConfigurationError("weight_range_bits", f"0, or 2 to {most}", self.weight_range_bits)
        for name, (usual, least, more) in OF_LAYERS.items():
            own = getattr(self, name)
            if not isinstance(own, tuple):
                raise ConfigurationError(name, "a tuple of integers", type(own).__name__)
            for bits in own:
                integer(name, bits, least, LARGEST_TABLE - more)
            if set(own) <= {getattr(self, usual)}:
                object.__setattr__(self, name, ())

    @property
    def rate_shift(self) -> int:
        """k: the learning rate divided by the batch size is rate / 2^k."""
        return self.weight_bits - self.activation_bits - self.gradient_bits

    @property
    def divisor(self) -> Divisor:
        """What sums are rounded by."""
        return Divisor(self.weight_bits)

    @property
    def back_divisor(self) -> Divisor:
        """What sums of gradients are rounded by: the same, unless a mean is near."""
        return self.divisor

    def check_layers(self, hidden: int) -> None:
        """Raises ConfigurationError unless ranges are those of so many hidden layers."""
        for name in OF_LAYERS:
            if (own := getattr(self, name)) and len(own) != hidden:
                raise ConfigurationError(name, f"{hidden} of them, one for each hidden layer", len(own))

    @property
    def alike(self) -> FixedPoint:
        """These scales with the same ranges in all layers."""
        return replace(self, activation_ranges=(), gradient_ranges=())

    def of_layer(self, index: int) -> FixedPoint:
        """These scales with the ranges of one hidden layer, counted from 0; those of all where it is none."""
        if not (self.activation_ranges or self.gradient_ranges):
            return self
        ranges = {
            usual: own[index]
            for name, (usual, _, _) in OF_LAYERS.items()
            if index in range(len(own := getattr(self, name)))
        }
        return replace(self.alike, **ranges)

    @property
    def input_range(self) -> tuple[int, int]:
        """Smallest and largest input feature."""
        half = 1 << (self.activation_range_bits - 1)
        return -half, half - 1

    @property
    def activation_limit(self) -> int:
        """The largest hidden activation."""
        return 1 << self.activation_range_bits

    @property
    def real_limit(self) -> float:
        """The largest hidden activation as a real number."""
        return self.activation_limit / (1 << self.activation_bits)

    @property
    def weight_range(self) -> int:
        """The largest weight where weights have a range."""
        return 1 << self.weight_range_bits

    @property
    def gradient_limit(self) -> int:
        """Hidden gradients are below this in magnitude, or equal to its negative."""
        return 3 << self.gradient_range_bits

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form, for digests and messages."""
        unsaid = (*OF_LAYERS, *(() if self.weight_range_bits else (WEIGHT_RANGE,)))
        plain = {name: value for name, value in asdict(self).items() if name not in unsaid}
        return {**plain, **{name: list(own) for name in OF_LAYERS if (own := getattr(self, name))}}

    @classmethod
    def from_dict(cls, values: object) -> FixedPoint:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        named = [name for name in OF_LAYERS if isinstance(values, Mapping) and name in values]
        said = isinstance(values, Mapping) and values.get(WEIGHT_RANGE, 0) not in (0, None)
        names = {*cls.__dataclass_fields__} - {*OF_LAYERS, *(() if said else (WEIGHT_RANGE,))} | {*named}
        plain = exactly("scales", values, tuple(names))
        for name in named:
            if not isinstance(own := plain[name], list | tuple) or len(own) > MOST_RANGES:
                raise ConfigurationError(name, "a list of integers", own)
            plain[name] = tuple(own)
        found = cls(**plain)  # type: ignore[arg-type]  # checked by the class
        for name in named:
            if not getattr(found, name):
                raise ConfigurationError(name, f"some that are not {OF_LAYERS[name][0]}", plain[name])
        return found


_WHERE_USED = ("momentum", "validation_share", "later_rates", "full_batch")
"""Fields of a training that its plain form names only where they say something."""


@dataclass(frozen=True)
class Training:
    """Local training of a round: the learning rate is rate * batch / 2^k.

    Exactly one of `epochs` and `steps` is positive: so many passes over the records that a hospital trains
    on, whatever their number, or so many SGD steps. In millionths are the momentum and the validation share,
    the part of every hospital's rows that no step takes (`validation_part`); rows are all rows, as enrolled,
    wherever they are counted here. `rate` is that of the first round; `later_rates` has those that follow.
    With `full_batch` a round is one step on all rows that a hospital trains on, at most a batch
    (`clipped_training`). The plain form names each of these four only where it says something.
    """

    rate: int = 1
    batch: int = 16
    epochs: int = 0
    steps: int = 0
    momentum: int = 0
    validation_share: int = 0
    later_rates: LaterRates = ()
    full_batch: bool = False

    def __post_init__(self) -> None:
        integer("rate", self.rate, 1, LARGEST_RATE)
        object.__setattr__(self, "later_rates", later_rates(self.rate, self.later_rates))
        integer("batch", self.batch, 1, 1 << 16)
        if self.batch & (self.batch - 1):
            raise ConfigurationError("batch", "a power of two", self.batch)
        integer("epochs", self.epochs, 0, 1 << 12)
        integer("steps", self.steps, 0, 1 << 20)
        integer("momentum", self.momentum, 0, LARGEST_MOMENTUM)
        integer("validation_share", self.validation_share, 0, LARGEST_SHARE)
        if (self.epochs > 0) == (self.steps > 0):
            expected = "exactly one of epochs and steps above 0"
            raise ConfigurationError("epochs", expected, {"epochs": self.epochs, "steps": self.steps})
        if type(self.full_batch) is not bool or (self.full_batch and (self.steps != 1 or self.momentum)):
            expected = "true with one step and no momentum, or false"
            raise ConfigurationError("full_batch", expected, self.full_batch)

    def in_round(self, number: int) -> Training:
        """The training of a round, counted from 1: with its rate, and no other."""
        if not self.later_rates:
            return self
        return replace(self, rate=rate_in(number, self.rate, self.later_rates), later_rates=())

    @property
    def largest(self) -> Training:
        """The training with the largest rate of all rounds, whose bounds are those of each."""
        if not self.later_rates:
            return self
        return replace(self, rate=max(self.rate, *(rate for _, rate in self.later_rates)), later_rates=())

    @property
    def duration(self) -> str:
        """How long a round trains, in words."""
        count, unit = (self.epochs, "epoch") if self.epochs else (self.steps, "step")
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"

    @property
    def real_momentum(self) -> float:
        """The momentum as a real number."""
        return self.momentum / MILLION

    @property
    def momentum_words(self) -> str:
        """To be said behind the batch; "" where there is none."""
        return f" with momentum {shown(self.momentum)}" if self.momentum else ""

    @property
    def validation_words(self) -> str:
        """What is not trained on, as a percentage; "" where all rows are."""
        share = shown(self.validation_share * 100)
        return f"{share} % of each hospital's rows" if self.validation_share else ""

    def trained_rows(self, rows: int) -> int:
        """How many of `rows` records a hospital trains on: all but the validation part."""
        return rows - validation_rows(rows, self.validation_share)

    def steps_for(self, rows: int) -> int:
        """T, the SGD steps of a hospital with `rows` records.

        floor(epochs * trained / batch), or `steps`. Raises ConfigurationError where there is no whole step.
        """
        integer("rows", rows, 1, 1 << 32)
        trained = self.trained_rows(rows)
        beside = " beside the validation part" if self.validation_share else ""
        if self.full_batch and not 1 <= trained <= self.batch:
            raise ConfigurationError("rows", f"1 to a batch of {self.batch}{beside}", trained)
        if self.steps:
            if trained < self.batch and not self.full_batch:
                raise ConfigurationError("rows", f"at least one batch of {self.batch}{beside}", trained)
            return self.steps
        steps = self.epochs * trained // self.batch
        if steps == 0:
            expected = f"epochs * rows >= batch ({self.epochs} * rows >= {self.batch}){beside}"
            raise ConfigurationError("rows", expected, trained)
        return steps

    def padded_steps(self, rows: int) -> int:
        """T_pad: T rounded up to a power of two, the length of the stacked witness."""
        return padded(self.steps_for(rows))

    def rates(self, rows: int) -> Rates:
        """How much the gradients of earlier steps count, in all T_pad steps."""
        return rates_of(self.rate, self.momentum, self.padded_steps(rows))

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form, for digests and messages."""
        plain = {name: value for name, value in asdict(self).items() if name not in _WHERE_USED or value}
        if self.later_rates:
            plain["later_rates"] = [list(pair) for pair in self.later_rates]
        return plain

    @classmethod
    def from_dict(cls, values: object) -> Training:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        given = values if isinstance(values, Mapping) else {}
        unsaid = {name for name in _WHERE_USED if given.get(name, 0) in (0, [], ())}
        return cls(**exactly("training", values, tuple(set(cls.__dataclass_fields__) - unsaid)))  # type: ignore[arg-type]
