"""A member's side: follows the ledger, hands extensions to the state machine, takes its packets to the host.

A lost connection is waited out; whatever was under way is asked for again. A member that owes something and
was declined tries again when the ledger has grown, and now and then before.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from io import BytesIO

from proofward.encoding import decode
from proofward.engines.remote.carrying.caller import (
    PAUSES,
    Caller,
    Note,
    Stream,
    deliver,
)
from proofward.engines.remote.carrying.messages import (
    Extended,
    Follow,
    FollowHeads,
    Headed,
    NotYet,
    Unsigned,
)
from proofward.engines.remote.carrying.objects import RemoteObjects
from proofward.engines.remote.own_deadline import Overdue
from proofward.engines.remote.upload_slots import UploadSlots
from proofward.federation.history.progress.stopping import results
from proofward.federation.history.state.history_state import CLOSED, UPLOAD
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.parties.following.follower import Follower
from proofward.federation.parties.light_hospital import LightHospital

PATIENCE_MS = 4000
EAGER = 1.0
MOST_WHOLE = 1 << 22
"""Bytes of an extension after which there may be more already: the host shows twice as many at most, and an
entry has no more."""


class Link:
    """Joins one member to the host. Not thread-safe: one thread a member."""

    def __init__(
        self,
        member: Follower,
        caller: Caller,
        objects: RemoteObjects,
        note: Note = lambda kind, **fields: None,
        wishes: Callable[[], bool] = lambda: False,
        outdated: Callable[[], bool] = lambda: False,
        slots: UploadSlots | None = None,
    ) -> None:
        """`wishes`: takes what the operator asks for, and says whether it is new.

        `outdated`: whether to open anew. slots: 0 s if not given.
        """
        self.member = member
        self._caller = caller
        self._ask = caller.ask
        self._objects = objects
        self._note = note
        self._known: tuple[bool, int] | None = None
        self._closed = 0
        self._idle = 0
        self._owing = False
        self._wishes = wishes
        self._outdated = outdated
        self._slots = slots or UploadSlots(0)

    @property
    def done(self) -> bool:
        """Whether the member has seen the end, or refuses to go on."""
        return self.member.halted is not None or self.member.history.phase == CLOSED

    def run(self) -> None:
        """Until the end, or until it is outdated; raises Stopped."""
        while not self.done and not self._outdated():
            try:
                self.step()
            except Overdue:
                self.member.expire()
            except Refusal as refusal:  # an answer that makes no sense: another may
                self._note("declined", check=refusal.check, culprit=refusal.culprit)
                self._caller.pause(PAUSES[-1])
        if self.member.history.phase == CLOSED and self.member.history.closed:
            self._objects.keep_results(results(self.member.history, self.member.objects), self._note)

    def step(self) -> bool:
        """One question for new entries, and what follows from them; whether there were any."""
        more = False
        if self._wishes():
            self._known = None  # so that it is said at once
        before = light, known = self._place()
        patience, start = PATIENCE_MS if self._known == before else 0, time.monotonic()
        answer = self._ask(self._question(patience))
        self._slots.heard()
        if isinstance(answer, Headed if light else Extended):
            self._idle, self._owing = 0, False
            shown = answer.answer if isinstance(answer, Headed) else answer.extension
            more = isinstance(answer, Extended) and len(shown) > MOST_WHOLE
            for packet in self.member.work(shown, more):
                self._deliver(packet)
            if self._place() == before:  # refused, or the aggregator has stopped: nothing but to wait
                self._caller.pause(PAUSES[-1])
                self._known = None  # what it owes is said once the host says that nothing is new
                return False
        elif isinstance(answer, Unsigned) and isinstance(self.member, LightHospital):
            self.member.notice_unsigned()
        elif isinstance(answer, NotYet):
            self.member.at_end()
            if known and (self._known != before or self._try_again()):
                self._owing = False
                for packet in self.member.resume():
                    self._deliver(packet)
            elif patience and time.monotonic() - start < EAGER:  # the host did not wait
                self._caller.pause(EAGER)
        else:
            expected = "a head" if light else "an extension"
            raise Refusal("answer", TRANSPORT, expected, describe(type(answer).__name__))
        history, place = self.member.history, self._place()
        if history.phase == UPLOAD:
            self._slots.wanted(history.position())
        grown = place != self._known
        self._known = None if more else place  # what it owes is said once the host says that this is all
        if grown:
            self._clear_outbox()
        if len(history.closed) != self._closed:
            self._closed = len(history.closed)
            self._count()
            self._objects.keep_results(results(history, self.member.objects), self._note)
        return grown

    def _place(self) -> tuple[bool, int]:
        """Whether the member follows heads at the moment, and how many entries it knows."""
        wants = self.member.wants
        return wants.light, wants.known

    def _question(self, patience: int) -> Follow | FollowHeads:
        light, known = self._place()
        return FollowHeads(self.member.name, known, patience) if light else Follow(known, patience)

    def _try_again(self) -> bool:
        """Whether something did not get through and it is time again, more and more seldom."""
        self._idle += 1
        power_of_two = self._idle & (self._idle - 1) == 0
        return power_of_two and (self._owing or self._objects.lacking)

    def _count(self) -> None:
        """Says how many bytes crossed since the last time."""
        caller, name = self._caller, self.member.name
        counts = (("traffic sent", caller.bytes_out), ("traffic received", caller.bytes_in))
        for kind, count in counts:
            self._note(kind, party=name, round=self._closed, bytes=count)
        caller.bytes_out = caller.bytes_in = 0

    def _deliver(self, packet: bytes) -> None:
        if packet == b"":  # recorded already
            return
        parsed, note = parse(Packet, packet), partial(self._note, party=self.member.name)
        self._keep_to_slot(decode(parsed.envelope, Envelope))
        with ExitStack() as stack:
            objects = self._own_objects(parsed, stack)
            recorded = deliver(self._ask, parsed.envelope, objects, note)
        if not recorded:
            self._owing = True

    def _keep_to_slot(self, envelope: Envelope) -> None:
        """Waits with an upload until its time is there; raises Stopped."""
        if envelope.topic == Upload.kind:
            self._caller.pause(self._slots.delay((envelope.round, envelope.attempt)))

    def _clear_outbox(self) -> None:
        """Removes what it has made and no message that it may still send names, as the ledger has them."""
        member, outbox = self.member, self.member.outbox
        if outbox is None or not (kept := outbox.digests()):
            return
        sent = [decode(parse(Packet, data).envelope, Envelope) for data in member.state.packets() if data]
        position = member.history.position()
        due = [e for e in sent if e.record.roundless or (e.round, e.attempt) >= position]
        for digest in set(kept) - {digest for envelope in due for digest in envelope.record.objects()}:
            outbox.path(digest).unlink(missing_ok=True)

    def _own_objects(self, packet: Packet, stack: ExitStack) -> dict[bytes, Stream]:
        """What the packet's envelope names and this member has made: from the packet, or from its outbox."""
        found = {
            hashlib.sha256(data).digest(): Stream(BytesIO(data), 0, len(data)) for data in packet.attachments
        }
        outbox = self.member.outbox
        if outbox is not None:
            for digest in decode(packet.envelope, Envelope).record.objects():
                if digest not in found and digest in outbox:
                    file = stack.enter_context(outbox.path(digest).open("rb"))
                    found[digest] = Stream(file, 0, outbox.size(digest))
        return found
