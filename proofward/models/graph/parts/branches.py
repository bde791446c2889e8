"""Operators that take one another's values, as one chain of steps with shortcuts.

An Add of two branches is a shortcut where one branch ends in a layer's sums and the other is what a layer
below takes, the record or values behind a ReLU: as it is, or through one layer more. Which branch is the
chain follows from that; where both could be, the first is. A second input is the row of a table, which is
concatenated (`concatenations`), or added through a layer.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from proofward.layers.basics.record import ROW
from proofward.models.graph.parts.concatenations import concatenated
from proofward.models.graph.parts.refusals import ADD, CONCAT
from proofward.models.graph.parts.steps import (
    AddStep,
    ConvStep,
    LinearStep,
    PoolStep,
    ReluStep,
    RowStep,
    ScaleStep,
    Shape,
    Step,
)

Key = TypeVar("Key", bound=Hashable)
Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Operator(Generic[Key]):
    """steps: none where it only reorders. sources: whose values it takes, two of an Add.

    concat: whether it concatenates the two in place of adding them.
    """

    where: str
    steps: Steps
    sources: tuple[Key, ...]
    concat: bool = False


@dataclass(frozen=True)
class Read(Generic[Key]):
    """What a file or a program is made of: its operators, in an order of computation, from `first` to `last`.

    shape: of a record. row, row_size: the input with the row of a table beside the record, and its columns;
    None and 0 where there is none.
    """

    shape: Shape
    operators: Mapping[Key, Operator[Key]]
    first: Key
    last: Key
    row: Key | None = None
    row_size: int = 0


def chained(read: Read[Key]) -> tuple[list[Step], list[str]]:
    """The steps from the input to what `last` makes, and problems."""
    paths: dict[Key, Steps] = {read.first: ()}
    if read.row is not None:
        paths[read.row] = (RowStep(str(read.row)),)
    for key, own in read.operators.items():
        if not all(source in paths for source in own.sources):
            return [], [f"{own.where}: takes what does not depend on the input"]
        before = [paths[source] for source in own.sources]
        if len(before) == 2:
            one, other = before
            if own.concat:
                found = concatenated(own.where, one, other)
            else:
                found = _shortcut(own.where, one, other) or _shortcut(own.where, other, one)
            if found is None:
                return [], [f"{own.where}: {CONCAT if own.concat else f'Add: {ADD}'}"]
            paths[key] = found
        else:
            paths[key] = (*before[0], *own.steps)
    found = paths.get(read.last)
    if found is None or any(isinstance(step, RowStep) for step in found):
        return [], ["the output does not depend on the input"]
    return list(found), []


def _shortcut(where: str, chain: Steps, branch: Steps) -> Steps | None:
    """The chain with the branch as a shortcut into its last layer's sums, None if it is none."""
    ends = chain[:-1] if chain and isinstance(chain[-1], ScaleStep) else chain
    if not ends or not isinstance(ends[-1], LinearStep | ConvStep):
        return None
    for split in range(len(branch), max(-1, len(branch) - 3), -1):
        source, through = branch[:split], branch[split:]
        own = not any(step is other for step in through for other in chain)
        if through and len(source) == 1 and isinstance(source[0], RowStep) and _is_layer(through):
            return (*chain, AddStep(where, ROW, through))
        if own and _is_layer(through) and _are_values(source, chain):
            number = sum(isinstance(step, LinearStep | ConvStep) for step in source)
            return (*chain, AddStep(where, number, through))
    return None


def _is_layer(through: Steps) -> bool:
    """Whether this is nothing, a layer, or a layer and a scaling, which is folded into it."""
    kinds = (LinearStep | ConvStep, ScaleStep)
    return all(isinstance(step, kind) for step, kind in zip(through, kinds, strict=False))


def _are_values(source: Steps, chain: Steps) -> bool:
    """Whether the chain begins with these steps, and a layer of it takes what they make."""
    begins = len(source) < len(chain) and all(own is other for own, other in zip(source, chain, strict=False))
    behind = not source or isinstance(source[-1], ReluStep | PoolStep)
    return begins and behind and isinstance(chain[len(source)], LinearStep | ConvStep)
