"""What a pure function of bytes gave, kept for a while, within a number of bytes.

All members of a federation in one process are shown the same entries one after another. Each of them does
all of its own checks; what a check finds depends on the bytes alone, so it is worked out once for as long as
it is remembered. In a process of its own a member remembers nothing that another has found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_BYTES = 1 << 25
"""Of all keys of one function together: the entries that many hospitals record in one phase."""


class Remembered(Generic[K, V]):
    """Values by key, the last used ones, whose sizes add up to at most `most`; errors are not remembered.

    A key larger than a quarter of that is not remembered either, so that one never drives out all others.
    """

    def __init__(self, make: Callable[[K], V], size: Callable[[K], int], most: int = MOST_BYTES) -> None:
        self._make, self._size, self._most = make, size, most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()
        self.held = 0
        self.made = 0

    def __call__(self, key: K) -> V:
        """The function's value, worked out or remembered; raises what the function raises."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = self._make(key)
        size = self._size(key)
        with self._lock:
            self.made += 1
            if size <= self._most // 4 and key not in self._values:
                self._values[key] = value
                self.held += size
            while self.held > self._most:
                self.held -= self._size(self._values.popitem(last=False)[0])
        return value

    def forget(self) -> None:
        """Empties it, for tests."""
        with self._lock:
            self._values.clear()
            self.held = 0
