"""A file of what happens, one JSON object a line, that holds no patient data and no secrets.

Only the fields named here are written. Free text (`Event.detail`, messages of exceptions from the training)
never is: a value of a record or of a gradient may be in it. Text from the protocol is written if it looks
like what the protocol says (digests, numbers, names, words), else "(withheld)".

Several processes may append to one file: each line is one write under a lock on the file, and whoever notices
that the file is full renames it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from proofward.federation.messages.events import Event

MAX_BYTES = 8 << 20
KEPT = 3
MAX_TEXT = 200
MAX_NUMBERS = 2
WITHHELD = "(withheld)"
UNABLE = "the reason is kept with the party and nowhere else: `proofward status` shows it there"
DONE = ("recorded", "proving", "proved", "verified", "share checked", "aggregated", "confirmed")
EVENT_KINDS = frozenset((*DONE, "refused", "unable", "halted"))
OUTCOMES = frozenset(("accepted", "upheld", "dismissed", "good", "bad"))
JUDGING = ("verified", "share checked")
LEVELS = ("info", "warning", "error")
_LEVEL_OF = {
    "refused": "warning",
    "unable": "error",
    "halted": "error",
    "declined": "warning",
    "disconnected": "warning",
    "resubmitted": "warning",
    "deadline": "warning",
    "overdue": "warning",
    "ended": "error",
    "site lost": "warning",
    "records forced": "warning",
    "lines lost": "error",
}

_KIND = re.compile(r"[a-z][a-z -]{0,39}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")
_ADDRESS = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,200}")
_DIGEST = re.compile(r"[0-9a-f]{1,64}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_PLAIN = re.compile(r"[A-Za-z0-9 .,:;()'/_-]{0,200}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"-?[0-9]+")
_WORD = re.compile(r"[A-Z]?[a-z0-9_-]{0,39}|[A-Z0-9_-]{1,40}|([A-Z][a-z]+){1,4}|[0-9a-f]{41,64}")

Value = bool | int | float | str
Test = Callable[[str], bool]


def printable(text: str) -> bool:
    """Whether text is what the protocol says of itself: words, names, digests, at most two numbers.

    No list of values passes, and no base64 of a key: other characters, mixed case, long words.
    """
    if not _PLAIN.fullmatch(text):
        return False
    tokens = _TOKEN.findall(text)
    if sum(_NUMBER.fullmatch(token) is not None for token in tokens) > MAX_NUMBERS:
        return False
    return all(_WORD.fullmatch(token) for token in tokens)


def _matches(pattern: re.Pattern[str]) -> Test:
    return lambda text: text == "" or pattern.fullmatch(text) is not None


_name = _matches(_NAME)
_TEXTS: dict[str, Test] = {
    "party": _name,
    "member": _name,
    "site": _name,
    "culprit": _name,
    "phase": printable,
    "check": printable,
    "subject": printable,
    "object": _matches(_DIGEST),
    "address": _matches(_ADDRESS),
    "version": _matches(_VERSION),
}
_NUMBERS: dict[str, tuple[type, ...]] = {
    "round": (int,),
    "attempt": (int,),
    "bytes": (int,),
    "count": (int,),
    "port": (int,),
    "seconds": (int, float),
    "complete": (bool,),
}
NOTE_FIELDS = frozenset((*_TEXTS, *_NUMBERS))


def _fit(text: str, passes: Test) -> str:
    short = text[:MAX_TEXT]
    return short if passes(short) else WITHHELD


def _seconds(value: float) -> float:
    return round(float(value), 6) if math.isfinite(value) else 0.0


def event_fields(event: Event) -> dict[str, Value]:
    """What the log says of an event, without time; raises nothing."""
    kind = _fit(event.kind, _matches(_KIND))
    line: dict[str, Value] = {
        "level": _LEVEL_OF.get(kind, "info"),
        "kind": kind,
        "party": _fit(event.party, _name),
        "round": event.round,
        "attempt": event.attempt,
        "subject": _fit(event.subject, printable),
        "seconds": _seconds(event.seconds),
    }
    if kind in JUDGING:
        line["outcome"] = event.detail if event.detail in OUTCOMES else "refused"
    if kind == "unable":
        line["message"] = UNABLE
    if (refusal := event.refusal) is not None:
        line["check"] = _fit(refusal.check, printable)
        line["culprit"] = _fit(refusal.culprit, _name)
        line["expected"] = _fit(refusal.expected, printable)
        line["actual"] = _fit(refusal.actual, printable)
    return line


def note_fields(kind: str, level: str, fields: dict[str, Value]) -> dict[str, Value]:
    """What the log says of a note; ValueError for a name, TypeError for a type that is not whitelisted."""
    if not _KIND.fullmatch(kind) or kind in EVENT_KINDS:
        raise ValueError(f"not a kind of note: {kind!r}")
    level = level or _LEVEL_OF.get(kind, "info")
    if level not in LEVELS:
        raise ValueError(f"level: expected one of {', '.join(LEVELS)}, found {level!r}")
    line: dict[str, Value] = {"level": level, "kind": kind}
    for name, value in fields.items():
        if name not in NOTE_FIELDS:
            raise ValueError(f"the log has no field {name!r}")
        expected = _NUMBERS.get(name, (str,))
        if type(value) not in expected:
            raise TypeError(f"field {name}: expected {expected[-1].__name__}, found {type(value).__name__}")
        if isinstance(value, str):
            value = _fit(value, _TEXTS[name])
        elif isinstance(value, float):
            value = _seconds(value)
        line[name] = value
    return line


def rotated(path: Path, number: int) -> Path:
    """Where the log goes when it is full; 0 is the file that is written, KEPT the oldest."""
    return path.with_name(f"{path.name}.{number}") if number else path


class EventLog:
    """`observe` takes events, `note` what else happens to an engine; both from any thread.

    A line that cannot be written stops nobody: the next one that can says how many are lost.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.time, max_bytes: int = MAX_BYTES
    ) -> None:
        """Creates the file, readable by its owner only; its folder must exist.

        A file larger than max_bytes is renamed to .1, the one before to .2, and so on. Raises OSError, also
        for a symbolic link.
        """
        self.path = path
        self.lost = 0
        self._clock = clock
        self._max_bytes = max_bytes
        self._lock = Lock()
        os.close(self._open())

    def observe(self, event: Event) -> None:
        """Appends an event of a party."""
        self._append(event_fields(event))

    def note(self, kind: str, *, level: str = "", **fields: Value) -> None:
        """Appends what else happens to an engine, such as "started", "connected" or "resubmitted".

        "received" comes with bytes and seconds. Raises ValueError or TypeError for what is not whitelisted.
        """
        self._append(note_fields(kind, level, fields))

    def _append(self, fields: dict[str, Value]) -> None:
        with self._lock:
            data = self._line(fields)
            if self.lost:
                missing: dict[str, Value] = {"level": "error", "kind": "lines lost", "count": self.lost}
                data = self._line(missing) + data
            try:
                self._write(data)
            except OSError:
                self.lost += 1
            else:
                self.lost = 0

    def _line(self, fields: dict[str, Value]) -> bytes:
        moment = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        line = {"time": moment.removesuffix("+00:00") + "Z", **fields}
        text = json.dumps(line, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return text.encode("ascii") + b"\n"

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        return descriptor

    def _write(self, data: bytes) -> None:
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not self._is_current(descriptor):
                    continue
                size = os.fstat(descriptor).st_size
                if size and size + len(data) > self._max_bytes:
                    self._rotate()
                    continue
                torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                whole = b"\n" + data if torn else data
                if os.write(descriptor, whole) != len(whole):
                    raise OSError(errno.ENOSPC, "a line could not be written in full")
                return
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path, follow_symlinks=False))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        for number in range(KEPT - 1, -1, -1):
            if rotated(self.path, number).exists():
                os.replace(rotated(self.path, number), rotated(self.path, number + 1))
