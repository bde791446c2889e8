"""The aggregator: hosts the ledger, records what members say, closes phases, adds up ciphertexts.

Nobody has to trust it for anything.

It has no choice that others cannot check: every message of its own follows from what is recorded
(`schedule`). A message that a member signed and that breaks the rules is recorded as refused, with itself as
the evidence.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from proofward.attestation.binding import NONCE_BYTES
from proofward.attestation.collect import Attester
from proofward.encoding import decode, encode
from proofward.federation.history.ephemeral import disposable
from proofward.federation.history.history import MAX_REFUSALS, NO_FAULT, SET_CLOCK
from proofward.federation.history.progress.ending import voted_end
from proofward.federation.history.progress.schedule import next_record
from proofward.federation.history.progress.standstill import no_way_on, require_share_sums
from proofward.federation.history.sharing.sealing_keys import require_whole
from proofward.federation.history.state.history_state import CLOSED, UNMASK
from proofward.federation.history.sums.aggregation import compute_result
from proofward.federation.messages.basics.clock import CLOCK_SLACK, Clock, in_utc, system_clock
from proofward.federation.messages.basics.field_types import MAX_EVIDENCE_BYTES
from proofward.federation.messages.basics.refusal import TRANSPORT, FederationHalted, Refusal, require
from proofward.federation.messages.beacon import first_model
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.events import Event, Observer, ignore
from proofward.federation.messages.light_answers import Wanted, sign_answer
from proofward.federation.messages.randomness import SYSTEM
from proofward.federation.messages.records.catalogue import (
    BeaconFixed,
    FederationOpened,
    Message,
    MessageRefused,
    RoundClosed,
    RoundOpened,
)
from proofward.federation.messages.wire import Extension, Packet, parse, sign_extension
from proofward.federation.parties.equipment.software import software_in_use
from proofward.federation.parties.following.attesting import evidence_of, owes_evidence
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.parties.following.light_host import light_answer
from proofward.federation.parties.following.starting import started
from proofward.federation.storage.ledger_folder import LedgerFolder
from proofward.federation.storage.log_tree import LogTree
from proofward.federation.storage.objects import Objects
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.merkle_log import consistency_proof
from proofward.ledger.note import NoteSigner


class Aggregator:
    """State machine of the aggregator; its state is the ledger."""

    def __init__(
        self,
        name: str,
        key: SigningKey,
        rules: Rules,
        ledger: LedgerFolder,
        model: bytes | Path = b"",
        observe: Observer = ignore,
        clock: Clock = system_clock,
        attest: Attester | None = None,
    ) -> None:
        """Reloads the ledger; raises Refusal if it does not follow the rules.

        model: a trusted first model, or a file of its bytes, which are then never held as a whole; not given
        where the members draw it. attest: gives evidence of its machine, where it has any.
        """
        require(rules.aggregator == name, "key", name, rules.aggregator, name)
        if rules.trusts_first_model:
            found = ledger.put_file(model) if isinstance(model, Path) else ledger.put_object(model)
            require(found == rules.initial_model, "model", name, rules.initial_model, found)
        self.name, self.key, self.rules, self.ledger, self.observe = name, key, rules, ledger, observe
        self.signer = NoteSigner(log_verifier(rules).name, key)
        self.objects = Objects(ledger.objects, name)
        self._clock = clock
        self._attest = attest
        self.history, self._snapshot = started(name, rules, ledger, observe)
        self._signed: tuple[LogTree, int, bytes] | None = None
        self._sent: tuple[Extension, bytes] | None = None
        self._shown: tuple[tuple[int, int], list[bytes]] | None = None

    @property
    def finished(self) -> bool:
        """Whether the last entry closes the federation."""
        return self.history.phase == CLOSED

    def handle(self, message: bytes) -> list[bytes]:
        """Takes a packet and records what it says, or refuses it; never raises for what comes in.

        It sends nothing.
        """
        envelope: Envelope | None = None
        try:
            packet = parse(Packet, message)
            if hashlib.sha256(packet.envelope).digest() in self.history.recorded:
                return []
            envelope = self.history.open(packet.envelope)
            judged = self.judge(packet.envelope)
            envelope = None  # the ledger shows no fault of what follows
            self._store(judged, packet.attachments)
            self.record(packet.envelope)
        except Refusal as refusal:
            self.report("refused", refusal.check, refusal=refusal)
            if envelope is not None:
                self._record_refusal(packet.envelope, refusal)
        return []

    def judge(self, data: bytes) -> Envelope:
        """The envelope in `data` if it may be recorded now; raises Refusal.

        Beside what everybody checks: it is not ahead of the aggregator's clock.
        """
        envelope = self.history.judge(data)
        most = self.time() + CLOCK_SLACK
        expected = f"{in_utc(most)} or earlier; {SET_CLOCK}"
        require(envelope.time <= most, "clock", envelope.sender, expected, in_utc(envelope.time))
        return envelope

    def time(self) -> int:
        """What the ledger's clock is now: a clock that was set back does not set it back."""
        return max(self._clock(), self.history.clocks[-1], self.history.latest - CLOCK_SLACK)

    def advance(self, expired: bool = False) -> None:
        """Makes every announcement that is due; `expired` closes the present phase with what has arrived.

        Raises FederationHalted when the rules leave no way on, such as too few hospitals.
        """
        try:
            while (record := self.due(expired)) is not None:
                self.announce(record)
                expired = False
        except Refusal as refusal:
            reason = no_way_on(self.history) or refusal
            self.report("halted", reason.check, refusal=reason)
            raise FederationHalted(self.name, reason) from refusal

    def due(self, expired: bool) -> Message | None:
        """The announcement that follows from the ledger, if any."""
        if (end := voted_end(self.history)) is not None:
            return end
        if (evidence := self._evidence()) is not None:
            return evidence
        if self.history.phase == UNMASK:
            state, accepted = self.history.round, self.history.round.accepted
            assert accepted is not None
            holders = self.history.active(state.ready_holders(accepted.record.hospitals))
            waiting, needed = set(holders) - set(state.share_sums), self.rules.config.threshold + 1
            require_share_sums(self.history)
            if len(state.share_sums) < needed or (waiting and not expired):
                return None
            return self.aggregate()
        return next_record(self.history, expired)

    def _evidence(self) -> Message | None:
        """The evidence of its machine, once, with its objects stored."""
        if self._attest is None or not owes_evidence(self.history, self.name):
            return None
        nonce = SYSTEM.source("attestation", b"")(NONCE_BYTES)
        found = evidence_of(self.history, self.name, self._attest, nonce, self.time())
        if found is None:
            return None
        try:
            self.history.judge(self.envelope(found[0], *self.history.position()).data)
        except Refusal as refusal:  # what an operator has prepared stops no federation
            self._attest = None
            self.report("refused", refusal.check, refusal=refusal)
            return None
        for data in found[1]:
            self.ledger.put_object(data)
        return found[0]

    def aggregate(self) -> Message:
        """Computes the round's result and stores its objects."""
        start = time.perf_counter()
        result = compute_result(self.history, self.objects, self.ledger.new_object)
        self.report("aggregated", "round", since=start)
        return result.record(self.history)

    def announce(self, record: Message) -> None:
        """Signs and records a message of its own; raises Refusal if it breaks the rules."""
        if isinstance(record, BeaconFixed) and not self.rules.trusts_first_model:
            self.ledger.put_object(first_model(self.rules, record.beacon))
        if isinstance(record, FederationOpened):
            record = replace(record, software=software_in_use())
        opening = self.history.opening()[:2] if isinstance(record, RoundOpened) else self.history.position()
        self.record(self.envelope(record, *opening).data)

    def envelope(self, record: Message, number: int, attempt: int) -> Envelope:
        """A signed envelope of its own."""
        seen = self.history.size, self.history.root, self.time()
        return seal_envelope(
            Envelope(
                self.rules.digest, self.name, "aggregator", number, attempt, *seen, encode(record), b""
            ),
            self.key,
        )

    def record(self, data: bytes) -> None:
        """Appends an envelope to the ledger, durably; raises Refusal if it does not follow."""
        envelope = self.history.judge(data)
        self.ledger.append(data, envelope.topic)
        self.history.take_in(envelope)
        self._snapshot.note(envelope)
        if isinstance(envelope.record, RoundClosed):
            for digest in disposable(self.history, envelope.round):
                self.ledger.drop_object(digest)
        self.observe(Event(envelope.sender, "recorded", envelope.round, envelope.attempt, envelope.topic))

    def checkpoint(self) -> bytes:
        """The signed checkpoint of the ledger as it stands."""
        tree = self.tree()
        if self._signed is None or self._signed[:2] != (tree, tree.size):
            self._signed = tree, tree.size, sign_checkpoint(tree.size, tree.root(), self.signer)
        return self._signed[2]

    def tree(self) -> LogTree:
        """The Merkle tree of the ledger that members are shown."""
        return self.history.tree

    def shown(self, first: int) -> list[bytes]:
        """The entries from number `first` on that members are shown; often several know as many."""
        asked = first, self.history.size
        if self._shown is None or self._shown[0] != asked:
            self._shown = asked, self.ledger.entries(first)
        return self._shown[1]

    def extension(self, since: int) -> bytes:
        """What a member that knows the first `since` entries is sent; often several know as many."""
        tree = self.tree()
        first = min(since, tree.size)
        proof = consistency_proof(first, tree.size, tree.node)
        shown = Extension(first, tuple(self.shown(first)), self.checkpoint(), tuple(proof))
        if self._sent is None or self._sent[0] != shown:
            self._sent = shown, sign_extension(shown, self.key, self.rules)
        return self._sent[1]

    def light_answer(self, hospital: str, known: int) -> bytes:
        """What a hospital that follows heads and knows the first `known` entries is sent; raises Refusal."""
        noted = partial(sign_checkpoint, signer=self.signer)
        made = light_answer(self.history, self.tree(), noted, hospital, known)
        return sign_answer(made, self.key, self.rules)

    def answer(self, member: str, wanted: Wanted) -> bytes:
        """What a member is sent that wants this."""
        return self.light_answer(member, wanted.known) if wanted.light else self.extension(wanted.known)

    def seal(self) -> None:
        """Seals the ledger's folder; the aggregator is not used afterwards."""
        said = (decode(entry, Envelope).record.objects() for entry in self.ledger.entries(0))
        named = {self.rules.initial_model, *chain.from_iterable(said)} - {b""}
        self.ledger.seal(named - disposable(self.history))

    def _store(self, envelope: Envelope, attachments: tuple[bytes, ...]) -> None:
        needed = envelope.record.objects()
        given = {hashlib.sha256(data).digest(): data for data in attachments}
        for digest in needed:
            known = digest in given or self.ledger.has_object(digest)
            found = ", ".join(sorted(value.hex()[:16] for value in given)) or "nothing"
            expected = f"an attachment {digest.hex()} from {envelope.sender}"
            require(known, "object-digest", TRANSPORT, expected, found)
        sender, held = envelope.sender, self.ledger.get_object
        require_whole(sender, envelope.record, lambda digest: given.get(digest) or held(digest))
        for digest in needed:
            if digest in given:
                self.ledger.put_object(given[digest])

    def _record_refusal(self, evidence: bytes, refusal: Refusal) -> None:
        if refusal.culprit in (TRANSPORT, self.name) or refusal.check in NO_FAULT:
            return
        counts = Counter(recorded.culprit for recorded in self.history.refusals)
        known = any(recorded.evidence == evidence for recorded in self.history.refusals)
        fits = len(evidence) <= MAX_EVIDENCE_BYTES and counts[refusal.culprit] < MAX_REFUSALS
        if known or not fits or self.history.phase == CLOSED:
            return
        self.announce(
            MessageRefused(evidence, refusal.check, refusal.culprit, refusal.expected, refusal.actual)
        )

    def report(
        self, kind: str, subject: str, since: float | None = None, refusal: Refusal | None = None
    ) -> None:
        """Tells the observer."""
        seconds = 0.0 if since is None else time.perf_counter() - since
        number, attempt = self.history.position()
        self.observe(Event(self.name, kind, number, attempt, subject, seconds, "", refusal))
