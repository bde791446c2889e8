"""What the log of a site complains of."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

LAST_LINES = 5


def troubles(log: Path) -> list[str]:
    """The log's last warnings and errors, in a line each; nothing where there is no log."""
    found: deque[str] = deque(maxlen=LAST_LINES)
    if not log.exists():
        return []
    with log.open(encoding="utf-8", errors="replace") as lines:
        for text in lines:
            try:
                line = json.loads(text)
                if line["level"] != "info":
                    told = {key: line[key] for key in line if key not in ("time", "level", "kind")}
                    words = ", ".join(
                        f"{key} {value}" for key, value in told.items() if value not in ("", 0, 0.0)
                    )
                    found.append(f"{line['time']} {line['kind']}: {words}")
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
    return list(found)
