"""The times of messages: seconds of UTC since 1970, and how far the clocks of members may be apart.

Every envelope has the time of its sender's clock, and the signature covers it. It is the time at which the
sender turned to what it had seen of the ledger, so it does not tell how long a proof took. The ledger's clock
is the time of the latest message of the aggregator, who is the only one to write; it never goes back. Three
bounds tie the two together, CLOCK_SLACK each:

    a message is no earlier than the ledger's clock was in the part of the ledger that it has seen;
    it is recorded only if it is no later than the aggregator's own clock then says;
    the aggregator's next message is no earlier than any message recorded before it.

Everybody checks the first and the third from the ledger alone (`history`); the second is the aggregator's,
and breaking it shows by the third. A message may be old when it is recorded, as those on memory sticks are:
what it has seen bounds its time, not when it arrives. No time enters a proof, a beacon or a model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from proofward.encoding import Range

CLOCK_SLACK = 600
"""Seconds."""
LAST_TIME = 253_402_300_799
"""The end of the year 9999."""
REPEATABLE_TIME = 946_684_800
"""The one time of a repeatable run, 2000-01-01: seeded runs have the same bytes, and no clock."""

Time = Annotated[int, Range(0, LAST_TIME)]
Clock = Callable[[], int]


def system_clock() -> int:
    """The machine's clock, within what a message can say."""
    return min(max(int(time.time()), 0), LAST_TIME)


def repeatable_clock() -> int:
    """Always the same time."""
    return REPEATABLE_TIME


def in_utc(seconds: int) -> str:
    """A time in words, such as 2026-03-01 12:30:00 UTC."""
    return datetime.fromtimestamp(min(max(seconds, 0), LAST_TIME), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
