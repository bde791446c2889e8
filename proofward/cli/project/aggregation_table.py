"""[aggregation] of consortium.toml: the server's optimizer, with its numbers as exact millionths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proofward.cli.project.project_table import ProjectError, Table
from proofward.layers.errors import ConfigurationError
from proofward.layers.plain import millionths, shown
from proofward.models.keys import Alternatives, Key, Keys, Number, Text
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.registry import OPTIMIZERS, USUAL, optimizer_named

NAME, WHERE = "optimizer", "aggregation."
MEANING = {
    NAME: f"makes the next model from the mean update: {', '.join(OPTIMIZERS)}",
    "rate": "the server's learning rate",
    "momentum": "the share of its momentum that a round keeps",
    "beta1": "the share of the mean of updates that a round keeps",
    "beta2": "the share of the mean of their squares that a round keeps",
    "epsilon": "is added to the root of that mean, in the units of a weight",
}


def _keys(kind: type[ServerOptimizer]) -> Keys:
    """The numbers of an optimizer, each with its usual value."""
    usual = kind()
    return Keys(tuple(
        Key(name, Number(float(shown(low)), high=float(shown(high))), MEANING[name],
            float(shown(getattr(usual, name))))
        for name, (low, high) in kind.ranges.items()
    ))  # fmt: skip


AGGREGATION = Alternatives(
    Key(NAME, Text(options=tuple(OPTIMIZERS)), MEANING[NAME], USUAL.name),
    {name: _keys(kind) for name, kind in OPTIMIZERS.items()},
)


def read_optimizer(values: Mapping[str, Any]) -> ServerOptimizer:
    """The optimizer of the table; its usual numbers where it says none. Raises ProjectError."""
    try:
        kind = optimizer_named(values.get(NAME, USUAL.name))
    except ConfigurationError as error:
        raise ProjectError(WHERE + NAME, error.expected, repr(error.actual)[:80]) from error
    Table(values, WHERE, AGGREGATION.of(kind.name))
    numbers = {
        name: _millionths(name, value, *kind.ranges[name]) for name, value in values.items() if name != NAME
    }
    return kind(**numbers)


def _millionths(name: str, value: object, low: int, high: int) -> int:
    found = millionths(value)
    if found is None or not low <= found <= high:
        expected = f"a multiple of 0.000001 in [{shown(low)}, {shown(high)}]"
        raise ProjectError(WHERE + name, expected, repr(value)[:80])
    return found


def optimizer_lines(optimizer: ServerOptimizer) -> Iterator[str]:
    """The table of a completed project."""
    yield from ("", "[aggregation]", f'{NAME} = "{optimizer.name}"  # {MEANING[NAME]}')
    for name in optimizer.names():
        yield f"{name} = {shown(getattr(optimizer, name))}  # {MEANING[name]}"
