"""How a member starts on its copy of the ledger, with a snapshot of its state and without, as JSON.

python benchmarks/start.py [--hospitals 5] [--rounds 20] [--smallest]

The entries are real: messages, signatures, ledger, nonces, shares, sums. In the place of each proof is the
tests' stand-in, a hash, since a start looks at no proof. The member starts in the upload phase of the round
after those that are closed, and remembers nothing of the entries.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from _machine import ROOT, print_result, progress

from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.messages.consortium.usual import usual_threshold
from proofward.federation.messages.envelope import parsed_envelopes
from proofward.federation.messages.events import ignore
from proofward.federation.parties.following.starting import started
from proofward.federation.storage.log_tree import leaf_hashes
from proofward.federation.storage.state_store import StateStore

sys.path.insert(0, str(ROOT))
from tests.federation.fakes import FakeProofs, datasets, plan

TRIES = 7
MEMBER = "hospital-1"


class Nothing:
    """Where no snapshot is kept."""

    def newest(self) -> bytes | None:
        """None."""
        return None

    def part(self, digest: bytes) -> bytes | None:
        """None."""
        return None

    def keep(self, core: bytes, chapters: object) -> None:
        """Keeps nothing."""


@dataclass(frozen=True)
class Without:
    """A member's copy of the ledger without its snapshots."""

    state: StateStore
    snapshots: Nothing = field(default_factory=Nothing)

    def transaction(self) -> AbstractContextManager[None]:
        """None."""
        return nullcontext()

    def entry(self, number: int) -> bytes | None:
        """See Stored."""
        return self.state.entry(number)

    def entries(self, first: int) -> list[bytes]:
        """See Stored."""
        return self.state.entries(first)


def _milliseconds(work: Callable[[], object]) -> float:
    """Processor time, the median of some tries, with nothing remembered of the entries."""
    found = []
    for _ in range(TRIES):
        parsed_envelopes.forget()
        leaf_hashes.forget()
        start = time.process_time()
        work()
        found.append(1e3 * (time.process_time() - start))
    return round(statistics.median(found), 1)


def _row(engine: InProcessFederation) -> dict[str, float]:
    rules, state = engine.rules, engine.hospitals[MEMBER].state

    history = engine.hospitals[MEMBER].history
    newest = state.snapshots.newest()
    core = b"" if newest is None else state.snapshots.part(newest) or b""
    chapters = [state.snapshots.part(digest) or b"" for digest in history.chapters]
    return {
        "closed_rounds": len(history.closed),
        "entries": history.size,
        "entries_applied": history.size - history.ends[-1]["entries"],
        "ms_with_snapshot": _milliseconds(lambda: started(MEMBER, rules, state, ignore)),
        "ms_without": _milliseconds(lambda: started(MEMBER, rules, Without(state), ignore)),
        "core_bytes": len(core),
        "chapter_bytes": len(chapters[-1]),
        "ledger_bytes": sum(map(len, state.entries())),
        "snapshot_bytes": len(core) + sum(map(len, chapters)),
    }


def measure(hospitals: int, rounds: int) -> list[dict[str, float]]:
    """A row for each of some numbers of closed rounds."""
    agreed = plan(hospitals, 3, rounds + 1, threshold=usual_threshold(hospitals))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        engine = InProcessFederation(
            Path(folder) / "run", agreed, datasets(agreed), seed=b"start", proofs=FakeProofs()
        )
        history = engine.aggregator.history
        for closed in sorted({1, max(1, rounds // 4), max(1, rounds // 2), rounds}):
            engine.run(lambda wanted=closed: history.phase == UPLOAD and len(history.closed) == wanted)
            rows.append(_row(engine))
            progress(f"{closed} rounds")
        engine.close()
    return rows


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hospitals", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--smallest", action="store_true", help="three hospitals and two rounds")
    options = parser.parse_args()
    hospitals, rounds = (3, 2) if options.smallest else (options.hospitals, options.rounds)
    print_result("start", hospitals=hospitals, starts=measure(hospitals, rounds))


if __name__ == "__main__":
    main()
