"""What the tamper benchmark mutates: messages of real runs, their byte regions, and who refuses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from proofward.data.synthetic import make_synthetic
from proofward.encoding import MalformedMessage, decode
from proofward.engines.attacks.hospitals import ComplainsFalsely, Equivocates, SealsWrongShare
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.engines.run_folder import Plan
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CONFIRM, KEYS
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import RulesError
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records import catalogue as messages
from proofward.federation.messages.wire import MAX_WIRE_BYTES, Packet
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.verifier import Verifier
from proofward.lattice.errors import LatticeError
from proofward.ledger.database import Database
from proofward.ledger.errors import LedgerError
from proofward.ledger.keys import SigningKey
from proofward.ledger.seal import SEAL_NAME, parse_seal
from proofward.models import preset
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.fedavgm import FedAvgM
from proofward.optimizers.registry import USUAL
from proofward.proof.errors import ProofRejected
from proofward.relations.rules.config import RoundConfig

Span = tuple[int, int]
Regions = dict[str, list[Span]]
HOSPITALS = tuple(f"hospital-{index}" for index in range(8))
FEW = HOSPITALS[:3]
VERIFIER, DEALER, HOLDER = "verifier-0", HOSPITALS[2], HOSPITALS[1]
HALTED = "stopped for good:"
NEXT_KEY = SigningKey(b"n" * 32)
REFUSALS = (Refusal, ProofRejected, LedgerError, LatticeError, RulesError)
DETERMINED = frozenset(
    kind.kind
    for kind in (
        messages.EnrolmentClosed, messages.RoundOpened, messages.KeysClosed,
        messages.DealsClosed, messages.VouchesClosed, messages.BeaconShares, messages.BeaconFixed,
        messages.UploadsClosed, messages.AttemptRestarted, messages.SetWithdrawn,
        messages.VerdictsClosed, messages.VerdictsWidened, messages.SharesChecked, messages.AcceptedSet,
        messages.RoundClosed,
        messages.MessageRefused, messages.FederationClosed, messages.Consent, messages.Lock,
        messages.Abandonment, messages.Confirmation, messages.FederationEnded,
    )
)  # fmt: skip
"""Kinds whose whole content follows from the ledger: even their signer may say nothing else.

Not the first entry's: its signer says which software it runs.
"""


@dataclass(frozen=True)
class Target:
    """`judge` returns why it refuses the bytes, and None when it accepts them.

    free: the bytes are the signer's own word, so that another word may be accepted; it must not crash.
    """

    name: str
    data: bytes
    regions: Regions
    judge: Callable[[bytes], str | None]
    free: bool = False


def refusal_of(check: Callable[[bytes], object]) -> Callable[[bytes], str | None]:
    """A judge that refuses by raising one of the typed refusals."""

    def judge(data: bytes) -> str | None:
        try:
            check(data)
        except REFUSALS as refusal:
            return str(getattr(refusal, "check", type(refusal).__name__))
        return None

    return judge


class Intercepting(FaithfulNetwork):
    """Keeps back what one member says of one kind in one attempt of a round."""

    def __init__(self, member: str, kind: str, attempt: int = 0) -> None:
        self.member, self.kind, self.attempt = member, kind, attempt
        self.kept: list[bytes] = []
        self.passed: list[tuple[str, str, bytes]] = []

    def to_aggregator(self, member: str, message: bytes) -> Sequence[bytes]:
        """See Network."""
        envelope = decode(decode(message, Packet, max_bytes=MAX_WIRE_BYTES).envelope, Envelope)
        if (member, envelope.topic, envelope.attempt) == (self.member, self.kind, self.attempt):
            self.kept.append(message)
            return ()
        self.passed.append((member, envelope.topic, message))
        return (message,)


class _Rotates(Hospital):
    """Changes its key."""

    def __init__(self, name: str, key: SigningKey, *rest: Any) -> None:
        super().__init__(name, key, *rest, next_key=NEXT_KEY)


class _Ends(Verifier):
    """Asks for an end at once when the first keys are asked for."""

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        if self.history.phase == KEYS:
            self.request_end("enough", at_once=True)
            yield from self._votes()
        yield from super().duties()


class _Leaves(Hospital):
    """Asks for its own revocation when the round is nearly over."""

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        if self.history.phase == CONFIRM:
            self.request_revocation(self.name, "it leaves")
            yield from self._votes()
        else:
            yield from super().duties()


class _Admits(Verifier):
    """Asks for a hospital's admission."""

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        self.request_admission("hospital-x", SigningKey(bytes(range(32))).public.raw)
        yield from super().duties()


def federation(
    directory: Path,
    network: Intercepting,
    parties: Parties | None = None,
    optimizer: ServerOptimizer = USUAL,
    hospitals: Sequence[str] = HOSPITALS,
) -> InProcessFederation:
    """Eight hospitals unless others are named, one verifier, one round of the preset tiny."""
    setup = preset("tiny")
    config = RoundConfig(
        setup.model, setup.scales, setup.training, setup.clip_bound, len(hospitals), 1, optimizer=optimizer
    )
    plan = Plan("tamper", hospitals, (VERIFIER,), 1, usual_updates(len(hospitals), 1), 1, config)
    records = [make_synthetic(8 + i, 4, i, setup.scales) for i in range(len(hospitals))]
    data = {name: (own.features, own.labels) for name, own in zip(hospitals, records, strict=True)}
    return InProcessFederation(directory, plan, data, seed=b"tamper", network=network, parties=parties)


