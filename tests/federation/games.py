"""A dishonest aggregator that keeps several ledgers, with dishonest hospitals, against honest members.

Everything honest is real: the hospitals' state machines follow whatever ledger they are shown, and the
aggregator's ledgers take only what `History` takes. The adversary chooses which hospital sees which ledger,
what of their words is recorded and what is kept back, in which order, and when a phase is closed. Verifiers
are its own. Dishonest hospitals answer every set on every ledger, twice where that helps.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from proofward.encoding import decode, encode
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.history import History
from proofward.federation.history.progress.schedule import next_record
from proofward.federation.history.state.history_state import (
    ABANDON,
    BETWEEN,
    CONSENT,
    LOCK,
    SHARES,
    UNMASK,
    UPLOAD,
    VERIFY,
)
from proofward.federation.history.steps.consent import missing_consents
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records.catalogue import (
    Abandonment,
    AcceptedSet,
    Consent,
    Lock,
    Message,
    RoundOpened,
    SetWithdrawn,
    ShareSum,
    Verdict,
)
from proofward.federation.messages.wire import Extension, Packet, sign_extension
from proofward.federation.parties.following.follower import Follower
from proofward.federation.parties.hospital import Hospital
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.merkle_log import consistency_proof
from tests.federation.fakes import FakeProofs, datasets

LARGE = 1 << 30


class DoubleDealer(Hospital):
    """Consents to everything, and answers every accepted set with a lock, a share sum and an abandonment."""

    def require_only_set(self, name, accepted):
        """Nothing."""

    def abandon(self):
        """Also after a lock."""
        accepted = self.history.round.accepted
        if self.name not in self.history.round.abandonments:
            yield self.say(Abandonment(accepted.digest))


@dataclass(frozen=True)
class Opened:
    """An accepted set for which t + 1 share sums exist, the model it started from, who consented to it."""

    digest: bytes
    model: bytes
    hospitals: tuple[str, ...]
    consents: frozenset[str]


class Ledger:
    """One of the aggregator's ledgers."""

    def __init__(self, world: World, entries: list[bytes]) -> None:
        self.world, self.entries = world, []
        self.history = History(world.rules)
        for entry in entries:
            self.record(entry)

    def record(self, data: bytes) -> Envelope:
        """Adds an entry that follows; raises Refusal."""
        envelope = self.history.apply(data)
        self.entries.append(data)
        if isinstance(envelope.record, AcceptedSet):
            self.world.accepted[envelope.digest] = (self.history.round.model, envelope.record.hospitals)
        return envelope

    def spoken(self, sender: str, record: Message) -> bytes:
        """A message as its sender would sign it on this ledger."""
        history, rules = self.history, self.world.rules
        at = history.opening()[:2] if isinstance(record, RoundOpened) else history.position()
        role = rules.find(sender).role
        seen = (history.size, history.root, history.clocks[-1])
        state = (rules.digest, sender, role, *at, *seen, encode(record), b"")
        return seal_envelope(Envelope(*state), self.world.folder.key(sender)).data

    def announce(self, record: Message) -> None:
        """Records a message of the aggregator; raises Refusal."""
        self.record(self.spoken(self.world.rules.aggregator, record))

    def extension(self, since: int) -> bytes:
        """What a member that knows `since` entries of this ledger is sent."""
        tree, world = self.history.tree, self.world
        checkpoint = sign_checkpoint(tree.size, tree.root(), world.signer)
        proof = consistency_proof(since, tree.size, tree.node)
        shown = Extension(since, tuple(self.entries[since:]), checkpoint, tuple(proof))
        return sign_extension(shown, world.key, world.rules)

    def follows(self, member: Follower) -> bool:
        """Whether this ledger continues the one that a member has seen."""
        seen = member.history
        return seen.size <= self.history.size and self.history.roots[seen.size] == seen.root


