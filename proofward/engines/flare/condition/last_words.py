"""The first line of the reason for which an engine's process or job ended, as its own logs have it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

TAIL, LONGEST, MOST_FILES = 1 << 16, 200, 8
_REASON = re.compile(r"\b((?:[A-Za-z_]+\.)*[A-Z]\w*(?:Error|Exception|Refused|Refusal|Failed|Invalid)): (.*)")


def last_words(kit: Path) -> str:
    """The last error that the engine's logs name, "" for none; not filtered, for the operator only."""
    found = [kit / "proofward" / "flare.log", *kit.glob("*/error_log.txt"), *kit.glob("*error_log.txt")]
    found = [path for path in found if path.is_file()]
    for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_FILES]:
        if reason := reason_in(path):
            return reason
    return ""


def reason_in(path: Path) -> str:
    """The last error named at the end of a log: the exception's class and the first line of its message."""
    reason = ""
    with suppress(OSError), path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - TAIL))
        for line in log.read(TAIL).decode(errors="replace").splitlines():
            if match := _REASON.search(line):
                reason = f"{match[1].rpartition('.')[2]}: {match[2].strip()}"[:LONGEST]
    return reason
