"""What a pure function of bytes gave, kept for a while, within a number of bytes.

All members of a federation in one process are shown the same entries one after another. Each of them does
all of its own checks; what a check finds depends on the bytes alone, so it is worked out once for as long as
it is remembered. In a process of its own a member remembers nothing that another has found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from sys import getsizeof
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_BYTES = 1 << 25
"""Of one function's keys and values together: the entries that many hospitals record in one phase."""
FIELD_BYTES, RECORD_BYTES = 16, 160
"""What a dataclass takes besides its fields' values, for each field and by itself; rather too much."""


class Remembered(Generic[K, V]):
    """Values by key, the last used ones, whose sizes add up to at most `most`; errors are not remembered.

    What is larger than a quarter of that is not remembered either, so that one never drives out all others.
    size: bytes that a key and its value take, where the value is large: what is parsed can take twenty times
    what it is parsed from.
    """

    def __init__(self, make: Callable[[K], V], size: Callable[[K, V], int], most: int = MOST_BYTES) -> None:
        self._make, self._size, self._most = make, size, most
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()
        self.held = 0
        self.made = 0

    def __call__(self, key: K) -> V:
        """The function's value, worked out or remembered; raises what the function raises."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        value = self._make(key)
        size = self._size(key, value)
        with self._lock:
            self.made += 1
            if key not in self._values:
                self._hold(key, value, size)
        return value

    def grown(self, key: K, value: V, more: int) -> None:
        """Counts bytes by which a remembered value has grown; nothing for one that is not remembered."""
        with self._lock:
            found = self._values.get(key)
            if found is not None and found[0] is value:
                self.held -= self._values.pop(key)[1]
                self._hold(key, value, found[1] + more)

    def _hold(self, key: K, value: V, size: int) -> None:
        if size <= self._most // 4:
            self._values[key] = value, size
            self.held += size
        while self.held > self._most:
            self.held -= self._values.popitem(last=False)[1][1]

    def forget(self) -> None:
        """Empties it, for tests."""
        with self._lock:
            self._values.clear()
            self.held = 0


def memory(value: object) -> int:
    """Bytes that a record's value takes, with all that is in it; what is shared counts wherever it stands."""
    total, left = 0, [value]
    while left:
        one = left.pop()
        names = getattr(one, "__dataclass_fields__", None)
        if names is not None:
            total += RECORD_BYTES + FIELD_BYTES * len(names)
            left.extend([getattr(one, name) for name in names])
            continue
        total += getsizeof(one)
        if type(one) is tuple:
            left.extend(one)
    return total
