"""The aggregator's side: answers members' requests, closes phases when all is in or their time is up.

`answer` may be called from any number of threads, `run` from one. All state is the aggregator's ledger and
the unfinished objects beside it; both survive a crash, and members ask again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Condition
from typing import Protocol

from proofward.encoding import encode
from proofward.engines.remote.agreement.home import STOPPED
from proofward.engines.remote.carrying.incoming import Incoming
from proofward.engines.remote.carrying.messages import (
    PIECE_BYTES,
    Answer,
    Extended,
    Fetch,
    FetchParts,
    Follow,
    FollowHeads,
    Headed,
    NotYet,
    Part,
    Piece,
    Recorded,
    Request,
    Say,
    Unsigned,
    Wanted,
)
from proofward.engines.remote.hosting.proved_parts import proved_parts
from proofward.engines.remote.hosting.shown import Shown
from proofward.federation.history.sharing.sealing_keys import require_whole
from proofward.federation.history.state.history_state import VERIFY, HistoryState
from proofward.federation.history.state.judges import passing, unjudged
from proofward.federation.messages.basics.refusal import TRANSPORT, FederationHalted, Refusal, require
from proofward.federation.messages.wire import Packet
from proofward.federation.parties.aggregator import Aggregator
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import write_file

MOST_PATIENCE, MOST_WAITING = 5.0, 64
BEAT, NOTING = 1.0, 5.0
UNSIGNED = 0.25
"""Of a phase's deadline: so long hospitals wait for signatures of its head before they read all entries."""
Note = Callable[..., None]


class Clock(Protocol):
    """Seconds that only grow."""

    def __call__(self) -> float: ...


