"""The ledger's meaning: replays its entries and refuses every one that does not follow from those before it.

One pure state machine serves every party: the aggregator judges a message before recording it, members judge
what the aggregator recorded, the auditor judges all of it again. It reads no object and verifies no proof:
those are the business of verifiers, of members recomputing an aggregate, and of the auditor.

Checks, in this order: envelope (see `envelope`) under the sender's present key, replay, revoked, role,
equivocation, ledger view, time, round, attempt, phase, an end that was voted
for, then those of the kind of message.
"""

from __future__ import annotations

from proofward.federation.history.progress import ending
from proofward.federation.history.saved.snapshots import note_snapshot
from proofward.federation.history.state.chapters import note_end
from proofward.federation.history.state.history_state import ANY_PHASE, BEFORE, ENROLMENT, HistoryState, Step
from proofward.federation.history.state.outcomes import note_outcome
from proofward.federation.history.state.slots import slot
from proofward.federation.history.steps import (
    admission,
    attestation,
    beacon,
    chain,
    consent,
    enrolment,
    fingerprints,
    heads,
    membership,
    noise,
    own_counts,
    shares,
    unmasking,
    uploads,
)
from proofward.federation.messages.basics.clock import CLOCK_SLACK, in_utc
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.consortium.rules import AGGREGATOR
from proofward.federation.messages.envelope import Envelope, open_envelope
from proofward.federation.messages.records.catalogue import FederationOpened, MessageRefused, RoundOpened

SET_CLOCK = "set the clock of the machine that sent it, best by NTP, and it is sent again"
NO_FAULT = ("replay", "clock")
"""Checks whose failure is no evidence against the sender."""
MAX_REFUSALS = 16
"""Recorded for one member: enough evidence, and no way to fill the ledger."""


class History(HistoryState):
    """Judges and applies entries; read its fields, change them only through `apply`."""

    _opened: tuple[Envelope, bytes] | None = None

    def open(self, data: bytes) -> Envelope:
        """The envelope in `data`, authenticated by its sender's present key; raises Refusal.

        The last one is remembered, with the key: who records a message opens it several times.
        """
        if self._opened is not None:
            envelope, key = self._opened
            if envelope.data == data and self.keys.get(envelope.sender) == key:
                return envelope
        envelope = open_envelope(data, self.rules, self.keys)
        self._opened = envelope, self.keys[envelope.sender]
        return envelope

    def judge(self, data: bytes) -> Envelope:
        """The envelope in `data` if it may be the next entry; raises Refusal."""
        envelope = self.open(data)
        sender, record = envelope.sender, envelope.record
        require(
            envelope.digest not in self.recorded,
            "replay",
            sender,
            "a message not yet recorded",
            envelope.topic,
        )
        since = self.revoked.get(sender)
        require(since is None, "revoked", sender, f"nothing after entry {since}", envelope.topic)
        step = STEPS[envelope.topic]
        require(envelope.role in step.roles, "role", sender, " or ".join(step.roles), envelope.role)
        self._judge_slot(envelope)
        self._judge_view(envelope)
        self._judge_time(envelope)
        self._judge_position(envelope)
        require(self.phase in step.phases, "phase", sender, " or ".join(step.phases), self.phase)
        ending.require_no_end(self, envelope)
        step.check(self, sender, record)
        return envelope

    def _judge_slot(self, envelope: Envelope) -> None:
        key = slot(envelope)
        earlier = self.slots.get(key)
        if earlier is not None:
            signed_again = self.said[key] == envelope.said
            require(not signed_again, "replay", envelope.sender, "a message not yet recorded", envelope.topic)
            expected = f"only {earlier.hex()} on {key[0]}"
            raise Refusal("equivocation", envelope.sender, expected, envelope.digest.hex())

    def _judge_view(self, envelope: Envelope) -> None:
        size, sender = envelope.seen_size, envelope.sender
        require(size <= self.size, "ledger-view", sender, f"a ledger of at most {self.size} entries", size)
        require(
            envelope.seen_root == self.roots[size],
            "ledger-view",
            sender,
            self.roots[size],
            envelope.seen_root,
        )

    def _judge_time(self, envelope: Envelope) -> None:
        sender = envelope.sender
        if envelope.role == AGGREGATOR:
            least = max(self.clocks[-1], self.latest - CLOCK_SLACK)
            if envelope.time < least:
                raise Refusal("ledger-time", sender, f"{in_utc(least)} or later", in_utc(envelope.time))
            return
        least = self.clocks[envelope.seen_size] - CLOCK_SLACK
        if envelope.time < least:
            expected = f"{in_utc(least)} or later; {SET_CLOCK}"
            raise Refusal("clock", sender, describe(expected), in_utc(envelope.time))

    def _judge_position(self, envelope: Envelope) -> None:
        if envelope.record.roundless:
            latest = self.position()[0]
            require(envelope.round <= latest, "round", envelope.sender, f"at most {latest}", envelope.round)
            return
        expected = self.opening()[:2] if isinstance(envelope.record, RoundOpened) else self.position()
        require(envelope.round == expected[0], "round", envelope.sender, expected[0], envelope.round)
        require(envelope.attempt == expected[1], "attempt", envelope.sender, expected[1], envelope.attempt)

    def apply(self, data: bytes) -> Envelope:
        """Judges the next entry and takes it in; raises Refusal and changes nothing if it does not follow."""
        envelope = self.judge(data)
        self.take_in(envelope)
        return envelope

    def take_in(self, envelope: Envelope) -> None:
        """Takes in the envelope that `judge` gave for the next entry, with nothing applied in between."""
        before = heads.moment(self)
        STEPS[envelope.topic].apply(self, envelope, envelope.record)
        key = slot(envelope)
        heads.note_word(self, envelope, key)
        self.slots[key] = envelope.digest
        self.said[key] = envelope.said
        clock = self.clocks[-1] if envelope.role != AGGREGATOR else envelope.time
        self.latest = max(self.latest, envelope.time)
        self.recorded[envelope.digest] = self.size
        self.tree.append(envelope.data)
        self.lasting.update(dict.fromkeys(envelope.record.lasting()))
        self.clocks.append(clock)
        note_outcome(self, envelope)
        note_end(self, envelope)
        note_snapshot(self, envelope)
        heads.note_head(self, before)


