"""What members said one by one on the same subjects, by voter and subject, with an index of each.

A quorum on one subject is counted without a look at what was said on all others.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from typing import Any, TypeVar

K = TypeVar("K", bound=tuple[str, ...])
R = TypeVar("R")
_NOTHING: Mapping[Any, Any] = {}


class Votes(UserDict[K, R]):
    """Records keyed (voter, subject) or (voter, part of the subject, other part)."""

    def __init__(self) -> None:
        self._about: dict[tuple[str, ...], dict[str, R]] = {}
        self._by: dict[str, dict[K, R]] = {}
        super().__init__()

    def __setitem__(self, key: K, record: R) -> None:
        super().__setitem__(key, record)
        voter, *subject = key
        self._about.setdefault(tuple(subject), {})[voter] = record
        self._by.setdefault(voter, {})[key] = record

    def __delitem__(self, key: K) -> None:
        super().__delitem__(key)
        voter, *subject = key
        del self._about[tuple(subject)][voter]
        del self._by[voter][key]

    def about(self, *subject: str) -> Mapping[str, R]:
        """What was said on a subject, by voter."""
        return self._about.get(subject, _NOTHING)

    def by(self, voter: str) -> Mapping[K, R]:
        """What a voter said, by key."""
        return self._by.get(voter, _NOTHING)