class Host:
    """Serves one aggregator.

    A phase is closed with what has come after `deadline` seconds, counting only those in which it was served.
    `memory` is the file that keeps these seconds across restarts. `stuck` says why no round can be finished
    any more: it serves on, since verifiers may still vote for an end. `stopped` says the same when too few of
    them are left for that; then it ends, and leaves the file STOPPED beside `memory`.
    """

    def __init__(
        self,
        aggregator: Aggregator,
        incoming: Incoming,
        deadline: float,
        note: Note = lambda kind, **fields: None,
        clock: Clock = time.monotonic,
        memory: Path | None = None,
    ) -> None:
        self.aggregator = aggregator
        self.incoming = incoming
        self.deadline = deadline
        self.stopped: Refusal | None = None
        self.stuck: Refusal | None = None
        self._stuck_at = -1
        self._note = note
        self._clock = clock
        self._changed = Condition()
        self._waiting = 0
        self._shown = Shown(aggregator)
        self._phase: tuple[object, ...] = ()
        self._since = self._noted = clock()
        self._memory = memory

    @property
    def finished(self) -> bool:
        """Whether nothing more will be recorded."""
        return self.aggregator.finished or self.stopped is not None

    def answer(self, request: Request) -> Answer:
        """The answer; raises Refusal."""
        match request:
            case Follow() as follow:
                return self._follow(follow)
            case FollowHeads() as follow:
                return self._follow_heads(follow)
            case Say() as say:
                return self._say(say)
            case Part() as part:
                held = self.incoming.add(part)
                if held.complete and held.length:
                    self._note("object received", object=part.digest.hex(), bytes=held.length)
                return held
            case Fetch() as fetch:
                return self._fetch(fetch)
            case FetchParts() as fetch:
                return proved_parts(self.aggregator, fetch)
            case _:
                raise Refusal("request", TRANSPORT, "a request to the ledger's host", type(request).__name__)

    def _follow(self, request: Follow) -> Answer:
        history = self.aggregator.history
        if not self._awaited(lambda: history.size > request.since, request.patience):
            return NotYet("no new entries")
        if history.size == 0:
            return NotYet("the ledger has not begun")
        return Extended(self._shown.extension(request.since), self.finished)

    def _follow_heads(self, request: FollowHeads) -> Answer:
        known = request.known
        self._shown.require_heads(request.member)
        if not self._awaited(lambda: self._shown.newest_head > known, request.patience):
            size = self._shown.unsigned(known, self._clock(), UNSIGNED * self.deadline)
            return Unsigned(size) if size else NotYet("no newer head that enough verifiers have signed")
        with self._changed:  # the head that is shown is not replaced meanwhile
            return Headed(self.aggregator.light_answer(request.member, known), self.finished)

    def _awaited(self, there: Callable[[], bool], patience: int) -> bool:
        """Whether something has come, or nothing more will, within so many milliseconds."""
        until = time.monotonic() + min(patience / 1000, MOST_PATIENCE)
        with self._changed:
            self._waiting += 1
            try:
                while not there() and not self.finished:
                    left = until - time.monotonic()
                    if left <= 0 or self._waiting > MOST_WAITING:
                        return False
                    self._changed.wait(left)
            finally:
                self._waiting -= 1
        return True

    def _say(self, request: Say) -> Answer:
        history = self.aggregator.history
        digest = hashlib.sha256(request.envelope).digest()
        if digest in history.recorded:
            return Recorded()
        history.open(request.envelope)  # whatever no member has signed holds nobody up
        with self._changed:
            if digest in history.recorded:
                return Recorded()
            bare = encode(Packet(request.envelope, ()))
            try:
                envelope = self.aggregator.judge(request.envelope)
            except Refusal:
                self.aggregator.handle(bare)  # keeps the evidence, if it is any
                self._changed.notify_all()
                raise
            missing = self.incoming.missing(envelope)
            if missing:
                return Wanted(missing)
            try:
                require_whole(envelope.sender, envelope.record, self.incoming.read)
            except Refusal:
                self.incoming.forget(envelope)
                raise
            self.incoming.settle(envelope)
            self.aggregator.handle(bare)
            self._changed.notify_all()
            require(digest in history.recorded, "record", TRANSPORT, "a recorded message", "another")
            return Recorded()

    def _fetch(self, request: Fetch) -> Answer:
        try:
            with self.aggregator.ledger.object_path(request.digest).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(min(request.offset, size))
                return Piece(size, file.read(PIECE_BYTES))
        except (OSError, LedgerError) as error:
            raise Refusal("object-missing", TRANSPORT, request.digest.hex(), "nothing") from error

    def run(self, stop: Callable[[], bool]) -> None:
        """Until the federation is closed or stopped, or `stop()`."""
        if self._memory is not None:
            self._memory.with_name(STOPPED).unlink(missing_ok=True)
        with self._changed:
            while not self.finished and not stop():
                size = self.aggregator.history.size
                self._tend()
                if self.aggregator.history.size != size:
                    self._changed.notify_all()
                    continue
                self._changed.wait(BEAT)
            self._changed.notify_all()

    def _tend(self) -> None:
        aggregator, history = self.aggregator, self.aggregator.history
        if self._stuck_at == history.size:
            return
        try:
            aggregator.advance()
            self.stuck, self._stuck_at = None, -1
        except FederationHalted as halt:
            self._cannot_go_on(halt.reason)
            return
        phase = (history.phase, *history.position())
        if phase != self._phase:
            served = 0.0 if self._phase else self._served(phase)
            self._phase, self._noted = phase, self._clock()
            self._since = self._noted - served
        elif self._clock() - self._since > self.deadline:
            self._since = self._clock()
            name = history.phase
            if not enough(history):
                self._note("waiting", phase=name, check="participants")
                return
            try:
                aggregator.advance(expired=True)
                moved = (history.phase, *history.position()) != phase
                check = {} if moved else {"check": "participants"}
                self._note("deadline" if moved else "waiting", phase=name, **check)
            except FederationHalted as halt:  # too few have come: they may still come
                self._note("waiting", phase=name, check=halt.reason.check)
        elif self._clock() - self._noted > NOTING:
            self._keep_served()

    def _cannot_go_on(self, reason: Refusal) -> None:
        """Waits for an end by vote, or stops where too few verifiers are left for one."""
        history = self.aggregator.history
        known, self.stuck, self._stuck_at = self.stuck, reason, history.size
        if len(history.active(history.rules.verifiers)) >= history.rules.accepting_verdicts:
            if known != reason:
                self._note("waiting for an end", level="error", check=reason.check, phase=history.phase)
            return
        self._note("stopped for good", level="error", check=reason.check, phase=history.phase)
        if self._memory is not None:
            mark = self._memory.with_name(STOPPED)
            with suppress(OSError):  # the log has it, too
                write_file(mark, str(reason).encode(), mark.with_suffix(".tmp"), 0o600)
        self.stopped = reason

    def _served(self, phase: tuple[object, ...]) -> float:
        """Seconds for which an earlier process has served this phase."""
        try:
            seconds, *noted = self._memory.read_text().split("\n") if self._memory else ("0",)
            same = noted == [str(part) for part in phase]
            return min(max(float(seconds), 0.0), self.deadline) if same else 0.0
        except (OSError, ValueError):
            return 0.0

    def _keep_served(self) -> None:
        self._noted = self._clock()
        if self._memory is not None:
            lines = (f"{self._noted - self._since:.1f}", *self._phase)
            with suppress(OSError):  # at worst the phase stays open for longer
                write_file(
                    self._memory, "\n".join(map(str, lines)).encode(), self._memory.with_suffix(".tmp"), 0o600
                )


def enough(history: HistoryState) -> bool:
    """Whether there is a way on when the present phase is closed with what has come.

    The ledger lets the phase of the verdicts be closed with too few and stops afterwards, while who is late
    may still come.
    """
    rules = history.rules
    if history.phase == VERIFY:
        found = rules.holders_among(passing(history))
        return len(found) >= rules.minimum_updates or unjudged(history) != ()
    return True
