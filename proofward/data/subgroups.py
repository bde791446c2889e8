"""Subgroups of records: which level of a column of categories a record has, read from its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proofward.data.column_kinds import OTHER, Category, TableColumn
from proofward.data.feature import FeaturesInvalid
from proofward.layers.model import Int64Array


@dataclass(frozen=True)
class Subgroup:
    """The column `name`: a record has `levels[k]` where its feature `position` + k is above 0."""

    name: str
    levels: tuple[str, ...]
    position: int

    def of(self, features: Int64Array) -> Int64Array:
        """The number of each record's level, int64 (n,); -1 where it has none of them."""
        own = features[:, self.position : self.position + len(self.levels)] > 0
        return np.where(own.any(axis=1), own.argmax(axis=1), -1).astype(np.int64)


def subgroups_of(
    columns: Sequence[TableColumn], names: Sequence[str], offset: int = 0
) -> tuple[Subgroup, ...]:
    """The subgroups by these columns, in the order of `names`; raises FeaturesInvalid.

    offset: values of a record in front of these columns' features.
    """
    places, at = dict[str, tuple[TableColumn, int]](), offset
    for own in columns:
        places[own.name] = (own, at)
        at += len(own.inputs)
    found: list[Subgroup] = []
    for name in names:
        column, position = places.get(name, (None, 0))
        if not isinstance(column, Category):
            kinds = [own.name for own, _ in places.values() if isinstance(own, Category)]
            expected = f"columns with kind = category ({', '.join(kinds) or 'there is none'})"
            raise FeaturesInvalid(f"subgroups: expected {expected}, found {name}")
        levels = (*column.levels, OTHER) if column.other else column.levels
        found.append(Subgroup(name, levels, position))
    return tuple(found)
