"""[outside_model] of consortium.toml: a model that nobody trains, which all hospitals evaluate together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.cli.project.tables.validation import BINS, LEAST_COUNT, MOST_BINS, MOST_LEAST_COUNT
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.subgroup import Subgroup
from proofward.models.keys import Integer, Key, Keys, Several, Text
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting, untrained
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout

WHERE = "outside_model."
OUTSIDE = Keys((
    Key("digest", Text(pattern="^[0-9a-f]{64}$"),
        "SHA-256 of its ONNX file: nobody trains then, and all evaluate it on their records", needed=True),
    Key("bins", Integer(2, MOST_BINS), "of a score, from 0 to 1, in what is counted", BINS),
    Key("least_count", Integer(1, MOST_LEAST_COUNT), "a smaller count of records is not told", LEAST_COUNT),
    Key("subgroups", Several(Text(1), distinct=True),
        'columns with kind = "category" by whose levels it is counted apart', ()),
))  # fmt: skip


@dataclass(frozen=True)
class OutsideTable:
    """digest: hexadecimal SHA-256 of the model's file. bins, least_count, subgroups: of the evaluation."""

    digest: str
    bins: int = BINS
    least_count: int = LEAST_COUNT
    subgroups: tuple[str, ...] = ()

    def rules(
        self, holders: int, threshold: int, classes: int, subgroups: tuple[Subgroup, ...]
    ) -> tuple[RoundConfig, tuple[Counting, ...]]:
        """The configuration without training, and what its one round counts; raises ProjectError."""
        try:
            layout = ScoreLayout(classes, self.bins, self.least_count, subgroups, self.digest)
            return untrained(holders, threshold), (counting_of(layout, (1,), within_rows=False),)
        except ConfigurationError as error:
            raise ProjectError("outside_model", error.expected, error.actual) from error


def read_outside_model(values: Mapping[str, Any]) -> OutsideTable | None:
    """The table, None where it is empty or not there; raises ProjectError."""
    table = Table(values, WHERE, OUTSIDE)
    if not values:
        return None
    digest = table.text("digest")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ProjectError(f"{WHERE}digest", "64 hexadecimal digits in lower case", repr(digest)[:80])
    subgroups = tuple(table.texts("subgroups"))
    if len(set(subgroups)) != len(subgroups):
        raise ProjectError(f"{WHERE}subgroups", "distinct names of columns", "a name twice")
    return OutsideTable(
        digest,
        table.integer("bins"),
        table.integer("least_count"),
        subgroups,
    )


def outside_lines(table: OutsideTable | None) -> Iterator[str]:
    """The table of a completed project."""
    if table is None:
        return
    yield from ("", "[outside_model]")
    for name in OUTSIDE.names:
        value = getattr(table, name)
        plain = list(value) if isinstance(value, tuple) else value
        yield f"{name} = {json.dumps(plain, ensure_ascii=False)}  # {OUTSIDE[name].meaning}"