class World:
    """The federation at the moment when all shares of the first round wait to be checked."""

    def __init__(self, directory: Path, plan, dishonest: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.dishonest = sorted(self.random.sample(list(plan.hospitals), dishonest))
        kinds = Parties(hospitals=dict.fromkeys(self.dishonest, DoubleDealer))
        self.engine = InProcessFederation(
            directory, plan, datasets(plan), seed=seed.to_bytes(8, "little"), proofs=FakeProofs(),
            parties=kinds,
        )  # fmt: skip
        aggregator = self.engine.aggregator
        self.rules, self.folder = self.engine.rules, self.engine.folder
        self.signer, self.key, self.store = aggregator.signer, aggregator.key, aggregator.ledger
        self.accepted: dict[bytes, tuple[bytes, tuple[str, ...]]] = {}
        self.consents: dict[bytes, set[str]] = defaultdict(set)
        self.sums: dict[bytes, set[str]] = defaultdict(set)
        self.engine.run(lambda: aggregator.history.phase == SHARES)
        self.ledgers = [Ledger(self, aggregator.ledger.entries(0))]
        self.hospitals = self.engine.hospitals
        self.honest = [name for name in self.hospitals if name not in self.dishonest]
        self.shown = dict.fromkeys(self.hospitals, 0)

    def close(self) -> None:
        """Closes all files."""
        self.engine.close()

    @property
    def opened(self) -> list[Opened]:
        """The sets that the adversary can open: it has its own hospitals' share sums of each."""
        enough = self.rules.config.threshold + 1
        theirs = set(self.dishonest) & set(self.engine.aggregator.history.committee)
        return [
            Opened(digest, *self.accepted[digest], frozenset(self.consents[digest]))
            for digest, holders in self.sums.items()
            if len(holders | theirs) >= enough
        ]

    def ask(self, name: str, ledger: Ledger) -> list[bytes]:
        """What a hospital says when it is shown a ledger, noted whether or not it is recorded."""
        member = self.hospitals[name]
        if member.halted is not None or not ledger.follows(member):
            return []
        said = []
        for message in member.handle(ledger.extension(member.history.size)):
            packet = decode(message, Packet, max_bytes=LARGE)
            for data in packet.attachments:
                self.store.put_object(data)
            record = decode(packet.envelope, Envelope).record
            if isinstance(record, Consent):
                self.consents[record.accepted_set].add(name)
            elif isinstance(record, ShareSum):
                self.sums[record.accepted_set].add(name)
            said.append(packet.envelope)
        return said

    def offer(self, ledger: Ledger, messages: list[bytes]) -> None:
        """Records what follows."""
        for data in messages:
            try:
                ledger.record(data)
            except Refusal:
                continue

    def fork(self, ledger: Ledger) -> Ledger:
        """Another ledger with the same entries so far."""
        other = Ledger(self, ledger.entries)
        self.ledgers.append(other)
        return other

    def verdicts(self, ledger: Ledger) -> list[bytes]:
        """Accepting verdicts of all verifiers, true ones, on all uploads."""
        found = []
        for hospital, said in ledger.history.round.uploads.items():
            proof = self.store.get_object(said.record.proof)
            for verifier in self.rules.verifiers:
                record = Verdict(hospital, said.digest, True, "", "", proof[:32], proof[64:])
                found.append(ledger.spoken(verifier, record))
        return found


class Adversary:
    """Plays one game at random."""

    def __init__(self, world: World) -> None:
        self.world, self.random = world, world.random

    def play(self, moves: int = 60) -> None:
        """Forks where the shares are checked, then moves on one ledger after the other."""
        world = self.world
        base = world.ledgers[0]
        for _ in range(self.random.choice((0, 1, 1, 2))):
            world.fork(base)
        for _ in range(moves):
            ledger = self.random.choice(world.ledgers)
            self.move(ledger)

    def heard(self, names, share: float) -> list[str]:
        """A random part of some hospitals, in random order."""
        return [name for name in self.random.sample(sorted(names), len(names)) if self.random.random() < share]

    def collect(self, ledger: Ledger, share: float, record: float = 1.0) -> None:
        """Shows the ledger to some hospitals and records some of what they say."""
        said = [
            data
            for name in self.heard(self.world.hospitals, share)
            for data in self.world.ask(name, ledger)
            if self.random.random() < record
        ]
        self.random.shuffle(said)
        self.world.offer(ledger, said)

    def move(self, ledger: Ledger) -> None:
        """One move in the present phase of a ledger."""
        phase, history = ledger.history.phase, ledger.history
        if phase == SHARES:
            self.collect(ledger, self.random.choice((0.8, 1.0)), self.random.choice((0.9, 1.0)))
            self.announce(ledger)
        elif phase == CONSENT:
            self.collect(ledger, self.random.choice((0.5, 1.0)))
            self.for_the_dishonest(ledger, lambda digest: Consent(digest, history.round.model))
            if history.phase == CONSENT and self.random.random() < 0.3:
                self.withdraw(ledger)
        elif phase == LOCK:
            self.collect(ledger, self.random.choice((0.3, 0.6, 1.0)))
            self.for_the_dishonest(ledger, Lock)
        elif phase == UNMASK:
            self.collect(ledger, self.random.choice((0.3, 0.6, 1.0)), 0.2)
        elif phase == ABANDON:
            self.collect(ledger, 1.0)
            self.for_the_dishonest(ledger, Abandonment)
        elif phase == BETWEEN:
            self.announce(ledger)
        else:
            self.collect(ledger, 1.0)
            if phase in (UPLOAD, VERIFY):
                self.world.offer(ledger, self.world.verdicts(ledger))
            self.announce(ledger)

    def announce(self, ledger: Ledger) -> None:
        """What follows, if the rules let it."""
        try:
            record = next_record(ledger.history, True)
            if record is not None:
                ledger.announce(record)
        except Refusal:
            return

    def withdraw(self, ledger: Ledger) -> None:
        """Gives the accepted set up."""
        state = ledger.history.round
        try:
            ledger.announce(SetWithdrawn(missing_consents(state)))
        except Refusal:
            return

    def for_the_dishonest(self, ledger: Ledger, record) -> None:
        """The words of dishonest hospitals, on whatever ledger."""
        digest = ledger.history.round.accepted.digest
        said = [ledger.spoken(name, record(digest)) for name in self.world.dishonest]
        self.world.offer(ledger, said)


