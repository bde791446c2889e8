"""What a table holds, before anything is done with it: everything worth a look at once, in counts, no value.

Nothing is written or sent. Names of columns are said as the header has them, unless they look like values;
texts only where at least five rows have them.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proofward.data.inspection.least_counts import LEAST, LEAST_VALUES, Count, Spread, shown, spread_of, told
from proofward.data.reading.header import showable
from proofward.data.tables.contents import DATE, KINDS, MISSING, NUMBER, TEXT, TRUTH, Contents

_ID_NAME = re.compile(
    r"(^|[ _.-])(id|mrn|pid|patient\w*|fall|case|pseudonym|uuid|nr|\w*nummer|name|vorname|nachname|"
    r"surname|birth|geburtsdatum|address|adresse|ssn)($|[ _.-])",
    re.IGNORECASE,
)
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
UNIQUE_PERCENT, ALMOST_PERCENT = 95, 99
SHOWN_LEVELS, MOST_LEVELS, ROWS_A_LEVEL = 20, 50, 10
"""Texts are shown of columns that have few of them, each in ten rows or more on average: no names."""


@dataclass(frozen=True)
class Finding:
    """kind: one name for its kind. columns: whom it is about. words: for people."""

    kind: str
    columns: tuple[str, ...]
    words: str

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"kind": self.kind, "columns": list(self.columns), "words": self.words}


@dataclass(frozen=True)
class ColumnSummary:
    """type: what most cells are. levels: texts that at least five rows have, the most frequent first.

    others: how many texts are not among them.
    """

    name: str
    type: str
    missing: Count
    distinct: int
    spread: Spread | None = None
    levels: tuple[tuple[str, int], ...] = ()
    others: int = 0

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        plain: dict[str, object] = {
            "name": self.name, "type": self.type, "missing": self.missing, "distinct": self.distinct,
        }  # fmt: skip
        if self.spread is not None:
            plain["numbers"] = self.spread.to_plain()
        if self.levels:
            plain["levels"] = dict(self.levels)
            plain["other_levels"] = self.others
        return plain


@dataclass(frozen=True)
class Agreement:
    """What `enrol` would find by a consortium's file. problems: column, what is wrong, how many rows.

    clipped: by feature. doubts: in short.
    """

    problems: tuple[tuple[str, str, Count], ...] = ()
    clipped: tuple[tuple[str, Count], ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether `enrol` would take the table in."""
        return not self.problems and not self.doubts

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        problems = [{"column": column, "what": what, "rows": rows} for column, what, rows in self.problems]
        plain = {"taken": self.taken, "problems": problems, "clipped": dict(self.clipped)}
        return {**plain, "doubts": list(self.doubts)}


@dataclass(frozen=True)
class TableInspection:
    """rows: below the header. classes: of the label's column, where one is known."""

    rows: Count
    columns: tuple[ColumnSummary, ...]
    findings: tuple[Finding, ...]
    label: str = ""
    classes: tuple[tuple[str, Count], ...] = ()
    agreement: Agreement | None = field(default=None)

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        plain: dict[str, object] = {
            "rows": self.rows,
            "columns": [column.to_plain() for column in self.columns],
            "findings": [finding.to_plain() for finding in self.findings],
        }
        if self.label:
            plain["label"] = {"column": self.label, "classes": dict(self.classes)}
        if self.agreement is not None:
            plain["consortium"] = self.agreement.to_plain()
        return plain


def inspect_contents(
    columns: Sequence[Contents],
    label: str = "",
    agreement: Agreement | None = None,
    known: Collection[str] = (),
) -> TableInspection:
    """label: the column with the classes, "" for none. known: identifiers that nothing is learnt from."""
    rows = len(columns[0].kinds) if columns else 0
    names = [_name(at, column.name) for at, column in enumerate(columns, 1)]
    summaries, findings = [], list[Finding]()
    identifiers = set[int]()
    for at, (name, column) in enumerate(zip(names, columns, strict=True)):
        distinct = len(np.unique(column.identity[column.filled]))
        if _is_identifier(column, distinct):
            identifiers.add(at)
        summaries.append(_summary(name, column, distinct, at in identifiers))
        told_of = at in identifiers and column.name.strip() not in known
        findings += _findings(name, column, distinct, told_of)
    findings += _repeated_names(columns)
    findings += _same_columns(columns, names)
    findings += _same_rows(columns, identifiers)
    chosen = next((at for at, column in enumerate(columns) if label and column.name.strip() == label), None)
    classes = () if chosen is None else _classes(columns[chosen])
    said = "" if chosen is None else names[chosen]
    if rows < LEAST_VALUES:
        findings.append(Finding("few rows", (), f"the table has {told(rows)} rows"))
    return TableInspection(told(rows), tuple(summaries), tuple(findings), said, classes, agreement)


def _name(at: int, name: str) -> str:
    """A column's name, or where it stands."""
    return name if showable(name) else f"column {at}"


def _type(column: Contents) -> str:
    counts = {kind: column.count(kind) for kind in (NUMBER, TEXT, DATE, TRUTH)}
    kind = max(counts, key=lambda one: counts[one])
    if not counts[kind]:
        return "empty"
    if kind == NUMBER:
        numbers = column.numbers[column.kinds == NUMBER]
        whole = bool((numbers == np.rint(numbers)).all())
        return "whole numbers" if whole else "numbers"
    return KINDS[kind]


def _is_identifier(column: Contents, distinct: int) -> bool:
    """Whether almost every cell is another, of texts or whole numbers; or many are and the name says so."""
    filled = int(column.filled.sum())
    whole = _type(column) in ("whole numbers", "texts")
    if _ID_NAME.search(column.name) and whole and ROWS_A_LEVEL * distinct > filled:
        return True
    return filled >= LEAST_VALUES and whole and 100 * distinct >= UNIQUE_PERCENT * filled


