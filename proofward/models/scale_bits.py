"""The table [scales] of a consortium's or a preset's file: bits of fixed-point numbers and of their ranges.

Each value has limits of its own; others follow from several together, and all that do not hold are told at
once. What is left out is as usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from proofward.layers.aggregation import WEIGHT_BITS
from proofward.layers.errors import ConfigurationError
from proofward.layers.model import LARGEST_TABLE, MAX_WEIGHT_BITS, FixedPoint

USUAL = FixedPoint()
LIMITS = {
    "activation_bits": (1, 14),
    "gradient_bits": (1, 14),
    "weight_bits": (WEIGHT_BITS, MAX_WEIGHT_BITS),
    "activation_range_bits": (2, LARGEST_TABLE),
    "gradient_range_bits": (1, LARGEST_TABLE - 1),
    "logit_range_bits": (1, LARGEST_TABLE),
    "table_bits": (2, LARGEST_TABLE),
}
SCALE_KEYS = tuple(LIMITS)
_WITHIN_TABLES = {"activation_range_bits": 0, "gradient_range_bits": 1, "logit_range_bits": 0}
"""Ranges, and how many bits tables have to have more than they."""


@dataclass(frozen=True)
class ScaleBits:
    """Fields of `FixedPoint` by their names; None is left to others."""

    activation_bits: int | None = None
    gradient_bits: int | None = None
    weight_bits: int | None = None
    activation_range_bits: int | None = None
    gradient_range_bits: int | None = None
    logit_range_bits: int | None = None
    table_bits: int | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not (type(value) is int and low <= value <= high):
                raise ConfigurationError(f"scales.{name}", f"an integer in [{low}, {high}]", value)

    @classmethod
    def of(cls, scales: FixedPoint) -> ScaleBits:
        """All values of some scales."""
        return cls(**scales.to_dict())

    def over(self, base: ScaleBits) -> ScaleBits:
        """These, and the base's where they are silent."""
        return ScaleBits(**{**asdict(base), **self.given})

    @property
    def given(self) -> dict[str, int]:
        """What is not left to others."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def faults(self) -> Iterator[ConfigurationError]:
        """Whatever does not hold of several values together, with values that would do."""
        values = {**USUAL.to_dict(), **self.given}
        least = max(WEIGHT_BITS, values["activation_bits"] + values["gradient_bits"])
        if not least <= values["weight_bits"] <= MAX_WEIGHT_BITS:
            near = min(MAX_WEIGHT_BITS, least + USUAL.rate_shift)
            span = f"[{least}, {MAX_WEIGHT_BITS}]"
            words = f"activation_bits + gradient_bits or more, in {span}, such as {near}"
            yield ConfigurationError("scales.weight_bits", words, values["weight_bits"])
        for name, more in _WITHIN_TABLES.items():
            most = values["table_bits"] - more
            if values[name] > most:
                words = f"at most {most}, or table_bits = {values[name] + more} or more"
                yield ConfigurationError(f"scales.{name}", words, values[name])

    def fixed_point(self) -> FixedPoint:
        """The scales, with the usual ones for what is left open; raises ConfigurationError."""
        for fault in self.faults():
            raise fault
        return FixedPoint(**{**USUAL.to_dict(), **self.given})


def scale_bits_of(values: Mapping[str, object]) -> ScaleBits:
    """The values of a table whose keys are known; raises ConfigurationError."""
    return ScaleBits(**values)  # type: ignore[arg-type]  # checked by the class

