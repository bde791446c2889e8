"""Keeps a kit's FLARE process running: started, started again when it dies, stopped with all its children."""

from __future__ import annotations

import ctypes
import datetime
import errno
import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from proofward.engines.contract import AlreadyRunning, GaveUp, Note, home_of
from proofward.engines.flare.condition import deaths
from proofward.engines.flare.condition.last_words import reason_in
from proofward.engines.flare.condition.running import LOCK_NAME, RUN_NAME, locked, running
from proofward.engines.flare.kits.isolation import empty_folder, flare_command
from proofward.engines.operations.isolation import isolated
from proofward.engines.operations.suggestions import command
from proofward.ledger.files import write_file

OUTPUT_NAME = "flare.log"
MAX_OUTPUT_BYTES = 1 << 26
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
STEADY, QUICK = 60.0, 15.0
MOST_QUICK = 10
"""Deaths in a row, each within QUICK seconds of its start, after which nothing is started any more."""
PATIENCE = 10.0
LOOKING = 0.5  # for as long may `status` or `stop` hold the lock
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""glibc gives buffers of messages back as soon as they are freed."""


def flare_processes(kit: Path) -> list[int]:
    """FLARE's processes of a kit, its jobs' too, which have sessions of their own; none without /proc."""
    found, own = [], str(kit.resolve())
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = os.fsdecode((folder / "cmdline").read_bytes()).split("\0")
            if own in words and any(word.startswith("nvflare.") for word in words):
                found.append(int(folder.name))
    return found


def end_leftovers(kit: Path) -> None:
    """Ends FLARE's processes of a kit that nobody looks after, with the groups that they lead."""
    for pid in flare_processes(kit):
        with suppress(OSError):
            (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, signal.SIGKILL)


def _only_of_its_key(kit: Path) -> socket.socket | None:
    """What no other process of this machine has for a kit with the same TLS key; None if one has it.

    Linux gives names to sockets that are no files and end with their process; elsewhere copies go unnoticed.
    """
    only = socket.socket(socket.AF_UNIX)
    if sys.platform == "linux":
        digest = hashlib.sha256(b"proofward/running")
        for key in sorted((kit / "startup").glob("*.key")):
            digest.update(key.read_bytes())
        try:
            only.bind(f"\0proofward-{digest.hexdigest()}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                only.close()
                return None
    return only


@contextmanager
def claimed(kit: Path) -> Iterator[Callable[[], None]]:
    """Nobody else runs the kit meanwhile, or AlreadyRunning; what it gives says that this process does."""
    path, lock = home_of(kit) / RUN_NAME, os.open(home_of(kit) / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + LOOKING
    while not (ours := locked(lock)) and time.monotonic() < until:
        time.sleep(0.05)
    if not ours:
        os.close(lock)
        pid = running(kit)
        words = f"{f'process {pid}' if pid else 'another process'} runs {kit} already"
        raise AlreadyRunning(f"{words}: `{command('stop', kit)}` ends it")
    only = _only_of_its_key(kit)
    if only is None:
        os.close(lock)
        words = f"a copy of {kit}, with the same TLS key, runs on this machine already"
        raise AlreadyRunning(f"{words}: a site runs once, so end that one and delete one of the two")

    def tell() -> None:
        since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        content = {"pid": os.getpid(), "since": since, "kit": str(kit.resolve())}
        write_file(path, json.dumps(content).encode(), path.with_suffix(".tmp"), mode=0o600)

    try:
        path.unlink(missing_ok=True)
        yield tell
    finally:
        path.unlink(missing_ok=True)
        only.close()
        os.close(lock)


def _prepare() -> None:
    """Prepares the child process: it leaves no core dumps, which would hold secrets.

    On Linux the kernel kills it together with its supervisor, so that two never run.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Supervisor:
    """Runs the FLARE process of one server's or site's kit until `stop` is set."""

    def __init__(
        self,
        kit: Path,
        stop: Event,
        note: Note = lambda kind, **fields: None,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """command: what to run, instead of the kit's FLARE process; before: called before each start."""
        self.kit = kit.resolve()
        self.stop = stop
        self._command, self._before = command, before
        self.restarts = 0
        self._note = note
        self._environment = {**MEMORY, **os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Until `stop` is set, or GaveUp. The kit is claimed and configured."""
        failures, quick, home = 0, 0, home_of(self.kit)
        deaths.clear(home)
        try:
            while not self.stop.is_set():
                started = time.monotonic()
                self._process = self._start()
                while self._process.poll() is None and not self.stop.wait(0.2):
                    self._trim()
                    if failures and time.monotonic() - started > STEADY:
                        failures = quick = 0
                        deaths.clear(home)
                if self.stop.is_set():
                    break
                self._end()
                lived = time.monotonic() - started
                failures, quick = failures + 1, quick + 1 if lived < QUICK else 0
                self.restarts += 1
                reason = reason_in(home / OUTPUT_NAME)
                deaths.record(home, deaths.Deaths(failures, reason, quick >= MOST_QUICK))
                self._note("restarted", seconds=lived, count=failures)
                if quick >= MOST_QUICK:
                    raise GaveUp(f"the engine's process died {quick} times within seconds: {reason}")
                self.stop.wait(PAUSES[min(failures - 1, len(PAUSES) - 1)])
        finally:
            self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        self._before()
        path = home_of(self.kit) / OUTPUT_NAME
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                self._command or flare_command(self.kit),
                cwd=empty_folder(home_of(self.kit)),
                env=isolated(self._environment, self.kit),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                preexec_fn=_prepare,
            )
        finally:
            os.close(descriptor)

    def _trim(self) -> None:
        """Keeps the output in bounds: who can connect can make FLARE write of it."""
        path = home_of(self.kit) / OUTPUT_NAME
        if path.exists() and path.stat().st_size > MAX_OUTPUT_BYTES:
            with suppress(OSError):  # a full disk above all needs the next line
                shutil.copy(path, path.with_suffix(".log.1"))  # with its permissions
            os.truncate(path, 0)  # whoever writes, appends

    def _end(self) -> None:
        """Ends the process and all that it started: its process group, and the jobs' groups."""
        process = self._process
        if process is None:
            return
        until = time.monotonic() + PATIENCE
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            while number == signal.SIGTERM and time.monotonic() < until and self._alive(process):
                time.sleep(0.05)
        process.wait()
        self._process = None
        end_leftovers(self.kit)

    @staticmethod
    def _alive(process: subprocess.Popen[bytes]) -> bool:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return False
        return True
