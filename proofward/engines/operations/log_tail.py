"""What the end of a log says of how a site stands: the latest times, and what has failed since."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from proofward.engines.operations.event_log import DONE

TAIL = 1 << 20
COPIED = ("ratchet-damaged", "ratchet-missing", "ratchet-restored", "state-copied", "state-restored")
"""Checks at the start that a member's own state is no copy, nor of the past."""
FAILED = ("EXCEPTION", "FAILED", "CRASH")


@dataclass
class Recent:
    """Times of the last job's start and the last record; failures since.

    `refused` is the check for which something was declined since the last success. `stopped` is the one for
    which the federation has ended early. `failed_jobs` counts jobs that ended in an error, in a row, and
    `connected` is what was noted last of the connection. `broken` has the members that did not start from
    their states, each with the check. `job_over` says that the server has ended the last
    job for good.
    """

    started: datetime | None = None
    recorded: datetime | None = None
    failed_jobs: int = 0
    refused: str = ""
    stopped: str = ""
    connected: bool | None = None
    broken: dict[str, str] = field(default_factory=dict)
    job_over: bool = False

    def take(self, line: dict[str, object]) -> None:
        """One line of the log."""
        kind, moment = line.get("kind"), datetime.fromisoformat(str(line["time"])).astimezone(UTC)
        check, culprit = str(line.get("check", "")), str(line.get("culprit", ""))
        if kind == "started":
            self.started = moment
            self.broken.pop(str(line.get("party", "")), None)
        elif kind == "failed" and check in COPIED:
            self.broken[str(line.get("party", ""))] = check
        elif kind in DONE:
            self.failed_jobs, self.refused = 0, ""
            self.recorded = moment if kind == "recorded" else self.recorded
        elif kind in ("connected", "disconnected"):
            self.connected = kind == "connected"
        elif kind in ("job over", "submitted", "job found"):
            self.job_over = kind == "job over"
        elif kind == "declined":
            self.refused = f"{check} ({culprit})" if culprit else check
        elif kind == "job ended":
            ended = str(line.get("subject", ""))
            self.failed_jobs = self.failed_jobs + 1 if any(word in ended for word in FAILED) else 0
        elif kind == "stopped for good":
            self.stopped = check


def recent(path: Path) -> Recent:
    """Reads the last part of a log; lines that are none are passed over."""
    found = Recent()
    with suppress(OSError), path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - TAIL))
        for data in log.read(TAIL).splitlines():
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                line = json.loads(data)
                if isinstance(line, dict):
                    found.take(line)
    return found
