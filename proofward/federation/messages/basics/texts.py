"""Texts of people as they stand on the ledger: lines of a bounded length, without what cannot be shown."""

from __future__ import annotations

import textwrap

from proofward.encoding.records import UNSHOWN

WIDTH, MOST_LINES = 120, 400
"""Characters of a line, so that it has at most 500 bytes of UTF-8; lines of a text."""


class TextRefused(ValueError):
    """A text that cannot stand on the ledger: the line, what is expected, what was found."""

    def __init__(self, line: int, expected: str, actual: str) -> None:
        super().__init__(f"line {line}: expected {expected}, found {actual}")


def text_lines(text: str) -> tuple[str, ...]:
    """The lines of a text, long ones broken between words, without empty ones at the end.

    Raises TextRefused for controls, marks of direction, invisible characters, and too many lines.
    """
    found: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        plain = line.expandtabs(4).rstrip()
        if wrong := UNSHOWN.search(plain):
            raise TextRefused(number, "characters that can be shown", f"U+{ord(wrong[0]):04X}")
        found += textwrap.wrap(plain, WIDTH, drop_whitespace=True) or [""]
        if len(found) > MOST_LINES:
            raise TextRefused(number, f"at most {MOST_LINES} lines of {WIDTH} characters", "more")
    while found and not found[-1]:
        found.pop()
    return tuple(found)
