"""The courier of a gateway: delivers air-gapped members' bundles, fetches what they are to be brought.

It runs in the process of a connected site, on a thread of its own, and does nothing as long as no bundle has
been accepted there (`gateway`). What goes wrong with it is noted and tried again; the site's own members do
not depend on it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

from proofward.encoding import encode
from proofward.engines.remote.agreement.home import Home, HomeError
from proofward.engines.remote.carrying.caller import Caller, Carry, Stopped, Stream, deliver
from proofward.engines.remote.carrying.messages import Assembled, Declined, Extended, Follow, Join
from proofward.engines.remote.carrying.objects import RemoteObjects
from proofward.engines.remote.memory_sticks.awaited import awaits, needed_objects
from proofward.engines.remote.memory_sticks.bundle import Bundle
from proofward.engines.remote.memory_sticks.gateway import (
    EXTENSIONS,
    GATEWAY,
    JOINS,
    MAX_EXTENSIONS,
    REPLY,
    Extensions,
    Gateway,
    Order,
    Reply,
)
from proofward.federation.history.history import History
from proofward.federation.history.state import history_state as phases
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal
from proofward.federation.messages.wire import open_extension
from proofward.federation.storage.object_sizes import MAX_PROOF_BYTES
from proofward.lattice.parameters import ciphertext_length
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import sync_directory

Note = Callable[..., None]
PATIENCE_MS = 1000
PAUSE = 0.5
FAREWELL, BEAT = 60.0, 0.1
FAILURES = (Refusal, HomeError, LedgerError, OSError)


class Courier:
    """Works between `start` and `finish`. carry: see `caller.Caller`."""

    def __init__(self, home: Home, carry: Carry, note: Note = lambda kind, **fields: None) -> None:
        self._home = home
        self._note = note
        self._stop, self._ending = Event(), Event()
        self._caller = Caller(carry, self._stop, note)
        self._history: History | None = None
        self._tried: dict[Path, int] = {}
        self._fetched: dict[str, tuple[Order | None, int]] = {}
        self._thread = Thread(target=self._run, name="courier")

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def finish(self, stop: Event, patience: float = FAREWELL) -> None:
        """Lets the last entries be fetched, if they come within so many seconds and before `stop` is set."""
        self._ending.set()
        until = time.monotonic() + (patience if any(self._gateways()) else 0.0)
        while self._thread.is_alive() and not stop.is_set() and time.monotonic() < until:
            self._thread.join(BEAT)
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        said = ""
        while not self._stop.is_set() and not (self._ending.is_set() and self._idle()):
            try:
                self.step()
                said = ""
            except Stopped:
                return
            except FAILURES as error:
                check = error.check if isinstance(error, Refusal) else type(error).__name__
                if check != said:
                    self._note("courier failed", check=check)
                said = check
                self._stop.wait(PAUSE)

    def _gateways(self) -> Iterator[Gateway]:
        if not (self._home.root / GATEWAY).exists():
            return
        for seat in self._home.terms.seats:
            gateway = Gateway(self._home, seat.member)
            if gateway.present:
                yield gateway

    def _idle(self) -> bool:
        at_end = self._history is not None and self._history.phase == phases.CLOSED
        waiting = [gateway for gateway in self._gateways() if not at_end or not self._is_fetched(gateway)]
        return not waiting

    def step(self) -> None:
        """Delivers what waits, waits a moment for new entries, fetches; raises what `_run` catches."""
        gateways, rules = list(self._gateways()), self._home.rules
        if gateways and rules is not None and self._history is None:
            self._history = History(rules)
        history = self._history
        failures: list[Exception] = []
        for gateway in gateways:
            with self._apart(failures):
                if history is not None:
                    self._follow(history, 0)
                self._deliver(gateway)
        if history is None or history.phase == phases.CLOSED:
            self._stop.wait(PAUSE)
        else:
            self._follow(history, PATIENCE_MS)
        if history is not None:
            for gateway in gateways:
                with self._apart(failures):
                    self._fetch(gateway, history)
        if failures:
            raise failures[0]

    @staticmethod
    @contextmanager
    def _apart(failures: list[Exception]) -> Iterator[None]:
        """What goes wrong with one member's folder does not keep the others from theirs."""
        try:
            yield
        except FAILURES as failure:
            failures.append(failure)

    def _deliver(self, gateway: Gateway) -> None:
        waiting = gateway.outbox()
        size = 0 if self._history is None else self._history.size
        for path in waiting:
            if self._tried.get(path) == size:
                continue
            if self._delivered(gateway, Bundle.read(path)) or path != waiting[-1]:
                path.unlink()
                sync_directory(path.parent)
                self._tried.pop(path, None)
            elif size:
                self._tried[path] = size

    def _delivered(self, gateway: Gateway, bundle: Bundle) -> bool:
        """Whether nothing of a bundle remains to be said."""
        note, done = partial(self._note, party=gateway.member), True
        for request in bundle.joins:
            answer = self._caller.ask(Join(request))
            if isinstance(answer, Assembled):
                gateway.write(JOINS, encode(answer))
                continue
            done = False
            if isinstance(answer, Declined):
                note("declined", check=answer.check, culprit=answer.culprit)
        with bundle.streams() as objects:
            for envelope in bundle.envelopes:
                done = self._say(envelope, objects, note) and done
        return done

    def _say(self, envelope: bytes, objects: Mapping[bytes, Stream], note: Note) -> bool:
        """Whether an envelope is recorded.

        An envelope that comes too late is not said: it would be recorded as refused, against the member.
        """
        if self._history is None or hashlib.sha256(envelope).digest() in self._history.recorded:
            return self._history is not None
        try:
            self._history.judge(envelope)
        except Refusal as refusal:
            note("declined", check=refusal.check, culprit=refusal.culprit)
            return False
        return deliver(self._caller.ask, envelope, objects, note)

    def _follow(self, history: History, patience: int) -> None:
        answer = self._caller.ask(Follow(history.size, patience))
        if isinstance(answer, Extended):
            self._take(history, answer.extension)

    @staticmethod
    def _take(history: History, data: bytes) -> int:
        """Applies what is new in an extension; the entry up to which it goes."""
        extension = open_extension(data, history.rules)
        known = history.size - extension.first
        for entry in extension.entries[known:] if known >= 0 else ():
            history.apply(entry)
        return extension.first + len(extension.entries)

    def _extensions(self, history: History, size: int) -> tuple[list[bytes], int]:
        """The ledger from shortly before entry `size` on, and up to which entry."""
        extensions: list[bytes] = []
        end = max(size - 1, 0)
        while len(extensions) < MAX_EXTENSIONS:
            answer = self._caller.ask(Follow(end, 0))
            if not isinstance(answer, Extended):
                break
            before, end = end, self._take(history, answer.extension)
            if end <= before:
                break
            extensions.append(answer.extension)
        return extensions, end

    def _is_fetched(self, gateway: Gateway) -> bool:
        size = 0 if self._history is None else self._history.size
        return self._fetched.get(gateway.member) == (gateway.order(), size)

    def _fetch(self, gateway: Gateway, history: History) -> None:
        """Brings the answer up to date with the order and the ledger."""
        order = gateway.order()
        untried = any(path not in self._tried for path in gateway.outbox())
        if order is None or untried or self._is_fetched(gateway):
            return
        if order.size > history.size:
            raise Refusal("ledger-gap", TRANSPORT, f"at most {history.size} entries", str(order.size))
        extensions, end = self._extensions(history, order.size)
        if not extensions:
            return
        objects = self._objects(gateway, order, history)
        with gateway.lock(0.0):
            if gateway.order() != order:
                return
            awaited = end < history.size or awaits(history, gateway.member)
            position = (end, history.position()[0], history.phase)
            gateway.write(EXTENSIONS, encode(Extensions(tuple(extensions))))
            gateway.write(REPLY, encode(Reply(order.number, *position, awaited, tuple(sorted(objects)))))
            RemoteObjects(gateway.objects, self._caller.ask).keep_only(objects)
        self._fetched[gateway.member] = (order, history.size)
        self._note("answer ready", party=gateway.member, phase=history.phase)

    def _objects(self, gateway: Gateway, order: Order, history: History) -> set[bytes]:
        """Fetches what the member needs and does not have; without what the host does not have either."""
        holds, lacks = set(order.asked.holds), set(order.asked.lacks)
        most = max(MAX_PROOF_BYTES, 8 * ciphertext_length(history.rules.most_entries))
        source = RemoteObjects(gateway.objects, self._caller.ask, most)
        found = set()
        for digest in sorted((needed_objects(history, gateway.member) - holds) | lacks):
            try:
                source.open(digest).close()
                found.add(digest)
            except LedgerError:
                self._note("courier failed", party=gateway.member, check="object-missing")
        return found
