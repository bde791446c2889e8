"""What a site's log says, followed line by line: what was sent and when, durations by round, the last lines.

The log holds no secrets (`operations.event_log`). Its lines are not trusted all the same: fields have types
and bounds, and what is no line is passed over.
"""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from proofward.console.words import short
from proofward.engines.operations.event_log import LEVELS
from proofward.engines.operations.metrics import MAX_LINE, Tail

LAST, MOST_OBJECTS, MOST_ROUNDS = 100, 50_000, 100_000
_PLAIN_FIELDS = ("subject", "check", "culprit", "phase", "outcome", "member", "site", "address", "object",
                 "bytes", "count", "seconds", "message", "expected", "actual")  # fmt: skip


@dataclass(frozen=True)
class Said:
    """A line: when, in seconds since 1970; level, kind and party; round 0 for none; the rest in words."""

    time: float
    level: str
    kind: str
    party: str
    round: int
    words: str


@dataclass(frozen=True)
class Moved:
    """An object that was sent or received: when, in seconds since 1970, and its bytes."""

    time: float
    bytes: int


class Told:
    """`advance` is for one thread; whoever reads takes `lock`.

    sent, received: by the object's digest in hexadecimal. traffic: bytes by (kind, round). spent: seconds of
    each proof and verification by (kind, round).
    """

    def __init__(self, path: Path | None) -> None:
        self.lock = Lock()
        self.lines: deque[Said] = deque(maxlen=LAST)
        self.sent: OrderedDict[str, Moved] = OrderedDict()
        self.received: OrderedDict[str, Moved] = OrderedDict()
        self.traffic: dict[tuple[str, int], int] = defaultdict(int)
        self.spent: dict[tuple[str, int], list[float]] = defaultdict(list)
        self._tail = None if path is None else Tail(path)

    def advance(self) -> bool:
        """Takes in what is new; whether anything was. What cannot be read now may be at the next call."""
        if self._tail is None:
            return False
        fresh = False
        try:
            for data in self._tail.lines():
                fresh = self._line(data) or fresh
        except OSError:
            return fresh
        return fresh

    def close(self) -> None:
        """Ends the use of the log."""
        if self._tail is not None:
            self._tail.close()

    def _line(self, data: bytes) -> bool:
        try:
            line: dict[str, Any] = json.loads(data) if len(data) <= MAX_LINE else {}
            moment = datetime.fromisoformat(line["time"]).timestamp()
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return False
        with self.lock:
            self._take(line, moment)
        return True

    def _take(self, line: dict[str, Any], moment: float) -> None:
        kind, number = str(line.get("kind", ""))[:40], line.get("round")
        number = number if type(number) is int and 0 <= number < MOST_ROUNDS else 0
        level = line.get("level") if line.get("level") in LEVELS else LEVELS[0]
        parts = [
            f"{name} {_shown(name, line[name])}"[:240]
            for name in _PLAIN_FIELDS
            if line.get(name) not in (None, "", 0, 0.0)
        ]
        said = Said(moment, str(level), kind, str(line.get("party", ""))[:80], number, ", ".join(parts))
        self.lines.append(said)
        count, seconds = line.get("bytes"), line.get("seconds")
        if kind in ("object sent", "object received") and type(count) is int:
            moved = self.sent if kind == "object sent" else self.received
            moved[str(line.get("object", ""))[:64]] = Moved(moment, count)
            if len(moved) > MOST_OBJECTS:
                moved.popitem(last=False)
        elif kind in ("traffic sent", "traffic received") and type(count) is int:
            self.traffic[kind, number] += count
        elif kind in ("proved", "verified") and isinstance(seconds, int | float):
            self.spent[kind, number].append(float(seconds))


def _shown(name: str, value: object) -> object:
    return short(str(value)) if name == "object" else value
