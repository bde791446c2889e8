"""A subgroup: the levels of a category of a table, found in records by the features that it gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import exactly, integer

MOST_LEVELS = 64
MOST_NAME = 200
_MOST_FEATURES = 1 << 24


@dataclass(frozen=True)
class Subgroup:
    """A category of a table. Level k is that of a record whose feature `position + k` is above 0.

    name, levels: 1 to 200 printable characters each; 1 to 64 different levels
    position: of the feature of the first level
    """

    name: str
    levels: tuple[str, ...]
    position: int

    def __post_init__(self) -> None:
        if type(self.levels) is not tuple or not 1 <= len(self.levels) <= MOST_LEVELS:
            raise ConfigurationError("subgroup.levels", f"a tuple of 1 to {MOST_LEVELS} names", self.levels)
        for name in (self.name, *self.levels):
            if type(name) is not str or not 1 <= len(name) <= MOST_NAME or not name.isprintable():
                expected = f"names of 1 to {MOST_NAME} printable characters"
                raise ConfigurationError("subgroup", expected, name)
        if len(set(self.levels)) != len(self.levels):
            raise ConfigurationError("subgroup.levels", "different names", self.levels)
        integer("subgroup.position", self.position, 0, _MOST_FEATURES)

    @property
    def places(self) -> range:
        """Its features."""
        return range(self.position, self.position + len(self.levels))

    def of(self, features: NDArray[np.int64]) -> NDArray[np.int64]:
        """The level of each record (n,), -1 where it has none of them."""
        last = self.position + len(self.levels)
        if features.ndim != 2 or features.shape[1] < last:
            expected = f"records of at least {last} features"
            raise ConfigurationError(f"subgroup {self.name}", expected, features.shape)
        there = features[:, self.position : last] > 0
        return np.where(there.any(axis=1), there.argmax(axis=1), -1).astype(np.int64)

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        return {**asdict(self), "levels": list(self.levels)}

    @classmethod
    def from_dict(cls, values: object) -> Subgroup:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        plain = exactly("subgroup", values, ("name", "levels", "position"))
        levels = plain["levels"]
        if not isinstance(levels, list):
            raise ConfigurationError("subgroup.levels", "a list of names", levels)
        return cls(plain["name"], tuple(levels), plain["position"])  # type: ignore[arg-type]
