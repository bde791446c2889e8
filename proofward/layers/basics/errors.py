"""Errors of the fixed-point trainer. Every one carries what was expected and what was found.

All are about public facts (rules, numbers of rows, global weights) or about records that do not have their
shape. Training itself is a total function: no error depends on what admissible records say.
"""

from __future__ import annotations

REMEDY = "fewer steps, smaller batches, narrower layers or lower scales"


class TrainingError(Exception):
    """Base of every error raised by `proofward.layers`."""


class ConfigurationError(TrainingError):
    """A model, scale or hyper-parameter is not admissible."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        self.field = field
        self.expected = expected
        self.actual = actual
        super().__init__(f"{field}: expected {expected}, got {actual!r}")


class WraparoundPossible(TrainingError):
    """The compile step cannot exclude that an integer of this layer reaches the embedding limit."""

    def __init__(self, layer: str, quantity: str, bound: int, limit: int, remedy: str = REMEDY) -> None:
        self.layer = layer
        self.quantity = quantity
        self.bound = bound
        self.limit = limit
        super().__init__(
            f"{layer}: |{quantity}| may reach {bound} (about 2^{bound.bit_length()}), the limit is {limit}; "
            f"use {remedy}"
        )
