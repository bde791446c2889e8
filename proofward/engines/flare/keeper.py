"""The coordinator's process: submits the job, and again whenever FLARE gives up or leaves a site out.

FLARE does not resume a job, and does not take a restarted site into a running one; both the ledger and the
members' states survive, so a new job goes on where the old one was. A site that comes and goes is taken in
after longer and longer waits, so that it cannot stop the others. One that has died is not heard from, though
FLARE calls it connected for a while: the others go on with their job.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

from proofward.engines.contract import Note
from proofward.engines.flare.job import build_job
from proofward.engines.flare.kits.provision import COORDINATOR

BEAT, SELDOM = 1.0, 5.0
SETTLING = 15.0
LEFT_OUT, VANISHED = 4.0, 30.0
FIRST_TURN, LAST_TURN = 60.0, 24 * 3600.0
RESTART_PAUSE, MOST_PAUSE, QUIET = 5.0, 600.0, 120.0
COMPLETED = "FINISHED:COMPLETED"


class Keeper:
    """Keeps one federation's job running.

    sites: how many there are in all. before: called before each attempt to connect.
    """

    def __init__(
        self,
        kit: Path,
        sites: int,
        stop: Event,
        note: Note = lambda kind, **fields: None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self.kit = kit.resolve()
        self.sites = sites
        self.stop = stop
        self.submissions = 0
        self._note, self._before = note, before
        self._session: Any = None
        self._job = ""
        self._first_seen: float | None = None
        self._missing_since: dict[str, float] = {}
        self._heard: dict[str, object] = {}
        self._times: dict[str, int] = {}
        self._turn: dict[str, float] = {}
        self._pause = RESTART_PAUSE
        self._submitted, self._seen = 0.0, 0.0
        self._server_start: object = None

    def run(self) -> bool:
        """Until the host has ended the job for good (True) or `stop` is set (False).

        It does so when the federation is closed or ended, and when it can neither go on nor be ended.
        """
        try:
            while not self.stop.is_set():
                try:
                    if self._tend():
                        return True
                except Exception as error:  # FLARE's session raises many kinds; all mean: connect again
                    self._note("disconnected", check=type(error).__name__)
                    self._disconnect()
                self.stop.wait(self._beat())
            return False
        finally:
            self._disconnect()

    def _beat(self) -> float:
        """Seldom while everybody works on a job: what is asked costs the server more than messages do."""
        settled = self._seen - self._submitted > SETTLING and not self._missing_since
        return SELDOM if self._job and settled else BEAT

    def _connect(self) -> Any:
        from nvflare.fuel.flare_api.flare_api import new_secure_session

        if self._session is None:
            self._before()
            self._session = new_secure_session(COORDINATOR, str(self.kit), timeout=10.0)
            self._note("connected")
        return self._session

    def _disconnect(self) -> None:
        if self._session is not None:
            try:
                self._session.close()
            except Exception:
                self._note("disconnected", check="close")
            self._session = None

    def _tend(self) -> bool:
        session = self._connect()
        info = session.get_system_info()
        connected = {client.name: client.last_connect_time for client in info.client_info}
        running = [job.job_id for job in info.job_info]
        if not self._job and running:  # submitted by an earlier process of this kit
            self._job, self._submitted = str(running[0]), time.monotonic()
            self._server_start = info.server_info.start_time
            self._note("job found")
        alive = self._job in running
        if self._job:
            status = str(session.get_job_meta(self._job).get("status"))
            if status == COMPLETED:
                self._note("job over", subject=status)
                return True
            if status.startswith("FINISHED") or self._lost(alive, info.server_info.start_time):
                self._note("job ended", subject=status)
                self._job = ""
        if not self._job:
            self._submit(session, connected, info.server_info.start_time)
        elif alive and self._left_out(session, connected):
            session.abort_job(self._job)
        return False

    def _lost(self, alive: bool, server_start: object) -> bool:
        """Whether the job's server process is gone for good, whatever FLARE's records say."""
        now = time.monotonic()
        if alive:
            self._seen = now
        return server_start != self._server_start or now - max(self._seen, self._submitted) > VANISHED

    def _submit(self, session: Any, connected: Mapping[str, object], server_start: object) -> None:
        now = time.monotonic()
        if not connected:
            self._first_seen = None
            return
        if self._first_seen is None:
            self._first_seen = now
        if len(connected) < self.sites and now - self._first_seen < SETTLING:
            return
        if now - self._submitted > QUIET:
            self._pause = RESTART_PAUSE
        if self.submissions and now - self._submitted < self._pause:
            return
        self._pause = min(2 * self._pause, MOST_PAUSE)
        self._submitted, self._server_start = now, server_start
        with tempfile.TemporaryDirectory() as folder:
            self._job = str(session.submit_job(str(build_job(Path(folder)))))
        self.submissions += 1
        self._missing_since.clear()
        self._note("submitted", count=self.submissions)

    def _left_out(self, session: Any, connected: Mapping[str, object]) -> bool:
        """Whether a site that is heard from has not worked on the job for a while, and it is its turn.

        Every time costs the others what they have not stored, so the same site waits ever longer. connected:
        when the server has last heard from each site that it calls connected, by its own clock.
        """
        now = time.monotonic()
        if now - self._submitted < SETTLING:
            return False
        working = {
            entry.get("client_name")
            for entry in session.get_client_job_status() or []
            if entry.get("job_id") == self._job
        }
        missing = connected.keys() - working
        for name in list(self._missing_since):
            if name not in missing:
                del self._missing_since[name]
        for name in missing - self._missing_since.keys():
            self._missing_since[name], self._heard[name] = now, connected[name]
        late = [
            name
            for name, since in self._missing_since.items()
            if now - since > LEFT_OUT
            and connected[name] != self._heard[name]
            and now >= self._turn.get(name, 0.0)
        ]
        for name in late:
            self._times[name] = self._times.get(name, 0) + 1
            self._turn[name] = now + min(FIRST_TURN * 4 ** (self._times[name] - 1), LAST_TURN)
            self._note("left out", site=name, count=self._times[name])
        return bool(late)
