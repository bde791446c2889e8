"""What tables of a consortium's file may hold: each key's kind, its limits, its usual value, a sentence.

One declaration serves the reader, which takes names, limits and usual values from it, and the JSON schema
(draft 2020-12), which is made of nothing else. What depends on several values together only the reader knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]


class Kind(Protocol):
    """What a value may be."""

    def schema(self) -> Json:
        """The JSON schema of such values."""
        ...


@dataclass(frozen=True)
class Text:
    """A text of at most so many characters, or one of some."""

    least: int = 0
    most: int = 0
    options: tuple[str, ...] = ()
    pattern: str = ""

    def schema(self) -> Json:
        """See Kind."""
        return {
            "type": "string",
            **({"minLength": self.least} if self.least else {}),
            **({"maxLength": self.most} if self.most else {}),
            **({"enum": list(self.options)} if self.options else {}),
            **({"pattern": self.pattern} if self.pattern else {}),
        }


@dataclass(frozen=True)
class Integer:
    """An integer in [low, high], or one of some."""

    low: int
    high: int
    options: tuple[int, ...] = ()

    def schema(self) -> Json:
        """See Kind."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high,
                **({"enum": list(self.options)} if self.options else {})}  # fmt: skip


@dataclass(frozen=True)
class Number:
    """A number, perhaps with a least, one that it is above, a greatest, or one that it is below."""

    low: float | None = None
    above: float | None = None
    high: float | None = None
    below: float | None = None

    def schema(self) -> Json:
        """See Kind."""
        names = {"minimum": self.low, "exclusiveMinimum": self.above, "maximum": self.high,
                 "exclusiveMaximum": self.below}  # fmt: skip
        return {"type": "number", **{name: value for name, value in names.items() if value is not None}}


@dataclass(frozen=True)
class Flag:
    """true or false."""

    def schema(self) -> Json:
        """See Kind."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Cell:
    """What stands in a column: a text, or an integer as its digits."""

    def schema(self) -> Json:
        """See Kind."""
        return {"type": ["string", "integer"]}


@dataclass(frozen=True)
class Several:
    """A list of such values."""

    of: Kind
    least: int = 0
    most: int = 0
    distinct: bool = False

    def schema(self) -> Json:
        """See Kind."""
        return {
            "type": "array",
            "items": self.of.schema(),
            **({"minItems": self.least} if self.least else {}),
            **({"maxItems": self.most} if self.most else {}),
            **({"uniqueItems": True} if self.distinct else {}),
        }


@dataclass(frozen=True)
class Pair:
    """A list of two values, of a kind each."""

    first: Kind
    second: Kind

    def schema(self) -> Json:
        """See Kind."""
        parts = [self.first.schema(), self.second.schema()]
        return {"type": "array", "prefixItems": parts, "items": False, "minItems": 2}


@dataclass(frozen=True)
class Either:
    """A value of one kind or another."""

    kinds: tuple[Kind, ...]

    def schema(self) -> Json:
        """See Kind."""
        return {"anyOf": [kind.schema() for kind in self.kinds]}


@dataclass(frozen=True)
class Key:
    """A key of a table. usual: what it is where it is not there, None where that is nothing."""

    name: str
    kind: Kind
    meaning: str
    usual: object = None
    needed: bool = False

    def schema(self) -> Json:
        """Of its value."""
        usual = {} if self.usual is None or self.needed else {"default": self.usual}
        return {"description": self.meaning, **self.kind.schema(), **usual}


@dataclass(frozen=True)
class Keys:
    """The keys of a table. either: groups of keys of which one may be there."""

    keys: tuple[Key, ...]
    either: tuple[tuple[str, ...], ...] = ()

    def __getitem__(self, name: str) -> Key:
        """The key of this name."""
        return self.by_name[name]

    @property
    def by_name(self) -> Mapping[str, Key]:
        """All of them."""
        return {key.name: key for key in self.keys}

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(key.name for key in self.keys)

    def schema(self) -> Json:
        """See Kind."""
        needed = [key.name for key in self.keys if key.needed]
        return {
            "type": "object",
            "properties": {key.name: key.schema() for key in self.keys},
            "additionalProperties": False,
            **({"required": needed} if needed else {}),
            **({"allOf": list(self._exclusions())} if self.either else {}),
        }

    def _exclusions(self) -> Iterator[Json]:
        for names in self.either:
            for place, first in enumerate(names):
                for other in names[place + 1 :]:
                    yield {"not": {"required": [first, other]}}


@dataclass(frozen=True)
class Alternatives:
    """A table whose other keys depend on the value of one, `by`; usual: its value where it is not there."""

    by: Key
    tables: Mapping[str, Keys]

    def of(self, value: object) -> Keys:
        """The table of this value, with the key that tells it."""
        own = self.tables[str(value)]
        return Keys((self.by, *own.keys), own.either)

    def schema(self) -> Json:
        """See Kind."""
        return {"oneOf": [self._alternative(name) for name in self.tables]}

    def _alternative(self, name: str) -> Json:
        found = self.of(name).schema()
        found["properties"][self.by.name] = {"const": name, "description": self.by.meaning}
        if name != self.by.usual:
            others = (key for key in found.get("required", ()) if key != self.by.name)
            found["required"] = [self.by.name, *others]
        return found