def _check_opened(history: HistoryState, sender: str, record: FederationOpened) -> None:
    require(history.size == 0, "phase", sender, "the first entry", history.size)
    require(record.rules == history.rules.data, "rules", sender, history.rules.digest, record.rules)


def _apply_opened(history: HistoryState, envelope: Envelope, record: FederationOpened) -> None:
    history.phase = ENROLMENT


def _check_refused(history: HistoryState, sender: str, record: MessageRefused) -> None:
    assert isinstance(history, History)
    try:
        own = history.open(record.evidence).sender == sender  # never looked into: it may hold another
        envelope = None if own else history.judge(record.evidence)
    except Refusal as found:
        claimed = Refusal(record.check, record.culprit, record.expected, record.actual)
        require(claimed == found, "refusal", sender, found, claimed)
        provable = found.check not in NO_FAULT and found.culprit not in ("transport", sender)
        require(provable, "refusal", sender, "a refusal that proves another member's fault", found)
        count = 1 + sum(refusal.culprit == found.culprit for refusal in history.refusals)
        require(count <= MAX_REFUSALS, "refusals", sender, f"{MAX_REFUSALS} of one member", count)
        return
    if envelope is None:
        raise Refusal("refusal", sender, "another member's message", "its own")
    raise Refusal(
        "refusal", sender, f"the message of {envelope.sender} to be recorded", f"refused by {record.check}"
    )


def _apply_refused(history: HistoryState, envelope: Envelope, record: MessageRefused) -> None:
    history.refused_in.append((envelope.round, record))


STEPS: dict[str, Step] = {
    FederationOpened.kind: Step((AGGREGATOR,), (BEFORE,), _check_opened, _apply_opened),
    MessageRefused.kind: Step((AGGREGATOR,), ANY_PHASE, _check_refused, _apply_refused),
    **membership.STEPS,
    **admission.STEPS,
    **attestation.STEPS,
    **enrolment.STEPS,
    **beacon.STEPS,
    **uploads.STEPS,
    **own_counts.STEPS,
    **noise.STEPS,
    **shares.STEPS,
    **consent.STEPS,
    **unmasking.STEPS,
    **fingerprints.STEPS,
    **ending.STEPS,
    **chain.STEPS,
    **heads.STEPS,
}
