"""Put on PYTHONPATH by `crash_matrix.py`: makes a party kill itself and its whole site at a given step.

PROOFWARD_KILL = NAME:N:FILE, several with ";" between them. The N-th time that the member NAME commits to its
state (or that the aggregator appends to its ledger), after the commit, everything that runs the site gets
SIGKILL, once: FILE is made first. With N = 0 nothing is killed: FILE gets a byte a commit, so that its size
is the number of steps.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PLAN = os.environ.get("PROOFWARD_KILL", "")


def _ancestors() -> list[int]:
    """This process and those above it, up to the one that runs `proofward start`."""
    found, pid = [], os.getpid()
    while pid > 1:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"nvflare" not in b" ".join(words) and b"proofward" not in words:
            break
        found.append(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


class _Countdown:
    def __init__(self, left: int, marker: Path) -> None:
        self.left, self.marker, self.counting = left, marker, left == 0

    def step(self) -> None:
        if self.counting:
            with self.marker.open("ab") as file:
                file.write(b".")
            return
        self.left -= 1
        if self.left == 0 and not self.marker.exists():
            self.marker.touch()
            for pid in reversed(_ancestors()):  # the supervisor first, so that nothing is started again
                os.kill(pid, signal.SIGKILL)


def _arm(name: str, countdown: _Countdown) -> None:
    from proofward.federation.storage.ledger_folder import LedgerFolder
    from proofward.federation.storage.state_store import StateStore

    if name == "aggregator":
        append = LedgerFolder.append

        def counted(self: LedgerFolder, data: bytes) -> None:
            append(self, data)
            countdown.step()

        LedgerFolder.append = counted  # type: ignore[method-assign]
        return
    opened, transaction = StateStore.__init__, StateStore.transaction

    def remember(self: StateStore, path: Path) -> None:
        opened(self, path)
        self.owner = path.parent.name  # type: ignore[attr-defined]

    @contextmanager
    def counted_transaction(self: StateStore) -> Iterator[None]:
        with transaction(self):
            yield
        if getattr(self, "owner", "") == name:
            countdown.step()

    StateStore.__init__ = remember  # type: ignore[method-assign]
    StateStore.transaction = counted_transaction  # type: ignore[method-assign]


for _entry in filter(None, _PLAN.split(";")):
    _name, _number, _file = _entry.split(":", 2)
    _arm(_name, _Countdown(int(_number), Path(_file)))