def _summary(name: str, column: Contents, distinct: int, identifier: bool) -> ColumnSummary:
    numbers = column.numbers[column.kinds == NUMBER]
    spread = None if identifier or distinct == 1 else spread_of(numbers[np.isfinite(numbers)])
    levels = [pair for pair in column.levels.most_common(SHOWN_LEVELS) if pair[1] >= LEAST]
    rare = ROWS_A_LEVEL * len(column.levels) > sum(column.levels.values())
    if identifier or rare or len(column.levels) > MOST_LEVELS or distinct == 1:
        levels = []
    return ColumnSummary(
        name, _type(column), told(column.count(MISSING)), distinct, spread, tuple(levels),
        len(column.levels) - len(levels),
    )  # fmt: skip


def _findings(name: str, column: Contents, distinct: int, identifier: bool) -> list[Finding]:
    rows, missing, found = len(column.kinds), column.count(MISSING), list[Finding]()

    def say(kind: str, words: str) -> None:
        found.append(Finding(kind, (name,), words))

    if missing and missing < rows:
        share = f" ({shown(missing / rows)})" if missing >= LEAST else ""
        say("missing", f"{told(missing)} of {rows} cells are empty{share}")
    if missing == rows:
        say("empty", "every cell is empty")
    elif distinct == 1 and rows > 1:
        say("constant", "all cells that are filled hold the same")
    elif rows >= LEAST_VALUES * LEAST:
        most = int(np.unique(column.identity[column.filled], return_counts=True)[1].max())
        if 100 * most >= ALMOST_PERCENT * (rows - missing):
            say("almost constant", f"all but {told(rows - missing - most)} cells hold the same")
    if identifier:
        words = "looks like an identifier, from which nothing is to be learnt: name it in [id] or ignore"
        say("identifier", words)
    commas = sum(count for text, count in column.levels.items() if _COMMA.fullmatch(text))
    if 2 * commas > column.count(TEXT) > 0:
        say("decimal comma", f"{told(commas)} texts would be numbers with a decimal comma: --decimal comma")
    mixed = [(KINDS[kind], count) for kind in (NUMBER, TEXT, DATE, TRUTH) if (count := column.count(kind))]
    if len(mixed) > 1:
        say("mixed", f"cells of several kinds: {', '.join(f'{told(count)} {kind}' for kind, count in mixed)}")
    if column.quoted:
        say("numbers as text", f"{told(column.quoted)} numbers are kept as texts")
    spaced = {text.casefold() for text in column.levels}
    if len(spaced) < len(column.levels) and not identifier:
        words = f"{told(len(column.levels) - len(spaced))} texts differ from another in case only"
        say("spelling", words)
    return found


def _repeated_names(columns: Sequence[Contents]) -> list[Finding]:
    seen = Counter(column.name.strip() for column in columns)
    found = []
    if bare := seen.pop("", 0):
        words = f"{bare} columns have no name: the first row has to be the header"
        found.append(Finding("no name", (), words))
    for name, count in seen.items():
        if count > 1:
            columns_named = (name,) if showable(name) else ()
            found.append(Finding("repeated name", columns_named, f"{count} columns have one name"))
    return found


def _same_columns(columns: Sequence[Contents], names: Sequence[str]) -> list[Finding]:
    """Columns that hold the same in every row, unless they hold one thing only."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for at, column in enumerate(columns):
        if len(column.identity) >= LEAST and (column.identity != column.identity[0]).any():
            groups[hashlib.sha256(column.identity.tobytes()).digest()].append(at)
    return [
        Finding("duplicate columns", tuple(names[at] for at in group), "hold the same in every row")
        for group in groups.values()
        if len(group) > 1
    ]


def _same_rows(columns: Sequence[Contents], identifiers: set[int]) -> list[Finding]:
    found = []
    whole = _repeated(list(columns))
    if whole:
        found.append(
            Finding("duplicate rows", (), f"{told(whole)} rows repeat an earlier one in all columns")
        )
    rest = [column for at, column in enumerate(columns) if at not in identifiers]
    if identifiers and rest and (alike := _repeated(rest)) > whole:
        words = f"{told(alike)} rows repeat an earlier one but for what looks like an identifier"
        found.append(Finding("duplicate rows", (), words))
    return found


def _repeated(columns: Sequence[Contents]) -> int:
    """Rows that hold what an earlier one holds; two others are taken for one with probability 2^-64."""
    if not columns:
        return 0
    mixed = np.zeros(len(columns[0].identity), dtype=np.uint64)
    for column in columns:
        mixed = _mix(mixed ^ _mix(column.identity.view(np.uint64)))
    return len(mixed) - len(np.unique(mixed))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64, a bijection."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(values ^ (values >> np.uint64(31)))


def _classes(column: Contents) -> tuple[tuple[str, Count], ...]:
    """The label's values with their counts; what fewer than five rows have is counted together."""
    counts = dict(column.levels)
    numbers, often = np.unique(column.numbers[column.kinds == NUMBER], return_counts=True)
    counts |= {f"{number:g}": int(count) for number, count in zip(numbers, often, strict=True)}
    frequent = sorted((pair for pair in counts.items() if pair[1] >= LEAST), key=lambda pair: -pair[1])
    rare = sum(counts.values()) - sum(count for _, count in frequent)
    shown_classes: list[tuple[str, Count]] = [*frequent[:SHOWN_LEVELS]]
    if rare:
        shown_classes.append((f"values of fewer than {LEAST} rows each", told(rare)))
    if missing := column.count(MISSING):
        shown_classes.append(("empty", told(missing)))
    return tuple(shown_classes)
