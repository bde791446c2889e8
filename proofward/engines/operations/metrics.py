"""Numbers for Prometheus, read off the file that `event_log` writes.

They are a function of the file: a process that writes it may stop and start, and so may the one that serves
the numbers. What the file says is not trusted: labels come from fixed lists or a bounded number of names.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from proofward.catalogue.problems import PROBLEMS
from proofward.catalogue.refusals import REFUSALS
from proofward.engines.operations.event_log import KEPT, rotated
from proofward.federation.history.state import history_state as phases
from proofward.federation.messages.basics.refusal import TRANSPORT
from proofward.federation.messages.records import catalogue as messages

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

OTHER = "other"
MAX_PARTIES = 128
MAX_ROUND, MAX_SECONDS, MAX_BYTES = 1 << 20, 1e7, 1 << 50
MAX_LINE, CHUNK = 1 << 16, 1 << 18
POLL_SECONDS = 0.5
BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
NEXT_PHASE: dict[str, str] = {
    messages.FederationOpened.kind: phases.ENROLMENT, messages.EnrolmentClosed.kind: phases.DEAL,
    messages.DealsClosed.kind: phases.VOUCH, messages.VouchesClosed.kind: phases.REVEAL,
    messages.BeaconFixed.kind: phases.BETWEEN, messages.RoundOpened.kind: phases.KEYS,
    messages.KeysClosed.kind: phases.UPLOAD, messages.UploadsClosed.kind: phases.VERIFY,
    messages.VerdictsClosed.kind: phases.SHARES, messages.AttemptRestarted.kind: phases.BETWEEN,
    messages.AcceptedSet.kind: phases.CONSENT, messages.Lock.kind: phases.LOCK,
    messages.ShareSum.kind: phases.UNMASK,
    messages.SetWithdrawn.kind: phases.ABANDON, messages.Aggregate.kind: phases.CONFIRM,
    messages.StatefulAggregate.kind: phases.CONFIRM,
    messages.RoundClosed.kind: phases.BETWEEN, messages.FederationClosed.kind: phases.CLOSED,
    messages.FederationEnded.kind: phases.CLOSED,
}  # fmt: skip
PROVED = (messages.Enrolment.kind, messages.Upload.kind)
VERDICTS = ("accepted", "refused", "upheld", "dismissed")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")


class MetricsUnavailable(Exception):
    """The optional dependency of the metrics is not installed."""


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError as error:
        raise MetricsUnavailable("the metrics need it: pip install prometheus-client") from error
    return prometheus_client


def _whole(value: object, most: int) -> int | None:
    return value if type(value) is int and 0 <= value <= most else None


def _admit(name: object, names: set[str]) -> str:
    """The name, for which there has to be room among those known; else OTHER."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return OTHER
    if len(names) < MAX_PARTIES:
        names.add(name)
    return name if name in names else OTHER


