"""How many members of a federation in one process work at the same time."""

from __future__ import annotations

from pathlib import Path

from proofward.field.threads import thread_count
from proofward.layers.basics.errors import TrainingError
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.relations.proofs.measure import blank_statement, round_plan
from proofward.relations.rules.config import RoundConfig

BYTES_A_VALUE = 100
"""Memory of a proof for every committed value: 60 to 95 in those that `models.costs` was fitted to."""


def usual_workers(config: RoundConfig, rows: int) -> int:
    """As many as keep every core busy and have room in memory, when hospitals have up to `rows` rows.

    That is one more than the cores: while one waits for its disk, or is the last of its kind in a phase,
    there is another to go on with. Their proofs together may take half of what memory is free, or there is
    one worker; so too where that is not known.
    """
    free = _free_memory()
    if free is None:
        return 1
    try:
        values = round_plan(blank_statement(config, rows)).values
    except (SoundnessBelowPolicy, TrainingError):  # nobody will prove anything
        return 1
    return max(1, min(thread_count() + 1, free // 2 // (BYTES_A_VALUE * values)))


def _free_memory() -> int | None:
    """Bytes of memory that no process of this machine uses."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        (found,) = (int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError):
        return None
    return found << 10
