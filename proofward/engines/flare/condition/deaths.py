"""How often the engine's process of a kit has died in a row, and why: kept in the kit for whoever asks.

HOME/deaths.json   {"count": ..., "reason": ..., "gave_up": ...}; absent while all is well
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from proofward.ledger.files import write_file

NAME = "deaths.json"
_MAX_BYTES = 1 << 12


@dataclass(frozen=True)
class Deaths:
    """reason: the first line of the last one's, "" where the logs name none."""

    count: int
    reason: str = ""
    gave_up: bool = False


def record(home: Path, deaths: Deaths) -> None:
    """Keeps the count, durably, mode 0600."""
    write_file(home / NAME, json.dumps(asdict(deaths)).encode(), home / f".{NAME}.tmp", mode=0o600)


def clear(home: Path) -> None:
    """Forgets them: the process has lived long enough, or the operator has started the kit again."""
    (home / NAME).unlink(missing_ok=True)


def recorded(home: Path) -> Deaths | None:
    """What is kept, None for nothing that makes sense."""
    try:
        path = home / NAME
        if path.stat().st_size > _MAX_BYTES:
            return None
        plain = json.loads(path.read_bytes())
        count, reason, gave_up = plain["count"], plain["reason"], plain["gave_up"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if type(count) is not int or not isinstance(reason, str) or type(gave_up) is not bool:
        return None
    return Deaths(count, reason, gave_up)
