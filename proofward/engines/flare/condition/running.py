"""Which process runs a kit: `stop` and `start` ask before they import anything large."""

from __future__ import annotations

import fcntl
import json
from contextlib import suppress
from pathlib import Path

from proofward.engines.contract import home_of

RUN_NAME, LOCK_NAME = "run.json", ".run.lock"


def locked(descriptor: int) -> bool:
    """Whether nobody else had the lock, so that it is ours until the file is closed."""
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def running(kit: Path) -> int | None:
    """The process that runs a kit, if one does: it holds a lock until it ends, however it ends."""
    try:
        with (home_of(kit) / LOCK_NAME).open("rb") as lock:
            if locked(lock.fileno()):
                return None
        return int(json.loads((home_of(kit) / RUN_NAME).read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
