"""The courier of a gateway: delivers air-gapped members' bundles, fetches what they are to be brought.

It runs in the process of a connected site, on a thread of its own, and does nothing as long as no bundle has
been accepted there (`gateway`). What goes wrong with it is noted and tried again; the site's own members do
not depend on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Event, Thread

from proofward.encoding import encode
from proofward.engines.remote.bundle import Bundle
from proofward.engines.remote.gateway import (
    EXTENSIONS,
    GATEWAY,
    JOINS,
    MAX_EXTENSIONS,
    ORDER,
    REPLY,
    Extensions,
    Gateway,
    Order,
    Reply,
)
from proofward.engines.remote.home import Home, HomeError
from proofward.engines.remote.link import Caller, Carry, Stopped, Stream, deliver
from proofward.engines.remote.messages import Assembled, Declined, Extended, Follow, Join
from proofward.engines.remote.objects import RemoteObjects
from proofward.federation import history_state as phases
from proofward.federation.history import History
from proofward.federation.refusal import TRANSPORT, Refusal
from proofward.federation.round_state import RoundState
from proofward.federation.rules import HOSPITAL
from proofward.federation.wire import open_extension
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import sync_directory

Note = Callable[..., None]
PATIENCE_MS = 1000
PAUSE = 0.5
FAREWELL = 8.0


class Courier:
    """Works between `start` and `finish`. carry: see `link.Caller`."""

    def __init__(self, home: Home, carry: Carry, note: Note = lambda kind, **fields: None) -> None:
        self._home = home
        self._note = note
        self._stop, self._ending = Event(), Event()
        self._caller = Caller(carry, self._stop, note)
        self._history: History | None = None
        self._tried: dict[Path, int] = {}
        self._fetched: dict[str, tuple[bytes | None, int]] = {}
        self._thread = Thread(target=self._run, name="courier")

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def finish(self, patience: float = FAREWELL) -> None:
        """Lets the last entries be fetched, if there is an end of the federation within so many seconds."""
        self._ending.set()
        self._thread.join(patience if any(self._gateways()) else 0.0)
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
            except (Refusal, HomeError, LedgerError, OSError) as error:
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
        for gateway in gateways:
            if history is not None:
                self._follow(history, 0)
            self._deliver(gateway)
        if history is None or history.phase == phases.CLOSED:
            self._stop.wait(PAUSE)
        else:
            self._follow(history, PATIENCE_MS)
        if history is not None:
            for gateway in gateways:
                self._fetch(gateway, history)

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
        """Whether an envelope is recorded. One that comes too late is not said: it would be recorded as
        refused, against the member.
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
        return self._fetched.get(gateway.member) == (gateway.read(ORDER), size)

    def _fetch(self, gateway: Gateway, history: History) -> None:
        """Brings the answer up to date with the order and the ledger."""
        order = gateway.order()
        untried = any(path not in self._tried for path in gateway.outbox())
        if order is None or untried or self._is_fetched(gateway):
            return
        asked = gateway.read(ORDER)
        if order.size > history.size:
            raise Refusal("ledger-gap", TRANSPORT, f"at most {history.size} entries", str(order.size))
        extensions, end = self._extensions(history, order.size)
        if not extensions:
            return
        objects = self._objects(gateway, order, history)
        with gateway.lock(0.0):
            if gateway.read(ORDER) != asked:
                return
            awaited = end < history.size or awaits(history, gateway.member)
            position = (end, history.position()[0], history.phase)
            gateway.write(EXTENSIONS, encode(Extensions(tuple(extensions))))
            gateway.write(REPLY, encode(Reply(order.number, *position, awaited, tuple(sorted(objects)))))
            RemoteObjects(gateway.objects, self._caller.ask).keep_only(objects)
        self._fetched[gateway.member] = (asked, history.size)
        self._note("answer ready", party=gateway.member, phase=history.phase)

    def _objects(self, gateway: Gateway, order: Order, history: History) -> set[bytes]:
        """Fetches what the member needs and does not have; without what the host does not have either."""
        holds, lacks = set(order.asked.holds), set(order.asked.lacks)
        source = RemoteObjects(gateway.objects, self._caller.ask)
        found = set()
        for digest in sorted((needed_objects(history, gateway.member) - holds) | lacks):
            try:
                source.open(digest).close()
                found.add(digest)
            except LedgerError:
                self._note("courier failed", party=gateway.member, check="object-missing")
        return found


def needed_objects(history: History, member: str) -> set[bytes]:
    """Objects without which a member cannot do what it owes in the present phase, and the model."""
    rules, state = history.rules, history.current
    hospital = rules.named(HOSPITAL).index(member) if member in rules.hospitals else None
    objects = {history.model}
    if hospital is None:
        judged = {about for verifier, about in history.enrolment_verdicts if verifier == member}
        objects |= {said.record.proof for name, said in history.enrolments.items() if name not in judged}
    if state is None:
        return objects
    objects.add(state.model)
    sealed = [state.uploads[dealer].record.sealed_shares for dealer in state.passed]
    if hospital is not None and history.phase in (phases.SHARES, phases.ENDORSE, phases.UNMASK):
        objects |= {digests[hospital] for digests in sealed if digests[hospital]}
    if hospital is None and history.phase in (phases.UPLOAD, phases.VERIFY):
        for name, said in state.uploads.items():
            if (member, name) not in state.verdicts:
                objects |= {said.record.ciphertext, said.record.proof}
    if hospital is None and history.phase == phases.SHARES:
        for holder, dealer in state.complaints:
            objects.add(state.uploads[dealer].record.sealed_shares[rules.holder(holder)])
    if history.phase == phases.CONFIRM and state.accepted is not None:
        accepted = state.accepted.record.hospitals
        objects |= {state.uploads[name].record.ciphertext for name in accepted}
        objects |= {said.values for said in state.share_sums.values()}
    return objects - {b""}


def awaits(history: History, member: str) -> bool:
    """Whether the present phase waits for a message of this member, so that a trip is due."""
    state = history.current
    if member in history.revoked:
        return False
    verifier = member in history.rules.verifiers
    if history.phase == phases.ENROLMENT:
        judged = {about for by, about in history.enrolment_verdicts if by == member}
        return bool(set(history.enrolments) - judged) if verifier else member not in history.enrolments
    return state is not None and member in state.participants and _awaits(history, state, member, verifier)


def _awaits(history: History, state: RoundState, member: str, verifier: bool) -> bool:
    committed = member in state.committed
    match history.phase:
        case phases.COMMIT:
            return member not in state.commitments
        case phases.REVEAL:
            return committed and member not in state.nonces
        case phases.UPLOAD | phases.VERIFY if verifier:
            return any((member, name) not in state.verdicts for name in state.uploads)
        case phases.UPLOAD:
            return committed and member not in state.uploads
        case phases.SHARES if verifier:
            return any((member, *pair) not in state.complaint_verdicts for pair in state.complaints)
        case phases.SHARES:
            return committed and member not in state.checked
        case phases.ENDORSE | phases.UNMASK if verifier:
            return member not in state.endorsements
        case phases.UNMASK if state.accepted is not None:
            ready = state.ready_holders(state.accepted.record.hospitals)
            return member in ready and member not in state.share_sums
        case phases.CONFIRM:
            return member not in state.confirmations
    return False
