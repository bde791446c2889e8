"""What a table [[feature]] of consortium.toml says of a column: its kind, its range, what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from proofward.cli.project.project_table import ProjectError, Table
from proofward.data.column_kinds import CATEGORY, NUMBER, ORDINAL, Category, Number, Ordinal, TableColumn
from proofward.data.feature import Feature, FeaturesInvalid

REFUSE, CODES = "refuse", "missing_codes"
_SCALED, _MISSING = ("centre", "spread"), ("missing", "indicator", CODES)
KEYS = {
    NUMBER: ("name", "kind", "unit", *_SCALED, "minimum", "maximum", *_MISSING),
    CATEGORY: ("name", "kind", "levels", "other", *_MISSING),
    ORDINAL: ("name", "kind", "levels", *_SCALED, *_MISSING),
}


def read_feature(values: Mapping[str, Any], where: str) -> TableColumn:
    """The column in one of the tables [[feature]]; raises ProjectError."""
    kind = values.get("kind", NUMBER)
    if not isinstance(kind, str) or kind not in KEYS:
        raise ProjectError(f"{where}kind", f"one of {', '.join(KEYS)}", repr(kind)[:80])
    entry = Table(values, where, KEYS[kind])
    try:
        return _number(entry) if kind == NUMBER else _levels(entry, kind)
    except FeaturesInvalid as error:
        raise ProjectError(where.rstrip("."), "constants of a feature", str(error)) from error


def _number(entry: Table) -> TableColumn:
    feature = Feature(
        entry.text("name"), entry.number("centre"), entry.number("spread"), entry.text("unit", "")
    )
    given = {name: entry.number(name) for name in ("minimum", "maximum") if entry.peek(name) is not None}
    if entry.peek("missing", REFUSE) != REFUSE:
        given["missing"] = entry.number("missing")
    indicator, codes = entry.flag("indicator"), tuple(entry.values(CODES))
    if not (given or indicator or codes):
        return feature
    return Number(feature, **given, indicator=indicator, missing_codes=codes)


def _levels(entry: Table, kind: str) -> TableColumn:
    name, levels = entry.text("name"), tuple(entry.values("levels"))
    missing = None
    if entry.peek("missing") is not None and (entry.peek("missing") != REFUSE or REFUSE in levels):
        missing = entry.value("missing", "")
    indicator, codes = entry.flag("indicator"), tuple(entry.values(CODES))
    if kind == CATEGORY:
        return Category(name, levels, entry.flag("other"), missing, indicator, codes)
    scaled = {key: entry.number(key) for key in _SCALED if entry.peek(key) is not None}
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
