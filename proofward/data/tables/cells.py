"""Cells with a type as the text that stands for them in a CSV file: one rule for all formats.

    nothing, NaN          an empty cell: missing
    number                its shortest decimal that is read as the same double; a whole one below 2^53 without
                          a point; always with the mark that the consortium agreed on
    whole number          all its digits
    truth value           True or False
    date, time            as in ISO 8601, with a blank between both
    text                  as it is

So a number is never altered, and what is no number is refused by who expects one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT = 1 << 53
"""Whole numbers below it are doubles, each of them."""
Column = Sequence[object] | NDArray[Any]


def _float(value: float) -> str:
    if value != value:
        return ""
    if value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return repr(value)


def _decimal(value: Decimal) -> str:
    return format(value, "f") if value.is_finite() else "" if value.is_nan() else "inf"


def _datetime(value: datetime) -> str:
    return value.isoformat(" ")


def _duration(value: timedelta) -> str:
    return str(value)


_RULES: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: lambda text: text,
    bool: str,
    int: str,
    float: _float,
    Decimal: _decimal,
    datetime: _datetime,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _duration,
}
NUMBERS = {float, Decimal}
TYPES = frozenset(_RULES)


def texts(column: Column, decimal: str = ".") -> list[str]:
    """A column's cells as text; `decimal` is the mark in its numbers."""
    cells = column.tolist() if isinstance(column, np.ndarray) else column
    kinds = set(map(type, cells))
    if kinds == {str}:
        return list(map(str, cells))
    if len(kinds) == 1:
        rule = _RULES[next(iter(kinds))]
        found = [rule(cell) for cell in cells]
    else:
        found = [_RULES[type(cell)](cell) for cell in cells]
    if decimal == "." or not kinds & NUMBERS:
        return found
    return [
        text.replace(".", decimal) if type(cell) in NUMBERS else text
        for text, cell in zip(found, cells, strict=True)
    ]


def is_date(text: str) -> bool:
    """Whether a text begins with a date as `texts` writes it."""
    return len(text) >= 10 and text[4] == text[7] == "-" and text[:4].isdigit() and text[8:10].isdigit()


def is_truth(text: str) -> bool:
    """Whether a text is a truth value as `texts` writes it."""
    return text in ("True", "False")


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))
