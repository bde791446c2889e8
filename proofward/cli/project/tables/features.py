"""What a table [[feature]] of consortium.toml says of a column: its kind, its range, what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.data.columns.column_kinds import (
    CATEGORY,
    MOST_LEVELS,
    NUMBER,
    ORDINAL,
    Category,
    Ordinal,
    TableColumn,
)
from proofward.data.columns.column_kinds import Number as NumberColumn
from proofward.data.columns.feature import MAX_NAME, MAX_UNIT, Feature, FeaturesInvalid
from proofward.models.keys import Alternatives, Cell, Either, Flag, Key, Keys, Number, Several, Text

REFUSE, CODES = "refuse", "missing_codes"
_NAME = Key("name", Text(1, MAX_NAME), "of the column", needed=True)
_LEVELS = Key("levels", Several(Cell(), 1, MOST_LEVELS), "what may stand in the column", (), needed=True)
_SCALED = ("centre", "spread")
_CENTRE = Key("centre", Number(), "a value x, or the place of a level, becomes (x - centre) / spread")
_SPREAD = Key("spread", Number(above=0), "see centre")
_REFUSED = '"refuse", as without it, or '
_INDICATOR = Key("indicator", Flag(), "one more feature: 1 where the cell was empty", False)
SHARED_CODES = Key(CODES, Several(Cell()), "what stands for an empty cell, such as NA", ())
FEATURE = Alternatives(
    Key("kind", Text(options=(NUMBER, CATEGORY, ORDINAL)), "number, category or ordinal", NUMBER),
    {
        NUMBER: Keys((
            _NAME, Key("unit", Text(0, MAX_UNIT), "of the numbers", ""),
            replace(_CENTRE, needed=True), replace(_SPREAD, needed=True),
            Key("minimum", Number(), "a smaller number is an error"),
            Key("maximum", Number(), "a larger number is an error"),
            Key("missing", Either((Number(), Text(options=(REFUSE,)))),
                f"what an empty cell stands for: {_REFUSED}a number"),
            _INDICATOR, SHARED_CODES,
        )),
        CATEGORY: Keys((
            _NAME, _LEVELS, Key("other", Flag(), "whether everything else is one more level", False),
            Key("missing", Cell(), f"what an empty cell stands for: {_REFUSED}a level"), _INDICATOR,
            SHARED_CODES,
        )),
        ORDINAL: Keys((
            _NAME, replace(_LEVELS, meaning="what may stand in the column, in its order"), _CENTRE, _SPREAD,
            Key("missing", Cell(), f"what an empty cell stands for: {_REFUSED}a level"), _INDICATOR,
            SHARED_CODES,
        )),
    },
)  # fmt: skip


def read_feature(values: Mapping[str, Any], where: str) -> TableColumn:
    """The column in one of the tables [[feature]]; raises ProjectError."""
    kind = values.get("kind", NUMBER)
    if not isinstance(kind, str) or kind not in FEATURE.tables:
        raise ProjectError(f"{where}kind", f"one of {', '.join(FEATURE.tables)}", repr(kind)[:80])
    entry = Table(values, where, FEATURE.of(kind))
    try:
        return _number(entry) if kind == NUMBER else _levels(entry, kind)
    except FeaturesInvalid as error:
        raise ProjectError(where.rstrip("."), "constants of a feature", str(error)) from error


def _number(entry: Table) -> TableColumn:
    centre, spread = (_constant(entry, name) for name in _SCALED)
    feature = Feature(entry.text("name"), centre, spread, entry.text("unit"))
    given = {name: entry.number(name) for name in ("minimum", "maximum") if entry.has(name)}
    if entry.has("missing") and entry.peek("missing") != REFUSE:
        given["missing"] = entry.number("missing")
    indicator, codes = entry.flag("indicator"), tuple(entry.values(CODES))
    if not (given or indicator or codes):
        return feature
    return NumberColumn(feature, **given, indicator=indicator, missing_codes=codes)


def _constant(entry: Table, name: str) -> float:
    """Centre or spread, which has to be there."""
    if not entry.has(name):
        words = "a number, which `proofward consortium statistics` computes of all tables together"
        raise ProjectError(f"{entry.where}{name}", words, "nothing")
    return entry.number(name)


def _levels(entry: Table, kind: str) -> TableColumn:
    name, levels = entry.text("name"), tuple(entry.values("levels"))
    missing = None
    if entry.has("missing") and (entry.peek("missing") != REFUSE or REFUSE in levels):
        missing = entry.value("missing")
    indicator, codes = entry.flag("indicator"), tuple(entry.values(CODES))
    if kind == CATEGORY:
        return Category(name, levels, entry.flag("other"), missing, indicator, codes)
    scaled = {key: entry.number(key) for key in _SCALED if entry.has(key)}
    return Ordinal(name, levels, **scaled, missing=missing, indicator=indicator, missing_codes=codes)


def with_shared_codes(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """A file's values with its missing_codes at every column that states none of its own."""
    features = plain.get("feature")
    if CODES not in plain or not isinstance(features, list):
        return plain
    shared = plain[CODES]
    own = [{CODES: shared, **entry} if isinstance(entry, dict) else entry for entry in features]
    return {**{name: value for name, value in plain.items() if name != CODES}, "feature": own}


def feature_lines(columns: Sequence[TableColumn]) -> list[str]:
    """The lines of the tables [[feature]]."""
    lines = []
    for column in columns:
        lines.append("[[feature]]")
        for name, value in column.to_plain().items():
            if (name == "kind" and value == NUMBER) or (name, value) in (("unit", ""), ("other", False)):
                continue
            text = repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
            lines.append(f"{name} = {text}")
        lines.append("")
    return lines
