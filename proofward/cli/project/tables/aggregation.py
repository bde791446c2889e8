"""[aggregation] of consortium.toml: what updates weigh, and the server's optimizer with exact millionths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.layers.averaging.weighting import CAPPED, MOST_CAP, RECORDS, RULES, Weighting
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import millionths, shown
from proofward.models.keys import Alternatives, Integer, Key, Keys, Number, Text
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.registry import OPTIMIZERS, USUAL, optimizer_named

NAME, WHERE = "optimizer", "aggregation."
WEIGHTING, CAP = "weighting", "cap"
MEANING = {
    NAME: f"makes the next model from the mean update: {', '.join(OPTIMIZERS)}",
    "rate": "the server's learning rate",
    "momentum": "the share of its momentum that a round keeps",
    "beta1": "the share of the mean of updates that a round keeps",
    "beta2": "the share of the mean of their squares that a round keeps",
    "epsilon": "is added to the root of that mean, in the units of a weight",
    WEIGHTING: f"what a hospital's update weighs, by its number of records: {', '.join(RULES)}",
    CAP: "records beyond this number add no weight",
}


_WEIGHTING = (
    Key(WEIGHTING, Text(options=RULES), MEANING[WEIGHTING], RECORDS),
    Key(CAP, Integer(0, MOST_CAP), MEANING[CAP], 0),
)


def _keys(kind: type[ServerOptimizer]) -> Keys:
    """The numbers of an optimizer, each with its usual value."""
    usual = kind()
    numbers = (
        Key(name, Number(float(shown(low)), high=float(shown(high))), MEANING[name],
            float(shown(getattr(usual, name))))
        for name, (low, high) in kind.ranges.items()
    )  # fmt: skip
    return Keys((*numbers, *_WEIGHTING))


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
        name: _millionths(name, value, *kind.ranges[name])
        for name, value in values.items()
        if name in kind.names()
    }
    return kind(**numbers)


def read_weighting(values: Mapping[str, Any]) -> Weighting:
    """What updates weigh by the table; by records where it says nothing. Raises ProjectError."""
    try:
        return Weighting(values.get(WEIGHTING, RECORDS), values.get(CAP, 0))
    except ConfigurationError as error:
        name = CAP if error.field.endswith(CAP) else WEIGHTING
        raise ProjectError(WHERE + name, error.expected, repr(error.actual)[:80]) from error


def _millionths(name: str, value: object, low: int, high: int) -> int:
    found = millionths(value)
    if found is None or not low <= found <= high:
        expected = f"a multiple of 0.000001 in [{shown(low)}, {shown(high)}]"
        raise ProjectError(WHERE + name, expected, repr(value)[:80])
    return found


def aggregation_lines(optimizer: ServerOptimizer, weighting: Weighting) -> Iterator[str]:
    """The table of a completed project."""
    yield from ("", "[aggregation]", f'{NAME} = "{optimizer.name}"  # {MEANING[NAME]}')
    for name in optimizer.names():
        yield f"{name} = {shown(getattr(optimizer, name))}  # {MEANING[name]}"
    yield f'{WEIGHTING} = "{weighting.rule}"  # {MEANING[WEIGHTING]}'
    if weighting.rule == CAPPED:
        yield f"{CAP} = {weighting.cap}  # {MEANING[CAP]}"
