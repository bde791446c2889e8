"""Subgroups of records by columns of categories, which are read from the features that these give."""

from __future__ import annotations

from collections.abc import Sequence

from proofward.data.columns.column_kinds import OTHER, Category, TableColumn
from proofward.data.columns.feature import FeaturesInvalid
from proofward.layers.rules.subgroup import Subgroup


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
