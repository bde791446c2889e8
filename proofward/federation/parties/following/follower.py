"""A member that follows the ledger: verifies every extension, keeps a durable copy, and does what it owes.

What a member owes is a function of the ledger and of what it has stored, not of the message that just came:
after a crash it reloads both and goes on. Whatever it sends is stored first, and a repeated duty sends the
same bytes. After a start it says nothing new before it has followed the ledger once (see `own_words`).

Which secrets it still needs is a function of the same two: all others are erased after every step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from proofward.encoding import encode
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import ANY_PHASE, CLOSED, HistoryState
from proofward.federation.history.state.slots import slot, slot_of
from proofward.federation.history.steps.membership import may_vote
from proofward.federation.messages.basics.clock import CLOCK_SLACK, in_utc
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.events import Event
from proofward.federation.messages.light_answers import Wanted
from proofward.federation.messages.randomness import ByteSource
from proofward.federation.messages.records.catalogue import Message, RevocationVote
from proofward.federation.messages.wire import Extension, Packet, open_extension
from proofward.federation.parties.equipment.surroundings import Surroundings
from proofward.federation.parties.following.extension import applied, fresh_entries
from proofward.federation.parties.following.identity import Identity
from proofward.federation.parties.following.own_words import OwnWords
from proofward.federation.parties.following.starting import started
from proofward.federation.storage.objects import Objects
from proofward.ledger.keys import SigningKey

OF_OBJECTS = ("object-missing", "object-digest", "object-part")
PASSING = (*OF_OBJECTS, "ledger-truncated", "message-dropped", "key-replaced")
REASON = 400


class Follower:
    """Base of hospitals and verifiers; `expire` erases secrets past the deadline of the `expiring` phases."""

    expiring: tuple[str, ...] = ()
    may_be_admitted = False  # whether the rules need not name it: it says nothing before it is admitted

    def __init__(
        self, name: str, key: SigningKey, around: Surroundings, next_key: SigningKey | None = None
    ) -> None:
        """Reloads the state.

        Raises Refusal if the stored ledger is damaged, or if neither key is the one that the ledger has for
        this member as far as it has followed it. `next_key` is the key to change to. Both may be given as
        long as it is not known which one is in force.
        """
        self.name = name
        self.rules = around.rules
        self.state = around.state
        self.objects = Objects(around.objects, around.rules.aggregator)
        self.proofs = around.proofs
        self.observe = around.observe
        self.outbox = around.outbox
        self._randomness = around.randomness
        self._clock = around.clock
        self._began = around.clock()
        self.data_sheet = around.data_sheet
        self._attest = around.attest
        member = self.rules.find(name)
        require(member is not None or self.may_be_admitted, "key", name, "a member of the consortium", name)
        self.role = HOSPITAL if member is None else member.role
        self.history: HistoryState
        self.history, self._snapshot = started(name, self.rules, self.state, self.observe)
        self.identity = Identity(name, key, next_key, self.history, self.state, around.clock)
        self._own = OwnWords(name, self.state)
        self._followed = False
        self.halted: Refusal | None = None
        if (stored := self.state.fact("halted")) is not None:
            self.halted = Refusal(*stored.decode().split("\n", 3))

    @property
    def wants(self) -> Wanted:
        """What to ask the host for next."""
        return Wanted(light=False, known=self.history.size)

    def handle(self, message: bytes) -> list[bytes]:
        """Takes an extension of the ledger; returns packets for the aggregator.

        Never raises for what comes in.
        """
        return list(self.work(message))

    def work(self, message: bytes, more: bool = False) -> Iterator[bytes]:
        """`handle`, one packet at a time; nothing is said where `more` entries are there already."""
        if self.halted is not None:
            return
        try:
            self._follow(open_extension(message, self.rules))
            if more:
                return
            self.at_end()
        except Refusal as refusal:
            self._refuse(refusal, message)
            return
        yield from self.resume()

    def at_end(self) -> None:
        """The ledger has been followed as far as the host has it: from now on this member speaks."""
        self._followed = True

    def kept_secrets(self) -> set[str]:
        """Names of the secrets that are still needed, as the ledger is and after what was said."""
        return set()

    def erase(self) -> None:
        """Erases every secret that is not needed any more."""
        ended = self.halted is not None or self.history.phase == CLOSED or self.name in self.history.revoked
        self.state.secrets.keep_only(set() if ended else self.kept_secrets())

    def expire(self) -> None:
        """Tells the member that the deadline of the present phase has passed.

        Secrets that only this phase needed are erased, and what they were for is not done any more.
        """
        with self.state.transaction():
            self.state.put(self.fact_name(f"expired/{self.history.phase}"), b"")
        self.erase()
        self.report("overdue", self.history.phase)

    def expired(self, phase: str) -> bool:
        """Whether `expire` was called in this phase of the present attempt."""
        return self.state.fact(self.fact_name(f"expired/{phase}")) is not None

    def resume(self) -> Iterator[bytes]:
        """What this member owes now; also after a restart, without a message."""
        if self.halted is not None or self.name in self.history.revoked:
            return
        try:
            self._began = self._present()
            if self.history.size > 0 and (change := self.identity.owed_rotation()) is not None:
                yield self.say(change)
                return
            yield from self._votes()
            if not self._followed:
                said = list(self._own.unrecorded(self.history.position()))
                yield from filter(None, map(self.identity.renewed, said))
            elif self.state.fact(f"revocation/{self.name}") is None:
                yield from self.duties()
        except Refusal as refusal:
            self._refuse(refusal, b"")

    def _present(self) -> int:
        """The time that all gets which is now said: how long a proof took is nobody's business.

        Raises Refusal when it were refused: this machine's clock is behind.
        """
        now, least = self._clock(), self.history.clocks[-1] - CLOCK_SLACK
        expected = f"{in_utc(least)} or later, by the ledger's clock; set this machine's clock, best by NTP"
        require(now >= least, "clock", self.name, expected, in_utc(now))
        return now

    def request_revocation(self, member: str, reason: str) -> None:
        """An operator's wish that a member take part no more: stored, and sent when the member works next.

        Only a verifier may ask it for another; who asks it for itself does nothing more. Raises Refusal.
        """
        others = (*self.history.hospitals, *self.rules.verifiers)
        require(member in others, "member", self.name, "a hospital or verifier", member)
        allowed = may_vote(self.history, self.name, member)
        require(allowed, "revocation", self.name, f"a verifier, or {member} itself", self.name)
        if self.state.fact(f"revocation/{member}") is None:
            with self.state.transaction():
                self.state.put(f"revocation/{member}", describe(reason, REASON).encode())

    def _votes(self) -> Iterator[bytes]:
        if self.history.phase not in ANY_PHASE:
            return
        wishes = set(self.state.fact_names("revocation/"))
        for member in () if not wishes else (*self.history.hospitals, *self.rules.verifiers):
            if f"revocation/{member}" not in wishes:
                continue
            reason = self.state.fact(f"revocation/{member}")
            said = (self.name, member) in self.history.revocation_votes or member in self.history.revoked
            if reason is not None and not said:
                yield self.say(RevocationVote(member, reason.decode()))

    def duties(self) -> Iterator[bytes]:
        """Packets owed in the present state; may raise Refusal."""
        raise NotImplementedError

    @property
    def key(self) -> SigningKey:
        """The key that this member signs with."""
        return self.identity.key

    @property
    def checkpoint(self) -> bytes | None:
        """The latest signed checkpoint that this member has verified.

        Whoever audits the ledger can be shown it.
        """
        return self.state.fact("checkpoint")

    def _follow(self, extension: Extension) -> None:
        history = self.history
        assert isinstance(history, History)
        fresh = fresh_entries(history, extension)
        before = history.size
        own: list[str] = []
        for envelope in applied(history, fresh, self.name):
            self._snapshot.after(envelope)
            if envelope.sender == self.name:
                own.append(self._own.check(envelope))
        with self.state.transaction():
            self.state.append(before, fresh)
            for key in own:
                self.state.forget_sent(key)
            self.state.put("checkpoint", extension.checkpoint)
            self._snapshot.keep()
        self.erase()

    def _refuse(self, refusal: Refusal, message: bytes) -> None:
        own_clock = (refusal.check, refusal.culprit) == ("clock", self.name)
        passing = refusal.culprit == TRANSPORT or refusal.check in PASSING or own_clock
        if not passing:
            self.halted = refusal
            lines = [refusal.check, refusal.culprit, refusal.expected, refusal.actual]
            with self.state.transaction():
                self.state.put("halted", "\n".join(line.replace("\n", " ") for line in lines).encode())
                self.state.put("evidence", message)
            self.erase()
        self.report("refused" if passing else "halted", refusal.check, refusal=refusal)

    def report(
        self,
        kind: str,
        subject: str,
        since: float | None = None,
        detail: str = "",
        refusal: Refusal | None = None,
    ) -> None:
        """Tells the observer."""
        seconds = 0.0 if since is None else time.perf_counter() - since
        number, attempt = self.history.position()
        self.observe(Event(self.name, kind, number, attempt, subject, seconds, detail, refusal))

    def source(self, label: str, context: bytes = b"") -> ByteSource:
        """Randomness for one purpose in the present round and attempt."""
        return self._randomness.source(self.fact_name(label), context)

    def fact_name(self, label: str) -> str:
        """Name of a stored fact of the present round and attempt."""
        return "/".join(map(str, (label, *self.history.position())))

    def say(
        self,
        record: Message,
        attachments: tuple[bytes, ...] = (),
        facts: Mapping[str, bytes] | None = None,
        secrets: Mapping[str, bytes] | None = None,
    ) -> bytes:
        """The packet with this record; stored, with `facts` and `secrets`, before it is returned.

        What was sent before is sent again. Secrets that are of no use once it is said are erased before.
        """
        unsigned = Envelope(
            self.rules.digest, self.name, self.role, *self.history.position(),
            self.history.size, self.history.root, self._began, encode(record), b"",
        )  # fmt: skip
        key = "/".join(slot(unsigned))
        if (earlier := self.identity.renewed(key)) is not None:
            return earlier
        if self.outbox is not None:
            for data in attachments:
                self.outbox.put(data)
            attachments = ()
        packet = encode(Packet(seal_envelope(unsigned, self.key).data, attachments))
        with self.state.transaction():
            for name, value in (facts or {}).items():
                self.state.put(name, value)
            for name, secret in (secrets or {}).items():
                self.state.secrets.put(name, secret)
            self.state.keep_sent(key, packet)
        self.erase()
        return packet

    def sent(self, kind: type[Message], *subject: str) -> bytes | None:
        """The packet for a slot of the present round and attempt, signed with the present key."""
        return self.identity.renewed(self._slot(kind, subject))

    def stored(self, kind: type[Message], *subject: str) -> bytes | None:
        """The packet sent on a slot of the present round and attempt, as it was sent."""
        return self.state.sent(self._slot(kind, subject))

    def _slot(self, kind: type[Message], subject: tuple[str, ...]) -> str:
        return "/".join(slot_of(kind, *self.history.position(), self.name, *subject))
