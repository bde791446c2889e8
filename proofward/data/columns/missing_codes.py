"""Codes that stand for a missing value, as tables have them: -9, NA, unknown.

A code that is a number is compared as a number, any other letter by letter, without blanks at its ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from proofward.data.columns.feature import FeaturesInvalid, check_name, folded, plain_number

MOST_CODES = 100
EMPTY = "empty cells"
CODED = "cells that are empty or hold a code for a missing value"


class MissingCodes:
    """The codes of a column, ready to be compared with."""

    def __init__(self, codes: Sequence[str]) -> None:
        numbers = [(folded(code), plain_number(folded(code))) for code in codes]
        self._numbers = frozenset(number for _, number in numbers if number is not None)
        self._texts = frozenset(text for text, number in numbers if number is None)

    def __len__(self) -> int:
        return len(self._numbers) + len(self._texts)

    def has_number(self, value: float) -> bool:
        """Whether a number is one of them."""
        return value in self._numbers

    def has_text(self, text: str) -> bool:
        """Whether a text that is no number is one of them."""
        return bool(self._texts) and folded(text) in self._texts

    def has(self, text: str) -> bool:
        """Whether a text is one of them, as a number or letter by letter."""
        if self.has_text(text):
            return True
        number = plain_number(folded(text)) if self._numbers else None
        return number is not None and self.has_number(number)


class Coded:
    """A column that has codes for missing values."""

    missing_codes: tuple[str, ...]

    @cached_property
    def codes(self) -> MissingCodes:
        """Its own."""
        return MissingCodes(self.missing_codes)

    @property
    def words_of_missing(self) -> str:
        """What is said of missing values where they are refused."""
        return CODED if self.missing_codes else EMPTY


def check_codes(name: str, codes: Sequence[str]) -> None:
    """Raises FeaturesInvalid for codes that are none, or twice there; name: of the column."""
    if len(codes) > MOST_CODES:
        words = f"missing_codes of feature {name}: expected at most {MOST_CODES}"
        raise FeaturesInvalid(f"{words}, found {len(codes)}")
    for code in codes:
        check_name(f"missing code of feature {name}", code)
    if len(MissingCodes(codes)) != len(codes):
        words = f"missing_codes of feature {name}: expected different ones"
        raise FeaturesInvalid(f"{words}, found one twice")