def parts_of(data: bytes, count: int = 8) -> Regions:
    """Equal parts of bytes without named fields."""
    cuts = [len(data) * i // count for i in range(count + 1)]
    return {f"part {i + 1}": [(cuts[i], cuts[i + 1])] for i in range(count)}


def locate(data: bytes, values: Sequence[tuple[str, object]], low: int = 0) -> Regions:
    """Where the fields' values lie, and all else from `low` on as "framing"."""
    regions: Regions = {}
    for name, value in values:
        parts = value if isinstance(value, tuple) else (value,)
        raw = [part.encode() if isinstance(part, str) else part for part in parts]
        found = [part for part in raw if isinstance(part, bytes) and part]
        if found and (start := data.find(found[0], low)) >= 0:
            regions[name] = [(start, data.find(found[-1], start) + len(found[-1]))]
    cuts = sorted(span for spans in regions.values() for span in spans)
    framing, position = [], low
    for start, stop in [*cuts, (len(data), len(data))]:
        if start > position:
            framing.append((position, start))
        position = max(position, stop)
    if framing:
        regions["framing"] = framing
    return regions


def named_fields(record: object) -> list[tuple[str, object]]:
    """The fields of a record, in order."""
    return [(field.name, getattr(record, field.name)) for field in fields(record)]  # type: ignore[arg-type]


def _judge_signed(
    envelope: Envelope, key: SigningKey, judge: Callable[[bytes], str | None], body: bytes
) -> str | None:
    """Another body in the same envelope, signed by the same sender."""
    try:
        data = seal_envelope(replace(envelope, body=body, signature=b""), key).data
    except MalformedMessage:
        return "malformed"
    return judge(data)


def entry_targets(directory: Path) -> Iterator[Target]:
    """The first ledger entry of every kind, its body, and the seal.

    The entry is judged by the ledger's rules where it stands. The body is signed by the same sender after
    every change.

    One run has a bad dealer, a false complaint, an equivocator, a lost consent, a change of keys, a leaver, a
    vote to admit, another is ended by vote, and the server of a third has an optimizer with a state, so that
    all kinds occur.
    """
    network = Intercepting(HOSPITALS[4], messages.Consent.kind, attempt=1)
    unlike = (SealsWrongShare, Equivocates, _Leaves, _Rotates, Hospital, ComplainsFalsely)
    parties = Parties(dict(zip(HOSPITALS, unlike, strict=False)), {VERIFIER: _Admits})
    engine = federation(directory / "closed", network, parties)
    if not engine.run().finished:
        raise RuntimeError("the federation did not finish")
    ends = Parties(verifiers={VERIFIER: _Ends})
    ended = federation(directory / "ended", Intercepting("", ""), ends, hospitals=FEW)
    if not ended.run().finished:
        raise RuntimeError("the federation was not ended")
    stateful = federation(directory / "stateful", Intercepting("", ""), optimizer=FedAvgM(), hospitals=FEW)
    if not stateful.run().finished:
        raise RuntimeError("the federation with FedAvgM did not finish")
    seen: set[str] = set()
    for run in (engine, ended, stateful):
        yield from of_each_kind(run, seen)
    seal, verifier = (engine.folder.ledger / SEAL_NAME).read_bytes(), log_verifier(engine.rules)
    yield Target("seal", seal, parts_of(seal), refusal_of(lambda data: parse_seal(data, verifier)))


def of_each_kind(engine: InProcessFederation, seen: set[str]) -> Iterator[Target]:
    """The first entry of every kind that is not among `seen`, and its body."""
    database = Database(engine.folder.ledger, writable=False)
    entries = [database.entry(position) for position in range(database.size())]
    database.close()
    for position, entry in enumerate(entries):
        envelope = decode(entry, Envelope)
        if envelope.topic not in seen:
            seen.add(envelope.topic)
            history = History(engine.rules)
            for earlier in entries[:position]:
                history.apply(earlier)
            regions = locate(entry, named_fields(envelope))
            start, stop = regions["body"][0]
            inside = locate(entry[:stop], named_fields(envelope.record), start)
            regions.update({f"body: {name}": spans for name, spans in inside.items()})
            judge = refusal_of(history.judge)
            yield Target(f"entry: {envelope.topic}", entry, regions, judge)
            keys, known = (engine.folder.key(envelope.sender), NEXT_KEY), history.keys[envelope.sender]
            key = next(key for key in keys if key.public.raw == known)
            yield Target(
                f"signed body: {envelope.topic}",
                envelope.body,
                locate(envelope.body, named_fields(envelope.record)),
                partial(_judge_signed, envelope, key, judge),
                envelope.topic not in DETERMINED,
            )
