"""The header of a table: which column holds what.

A first row that may be a patient's is not repeated: names that nobody has agreed on are shown only where
most of the agreed ones are there, and never if they look like a value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proofward.data.columns.schema import Schema, folded
from proofward.data.reading.problems import Problems, listed

MAX_SHOWN_NAME = 60
_NAME = re.compile(r"[^\W\d][\w .:()%/-]*")


@dataclass(frozen=True)
class Header:
    """Positions of columns, from 0, in rows of `width` cells; what follows those is empty.

    ignored: by agreed name. id: -1 where none was agreed.
    """

    width: int
    features: tuple[int, ...]
    label: int
    id: int
    ignored: tuple[tuple[str, int], ...]


def read_header(cells: Sequence[str], schema: Schema, problems: Problems) -> Header | None:
    """What the first row says; None, with the problems added, when it cannot be used."""
    found = [folded(cell) for cell in cells]
    while found and not found[-1]:  # a comma at the end of each row
        found.pop()
    identifier = folded(schema.notation.id)
    wanted = [*(folded(feature.name) for feature in schema.features), folded(schema.label.column)]
    wanted += [identifier] if identifier else []
    ignored = {folded(name): name for name in schema.notation.ignore}
    present = set(found) & set(wanted)
    if not present:
        problems.say(
            "row 1: none of the expected column names; the first row has to be a header, the delimiter the "
            f"one that is given; expected {listed(wanted)}"
        )
        return None
    twice = [name for name in (*wanted, *ignored) if found.count(name) > 1]
    missing = [name for name in wanted if name not in present]
    known = {*wanted, *ignored}
    surely = 2 * len(present) > len(wanted)
    extra = [
        f"column {position}, {name}" if surely and showable(name) else f"column {position}"
        for position, name in enumerate(found, 1)
        if name not in known
    ]
    if twice:
        problems.say(f"row 1: there twice: {listed(twice)}")
    if missing:
        problems.say(f"row 1: missing {len(missing)} of {len(wanted)} columns: {listed(missing)}")
    if extra:
        remedy = "remove them, or let the consortium agree to ignore them (ignore in consortium.toml)"
        problems.say(f"row 1: not expected: {listed(extra)}; {remedy}")
    if twice or missing or extra:
        return None
    places = tuple((name, found.index(key)) for key, name in ignored.items() if key in found)
    features = tuple(found.index(folded(feature.name)) for feature in schema.features)
    at = found.index(identifier) if identifier else -1
    return Header(len(found), features, found.index(folded(schema.label.column)), at, places)


def showable(name: str) -> bool:
    """Whether a text looks like a column's name: it begins with a letter and is short."""
    return len(name) <= MAX_SHOWN_NAME and _NAME.fullmatch(name) is not None
