"""Tables of consortium.toml: every value has a type and a range, and nothing unknown is passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proofward.federation.messages.rules import HOSPITAL, VERIFIER


class ProjectError(ValueError):
    """A project that makes no sense: the field, what is expected, what was found."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {actual}")


class Table:
    """A table of the file, which refuses keys that it does not know.

    where: its name for errors, which ends with a dot, but for the top.
    """

    def __init__(self, values: Mapping[str, Any], where: str, names: Sequence[str]) -> None:
        for key in values:
            if key not in names:
                raise ProjectError(where + key, f"one of {', '.join(names)}", "an unknown key")
        self._values, self.where = values, where

    def peek(self, name: str, usual: object = None) -> object:
        """What stands there, of whatever type, or the usual value."""
        return self._values.get(name, usual)

    def _get(self, name: str, expected: str, default: object = None) -> Any:
        value = self._values.get(name, default)
        if value is None:
            raise ProjectError(self.where + name, expected, "nothing")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it has to be there."""
        value = self._get(name, "a text", default)
        if not isinstance(value, str):
            raise ProjectError(self.where + name, "a text in quotes", repr(value))
        return value

    def value(self, name: str, default: str) -> str:
        """What stands in a column: a text, or an integer as its digits."""
        value = self._values.get(name, default)
        return str(value) if type(value) is int else self.text(name, default)

    def values(self, name: str) -> list[str]:
        """A list of what stands in a column: texts, or integers as their digits."""
        found = self._values.get(name, [])
        if not isinstance(found, list) or not all(type(entry) in (str, int) for entry in found):
            raise ProjectError(self.where + name, "a list of texts in quotes", repr(found)[:80])
        return list(map(str, found))

    def flag(self, name: str) -> bool:
        """true or false; false if it is not there."""
        value = self._values.get(name, False)
        if type(value) is not bool:
            raise ProjectError(self.where + name, "true or false", repr(value)[:80])
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty if it is not there."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise ProjectError(self.where + name, "a list of texts in quotes", repr(value)[:80])
        return value

    def integer(self, name: str, low: int, high: int, default: int) -> int:
        """An integer in [low, high]."""
        value = self._get(name, "an integer", default)
        if name in self._values and (type(value) is not int or not low <= value <= high):
            raise ProjectError(self.where + name, f"an integer in [{low}, {high}]", repr(value))
        return int(value)

    def number(self, name: str) -> float:
        """A number, which has to be there."""
        value = self._get(name, "a number")
        try:
            if type(value) in (int, float):
                return float(value)
        except OverflowError:
            pass
        raise ProjectError(self.where + name, "a number", repr(value)[:40])

    def roles(self) -> tuple[str, ...]:
        """The roles of a site, ascending."""
        expected = f'["{HOSPITAL}"], ["{VERIFIER}"] or both'
        value = self._get("roles", expected)
        known = isinstance(value, list) and all(role in (HOSPITAL, VERIFIER) for role in value)
        if not known or not value or len(set(value)) != len(value):
            raise ProjectError(self.where + "roles", expected, repr(value))
        return tuple(sorted(value))

    def table(self, name: str) -> Mapping[str, Any]:
        """A table within it, empty if it is not there."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise ProjectError(self.where + name, f"a table, [{name}]", repr(value))
        return value

    def tables(self, name: str, needed: bool = True) -> list[tuple[str, Mapping[str, Any]]]:
        """Tables of one name with the names that errors give them."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise ProjectError(self.where + name, f"tables, [[{name}]]", repr(value))
        if needed and not value:
            raise ProjectError(self.where + name, f"tables, [[{name}]]", "nothing")
        return [(f"{name} {number}.", entry) for number, entry in enumerate(value, 1)]
