"""Errors of the fixed-point trainer. Every one carries what was expected and what was found."""

from __future__ import annotations


class TrainingError(Exception):
    """Base of every error raised by `proofward.layers`."""


class ConfigurationError(TrainingError):
    """A model, scale or hyper-parameter is not admissible."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        self.field = field
        self.expected = expected
        self.actual = actual
        super().__init__(f"{field}: expected {expected}, got {actual!r}")


class OutOfRange(TrainingError):
    """A value of the training left the range that its relation allows: nothing wraps, training stops."""

    def __init__(
        self, layer: str, quantity: str, step: int, value: int, low: int, high: int, remedy: str
    ) -> None:
        self.layer = layer
        self.quantity = quantity
        self.step = step
        self.value = value
        self.low = low
        self.high = high
        self.remedy = remedy
        super().__init__(f"{layer}, step {step}: {quantity} is {value}, outside [{low}, {high}]; {remedy}")


class WraparoundPossible(TrainingError):
    """The compile step cannot exclude that an integer of this layer reaches the embedding limit."""

    def __init__(self, layer: str, quantity: str, bound: int, limit: int) -> None:
        self.layer = layer
        self.quantity = quantity
        self.bound = bound
        self.limit = limit
        super().__init__(
            f"{layer}: |{quantity}| may reach {bound} (about 2^{bound.bit_length()}), the limit is {limit}; "
            "use fewer steps, smaller batches, narrower layers or lower scales"
        )