class Metrics:
    """The numbers; `take` is for one thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Raises MetricsUnavailable."""
        client = _client()

        def counter(name: str, text: str, *labels: str) -> Any:
            return client.Counter(f"proofward_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Any:
            return client.Gauge(f"proofward_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str) -> Any:
            labels = ("party", "subject")
            return client.Histogram(f"proofward_{name}", text, labels, registry=registry, buckets=BUCKETS)

        self._closed = counter("rounds_closed", "Rounds that are closed")
        self._round = gauge("round", "Number of the latest round")
        self._phase = gauge("phase", "1 for the phase of the federation, by what is recorded", "phase")
        self._proofs = histogram("proof_seconds", "Duration of proofs, training included")
        self._verifications = histogram("verification_seconds", "Duration of verifications")
        self._aggregations = histogram("aggregation_seconds", "Duration of computing a round's sum, or again")
        self._refusals = counter("refusals", "What was refused", "check", "culprit")
        self._verdicts = counter("verdicts", "Verdicts reached", "outcome")
        self._unable = counter("unable", "Times that a hospital could not prove")
        self._received = counter("received_bytes", "Bytes of objects received")
        self._restarts = counter("restarts", "Starts of parties or sites after their first")
        self._problems = gauge("problem", "What the operator has to do something about, by name", "check")
        self._problems_of: dict[str, set[str]] = {}
        self._malformed = counter("malformed_lines", "Lines of the log that are none")
        self._last = gauge("last_event_timestamp_seconds", "Time of the latest line, since 1970")
        self._parties: set[str] = set()
        self._culprits: set[str] = {TRANSPORT}
        self._started: set[str] = set()
        self._highest, self._latest, self._now = 0, 0.0, phases.BEFORE
        for phase in (phases.BEFORE, *phases.ANY_PHASE, phases.CLOSED):
            self._phase.labels(phase).set(phase == self._now)

    def take(self, line: object) -> None:
        """Takes a line as `event_log` writes it; anything else is counted as malformed. Never raises."""
        if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
            self._malformed.inc()
            return
        self._time(line.get("time"))
        kind, subject, number = line["kind"], str(line.get("subject")), _whole(line.get("round"), MAX_ROUND)
        if kind == "recorded":
            self._recorded(subject, number)
        elif kind == "proved":
            self._spent(self._proofs, line, subject if subject in PROVED else OTHER)
        elif kind == "verified":
            judged = messages.Upload.kind if number else messages.Enrolment.kind
            self._spent(self._verifications, line, "complaint" if " against " in subject else judged)
            outcome = line.get("outcome")
            self._verdicts.labels(str(outcome) if outcome in VERDICTS else OTHER).inc()
        elif kind == "share checked":
            self._spent(self._verifications, line, "share")
        elif kind in ("aggregated", "confirmed"):
            self._spent(self._aggregations, line, "sum" if kind == "aggregated" else "confirmation")
        elif kind in ("refused", "halted", "declined"):
            check, culprit = line.get("check"), line.get("culprit")
            known = check if isinstance(check, str) and check in REFUSALS else OTHER
            party = culprit if isinstance(culprit, str) and culprit in self._parties else None
            self._refusals.labels(known, party or _admit(culprit, self._culprits)).inc()
        elif kind in ("problem", "problem over"):
            check = line.get("check")
            known = check if isinstance(check, str) and check in PROBLEMS else OTHER
            subjects = self._problems_of.setdefault(known, set())
            subject = _admit(line.get("subject"), self._parties)
            (subjects.add if kind == "problem" else subjects.discard)(subject)
            self._problems.labels(known).set(len(subjects))
        elif kind == "unable":
            self._unable.inc()
        elif kind in ("received", "object received"):
            self._received.inc(_whole(line.get("bytes"), MAX_BYTES) or 0)
        elif kind == "started":
            before = len(self._started)
            _admit(line.get("party") or line.get("site") or "unnamed", self._started)
            self._restarts.inc(len(self._started) == before)

    def _time(self, text: object) -> None:
        with suppress(ValueError, OverflowError, OSError):
            moment = datetime.fromisoformat(text).timestamp() if isinstance(text, str) else 0.0
            self._latest = max(self._latest, moment)
            self._last.set(self._latest)

    def _recorded(self, topic: str, number: int | None) -> None:
        if topic == messages.FederationOpened.kind:
            self._highest = 0
        elif topic == messages.RoundClosed.kind and number is not None and number > self._highest:
            self._closed.inc(number - self._highest)
            self._highest = number
        if topic == messages.RoundOpened.kind and number is not None:
            self._round.set(number)
        if topic in NEXT_PHASE:
            self._phase.labels(self._now).set(0)
            self._now = NEXT_PHASE[topic]
            self._phase.labels(self._now).set(1)

    def _spent(self, histogram: Any, line: dict[str, object], subject: str) -> None:
        seconds = line.get("seconds")
        if isinstance(seconds, int | float) and 0 <= seconds <= MAX_SECONDS:
            histogram.labels(_admit(line.get("party"), self._parties), subject).observe(seconds)


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


class Tail:
    """Follows a log from its oldest file on, across renaming, by whole lines. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        """The file need not exist yet."""
        self.path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def lines(self) -> Iterator[bytes]:
        """The lines that are new since the last call, without their ends."""
        while self._file is not None or self._advance():
            yield from self._read()
            if self._place(self._files()) == 0:
                return
            # Writers write under a lock and never to a file that is renamed: what it holds now is all of it.
            yield from self._read()
            torn, self._rest = self._rest, b""
            if torn:
                yield torn
            if not self._advance():
                return

    def close(self) -> None:
        """Ends the use of the file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _read(self) -> Iterator[bytes]:
        assert self._file is not None
        if os.fstat(self._file.fileno()).st_size < self._file.tell():  # emptied by somebody
            self._file.seek(0)
            self._rest = b""
        while chunk := self._file.read(CHUNK):
            *whole, rest = (self._rest + chunk).split(b"\n")
            self._rest = rest[: MAX_LINE + 1]
            yield from whole

    def _files(self) -> list[tuple[int, int] | None]:
        found: list[tuple[int, int] | None] = [None] * (KEPT + 1)
        for number in range(KEPT + 1):
            with suppress(FileNotFoundError):
                found[number] = _identity(os.stat(rotated(self.path, number)))
        return found

    def _place(self, files: list[tuple[int, int] | None]) -> int | None:
        """Number under which the open file is found."""
        own = _identity(os.fstat(self._file.fileno())) if self._file is not None else None
        return files.index(own) if own is not None and own in files else None

    def _advance(self) -> bool:
        """Opens the file after the open one, or the oldest; whether there is one."""
        while True:
            files = self._files()
            place, since = self._place(files), -1
            if self._file is not None and place is None:  # too old to be kept: on with what is younger
                since = os.fstat(self._file.fileno()).st_mtime_ns
            for number in range(KEPT if place is None else place - 1, -1, -1):
                with suppress(FileNotFoundError), open(rotated(self.path, number), "rb", buffering=0) as file:
                    stat = os.fstat(file.fileno())
                    if self._files() != files or _identity(stat) != files[number]:
                        break
                    if stat.st_mtime_ns > since:
                        self.close()
                        self._file = os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
                        return True
            else:
                return False


def feed(metrics: Metrics, tail: Tail) -> None:
    """Takes what is new in the log."""
    for data in tail.lines():
        try:
            line = json.loads(data) if len(data) <= MAX_LINE else None
        except (ValueError, RecursionError):
            line = None
        metrics.take(line)


class Served:
    """An endpoint and the thread that follows the log."""

    def __init__(self, metrics: Metrics, tail: Tail, server: Any, thread: threading.Thread) -> None:
        self.port = int(server.server_port)
        self._metrics, self._tail, self._server = metrics, tail, server
        self._stop = threading.Event()
        self._threads = (thread, threading.Thread(target=self._follow, daemon=True))
        self._threads[1].start()

    def _follow(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            with suppress(OSError):
                feed(self._metrics, self._tail)

    def close(self) -> None:
        """Ends both."""
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()
        self._tail.close()


def serve(log: Path, port: int, address: str = "127.0.0.1") -> Served:
    """Serves a log's numbers, read before the first answer; port 0 takes a free one. Raises as `_client`."""
    client = _client()
    registry = client.CollectorRegistry()
    metrics, tail = Metrics(registry), Tail(log)
    feed(metrics, tail)
    server, thread = client.start_http_server(port, address, registry)
    return Served(metrics, tail, server, thread)
