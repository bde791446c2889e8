"""The table [scales] of a consortium's or a preset's file: bits of fixed-point numbers and of their ranges.

Each value has limits of its own; others follow from several together, and all that do not hold are told at
once. What is left out is as usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from proofward.layers.averaging.weighting import WEIGHT_BITS
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import (
    LARGEST_TABLE,
    MAX_WEIGHT_BITS,
    MOST_RANGES,
    MOST_WEIGHT_RANGE,
    OF_LAYERS,
    WEIGHT_RANGE,
    FixedPoint,
)
from proofward.models.keys import Integer, Key, Keys, Several

USUAL = FixedPoint()
LIMITS = {
    "activation_bits": (1, 14),
    "gradient_bits": (1, 14),
    "weight_bits": (WEIGHT_BITS, MAX_WEIGHT_BITS),
    "activation_range_bits": (2, LARGEST_TABLE),
    "gradient_range_bits": (1, LARGEST_TABLE - 1),
    "logit_range_bits": (1, LARGEST_TABLE),
    "table_bits": (2, LARGEST_TABLE),
    "weight_range_bits": (0, MAX_WEIGHT_BITS + MOST_WEIGHT_RANGE),
}
_MEANING = {
    "activation_bits": "behind the point of features and hidden values",
    "gradient_bits": "behind the point of gradients",
    "weight_bits": "behind the point of weights: both together and k, where learning rates are multiples of "
    "batch / 2^k",
    "activation_range_bits": "hidden values reach 2^this in units, features half of it",
    "gradient_range_bits": "gradients saturate beyond three times 2^this in units",
    "logit_range_bits": "differences of logits beyond 2^this in units count as that much",
    "table_bits": "of the usual tables of a proof: no range of all layers may have more",
    "weight_range_bits": "weights end at 2^this in units, those of convolutions after every step; 0: nowhere",
}
SCALES = Keys((
    *(Key(name, Integer(*limits), _MEANING[name]) for name, limits in LIMITS.items()),
    *(Key(name, Several(Integer(*LIMITS[usual]), most=MOST_RANGES),
          f"of each hidden layer in place of {usual}") for name, (usual, *_) in OF_LAYERS.items()),
))  # fmt: skip
SCALE_KEYS = SCALES.names
_WITHIN_TABLES = {"activation_range_bits": 0, "gradient_range_bits": 1, "logit_range_bits": 0}
"""Ranges of all layers, and how many bits tables have to have more than they."""
Given = dict[str, int | tuple[int, ...]]


@dataclass(frozen=True)
class ScaleBits:
    """Fields of `FixedPoint` by their names; None is left to others.

    The ranges of hidden layers belong to a network and to the range that they stand for: see `over`.
    """

    activation_bits: int | None = None
    gradient_bits: int | None = None
    weight_bits: int | None = None
    activation_range_bits: int | None = None
    gradient_range_bits: int | None = None
    logit_range_bits: int | None = None
    table_bits: int | None = None
    activation_ranges: tuple[int, ...] | None = None
    gradient_ranges: tuple[int, ...] | None = None
    weight_range_bits: int | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not _within(value, low, high):
                raise ConfigurationError(f"scales.{name}", f"an integer in [{low}, {high}]", value)
        for name, (usual, *_) in OF_LAYERS.items():
            own, (low, high) = getattr(self, name), LIMITS[usual]
            known = own is None or (isinstance(own, tuple) and len(own) <= MOST_RANGES)
            if not known or not all(_within(value, low, high) for value in own or ()):
                words = f"a list of integers in [{low}, {high}], one for each hidden layer"
                raise ConfigurationError(f"scales.{name}", words, own)

    @classmethod
    def of(cls, scales: FixedPoint) -> ScaleBits:
        """All values of some scales."""
        values = {entry.name: getattr(scales, entry.name) for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if value != ()})

    def over(self, base: ScaleBits) -> ScaleBits:
        """These, and the base's where they are silent.

        The base's ranges of hidden layers are left out where the range of all of them is one's own.
        """
        kept = {name for name, (usual, *_) in OF_LAYERS.items() if getattr(self, usual) is None}
        whole = {name: value for name, value in asdict(base).items() if name not in OF_LAYERS or name in kept}
        return ScaleBits(**{**whole, **self.given})

    @property
    def of_no_network(self) -> ScaleBits:
        """Without the ranges of hidden layers."""
        return replace(self, activation_ranges=None, gradient_ranges=None)

    @property
    def given(self) -> Given:
        """What is not left to others."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def check_layers(self, hidden: int) -> None:
        """Raises ConfigurationError unless ranges are those of so many hidden layers."""
        for name in OF_LAYERS:
            own = getattr(self, name)
            if own is not None and len(own) != hidden:
                words = f"a list of {hidden}, one for each hidden layer"
                raise ConfigurationError(f"scales.{name}", words, list(own))

    def faults(self) -> Iterator[ConfigurationError]:
        """Whatever does not hold of several values together, with values that would do."""
        values: dict[str, Any] = {**USUAL.to_dict(), **self.given}
        least = max(WEIGHT_BITS, values["activation_bits"] + values["gradient_bits"])
        if not least <= values["weight_bits"] <= MAX_WEIGHT_BITS:
            near = min(MAX_WEIGHT_BITS, least + USUAL.rate_shift)
            span = f"[{least}, {MAX_WEIGHT_BITS}]"
            words = f"activation_bits + gradient_bits or more, in {span}, such as {near}"
            yield ConfigurationError("scales.weight_bits", words, values["weight_bits"])
        for name, more in _WITHIN_TABLES.items():
            most, found = values["table_bits"] - more, values[name]
            if found > most:
                words = f"at most {most}, or table_bits = {found + more} or more"
                yield ConfigurationError(f"scales.{name}", words, found)
        most, found = values["weight_bits"] + MOST_WEIGHT_RANGE, values.get(WEIGHT_RANGE, 0)
        if found == 1 or found > most:
            yield ConfigurationError(f"scales.{WEIGHT_RANGE}", f"0, or 2 to {most}", found)

    def fixed_point(self) -> FixedPoint:
        """The scales, with the usual ones for what is left open; raises ConfigurationError."""
        for fault in self.faults():
            raise fault
        return replace(USUAL, **self.given)  # type: ignore[arg-type]  # checked by the class


def shown_bits(value: int | Sequence[int]) -> str:
    """A value of the table as its file has it."""
    return str(value if isinstance(value, int) else list(value))


def _within(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def scale_bits_of(values: Mapping[str, object]) -> ScaleBits:
    """The values of a table whose keys are known; raises ConfigurationError."""
    own = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return ScaleBits(**own)  # type: ignore[arg-type]  # checked by the class
