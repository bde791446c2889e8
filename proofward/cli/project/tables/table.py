"""Tables of consortium.toml, read by what is declared of their keys; nothing unknown is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.models.keys import Integer, Keys


class ProjectError(ValueError):
    """A project that makes no sense: the field, what is expected, what was found."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {actual}")


class Table:
    """A table of the file, which refuses keys that are not declared.

    where: its name for errors, which ends with a dot, but for the top. What is not there is as usual; what
    has no usual value has to be there.
    """

    def __init__(self, values: Mapping[str, Any], where: str, keys: Keys) -> None:
        for key in values:
            if key not in keys.names:
                raise ProjectError(where + key, f"one of {', '.join(keys.names)}", "an unknown key")
        self._values, self.where, self._keys = values, where, keys

    def peek(self, name: str) -> object:
        """What stands there, of whatever type, or the usual value."""
        return self._values.get(name, self._keys[name].usual)

    def has(self, name: str) -> bool:
        """Whether anything stands there."""
        return self._values.get(name) is not None

    def _get(self, name: str, expected: str) -> Any:
        value = self.peek(name)
        if value is None:
            raise ProjectError(self.where + name, expected, "nothing")
        return value

    def text(self, name: str) -> str:
        """A text."""
        value = self._get(name, "a text")
        if not isinstance(value, str):
            raise ProjectError(self.where + name, "a text in quotes", repr(value))
        return value

    def value(self, name: str) -> str:
        """What stands in a column: a text, or an integer as its digits."""
        value = self.peek(name)
        return str(value) if type(value) is int else self.text(name)

    def values(self, name: str) -> list[str]:
        """A list of what stands in a column: texts, or integers as their digits."""
        found = self.peek(name)
        if not isinstance(found, list | tuple) or not all(type(entry) in (str, int) for entry in found):
            raise ProjectError(self.where + name, "a list of texts in quotes", repr(found)[:80])
        return list(map(str, found))

    def flag(self, name: str) -> bool:
        """true or false."""
        value = self.peek(name)
        if type(value) is not bool:
            raise ProjectError(self.where + name, "true or false", repr(value)[:80])
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        value = self.peek(name)
        if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
            raise ProjectError(self.where + name, "a list of texts in quotes", repr(value)[:80])
        return list(value)

    def integer(self, name: str) -> int:
        """An integer within the limits that are declared."""
        value, limits = self._get(name, "an integer"), self._keys[name].kind
        assert isinstance(limits, Integer)
        if name in self._values and (type(value) is not int or not limits.low <= value <= limits.high):
            expected = f"an integer in [{limits.low}, {limits.high}]"
            raise ProjectError(self.where + name, expected, repr(value))
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
