"""What a server's optimizer is: a pure function of the mean update and of a state that all can recompute.

    (step, next state) = optimizer.step(mean, state)
    W' = clamp(W + step, -L, L)
The mean D of the updates is at the weights' scale fw and public, and so is the state, which is 0 before the
first round. Nothing of it is trusted: whoever follows the ledger computes the state from the sums there.

Bounds. By the proofs every update has entries of at most M C / 2^10 in magnitude, with M its weight and C
the clip bound; so |D| <= C 2^(fw - 10). From that bound on D each optimizer gives bounds of its state and its
step that hold for ever, whatever the number of rounds, and rules are refused where one could reach 2^60. What
training may start from does not depend on the step: every model is clamped to [-L, L]
(`layers.networks.bounds`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MILLION, integer, shown
from proofward.layers.rules.model import Int64Array
from proofward.optimizers.arithmetic import MOST

State = tuple[Int64Array, ...]
"""One vector for each of `ServerOptimizer.vectors`, flat int64 (parameters,)."""

BOUND_LIMIT = 1 << 60


@dataclass(frozen=True)
class ServerOptimizer(ABC):
    """Numbers are integers in millionths: a rate of 0.5 is 500,000."""

    name: ClassVar[str]
    title: ClassVar[str]
    vectors: ClassVar[tuple[str, ...]]
    """Names of the vectors of the state, in order."""
    unsigned: ClassVar[tuple[str, ...]] = ()
    """Names of those vectors that have no negative entry."""
    ranges: ClassVar[Mapping[str, tuple[int, int]]]
    """Least and greatest value of every number."""

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            integer(f"optimizer.{name}", getattr(self, name), low, high)

    @abstractmethod
    def step(self, mean: Int64Array, state: State, bits: int) -> tuple[Int64Array, State]:
        """What is added to the weights before they are clamped, and the next state; bits: fw."""

    @abstractmethod
    def bounds(self, mean: int, bits: int) -> tuple[int, tuple[int, ...]]:
        """Bounds on the magnitudes of the step and of the state's vectors, of means of at most `mean`."""

    @property
    def words(self) -> str:
        """Name and numbers for people."""
        numbers = [f"{name} {shown(value)}" for name, value in asdict(self).items()]
        return ", ".join([self.title, *numbers])

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        return {"name": self.name, **asdict(self)}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of its numbers."""
        return tuple(field.name for field in fields(cls))

    def admits(self, mean: int, bits: int) -> bool:
        """Whether all bounds hold for means of at most `mean`."""
        step, state = self.bounds(mean, bits)
        return max(mean, step, *state) < BOUND_LIMIT

    def check(self, clip_bound: int, bits: int) -> None:
        """Raises ConfigurationError, with a clip bound that would do, unless all bounds hold."""
        if self.admits(largest_mean(clip_bound, bits), bits):
            return
        fits, beyond = 0, clip_bound
        while beyond - fits > 1:
            middle = (fits + beyond) // 2
            holds = self.admits(largest_mean(middle, bits), bits)
            fits, beyond = (middle, beyond) if holds else (fits, middle)
        expected = f"{self.ways_out}a clip_bound of at most {fits / 1024!r}" if fits else self.ways_out
        reason = f"{clip_bound / 1024!r}, with which its state or its step may leave 64-bit integers"
        raise ConfigurationError(f"{self.title} at the server", expected, reason)

    def check_mean(self, mean: int, bits: int) -> None:
        """Raises ConfigurationError unless all bounds hold for means of at most `mean`."""
        if not self.admits(mean, bits):
            expected = f"{self.ways_out}a smaller rate, less noise or more rows"
            raise ConfigurationError(f"{self.title} at the server", expected, f"means of up to {mean}")

    ways_out: ClassVar[str] = ""
    """What else to change where bounds do not hold, ending with "or "."""


def largest_mean(clip_bound: int, bits: int) -> int:
    """The bound on |D| for a clip bound at scale 2^10; a weight has at least 10 bits."""
    return clip_bound << (bits - 10)


RATE = (1, MOST)
FRACTION = (0, MILLION - 1)
"""Of what a mean forgets in no round less than a millionth."""
