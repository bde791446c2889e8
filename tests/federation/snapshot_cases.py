"""Whole ledgers with everything that a state may hold, and a place where snapshots lie in tests."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from proofward.attestation.claims import SNP
from proofward.encoding import encode
from proofward.engines.attacks.evidence import honest
from proofward.engines.attacks.hospitals import ComplainsFalsely
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.history import History
from proofward.federation.history.saved.restoring import restore
from proofward.federation.history.saved.snapshots import chapter, core
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.history.steps.membership import rotation
from proofward.federation.messages.consortium.scaling import Scaling
from proofward.federation.messages.records import catalogue as m
from proofward.federation.messages.wire import Packet
from proofward.ledger.database import Database
from proofward.ledger.keys import SigningKey
from tests.attestation.machines import machine, policy
from tests.chain.anchored import terms
from tests.federation.committee_plans import committee_plan
from tests.federation.counting import SCORES, own_counts
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, Withholding
from tests.federation.private_plans import private_plan
from tests.federation.test_admission import NEW, records

LEAVING, SILENT = "hospital-1", "verifier-4"


class Shelf:
    """Parts by digest, and the entries that they speak of."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries, self.parts, self.newest = entries, {}, b""

    def put(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).digest()
        self.parts[digest] = data
        return digest

    def take(self, history: History) -> bytes:
        """A snapshot of the state as it is."""
        named = history.core and history.snapshot[1] == history.size
        self.newest = self.put(history.core if named else core(history))
        for place in range(len(history.chapters)):
            self.put(chapter(history, place))
        return self.newest

    def entry(self, number: int) -> bytes | None:
        return self.entries[number] if number < len(self.entries) else None

    def restored(self, rules, digest: bytes = b"") -> History:
        history = History(rules)
        restore(history, digest or self.newest, self.parts.get, self.entry)
        return history


def entries_of(engine: InProcessFederation) -> list[bytes]:
    """Of a run that is over."""
    with closing(Database(engine.aggregator.ledger.directory, writable=False)) as database:
        return list(database.entries())


def eventful(folder: Path) -> InProcessFederation:
    """Chain keys, evidence, a false complaint, a refusal, a changed key, a revocation, an admission, an end."""
    agreed = plan(hospitals=5, verifiers=3, rounds=3, threshold=1)
    agreed = replace(agreed, chain=terms(receipts=True), attestation=policy("recorded"))
    engine = InProcessFederation(
        folder, agreed, datasets(agreed), seed=b"c", proofs=FakeProofs(), workers=1,
        parties=Parties({LEAVING: ComplainsFalsely}),
        attesters=dict.fromkeys([*agreed.hospitals, *agreed.verifiers, agreed.aggregator], honest(machine(SNP))),
    )  # fmt: skip
    history = engine.aggregator.history
    engine.run(lambda: history.phase == UPLOAD)
    say(engine, "hospital-2", m.Upload(bytes(32), *[bytes(32)] * 2, 1, bytes(32), bytes(32), ()))
    engine.run(lambda: len(history.closed) == 1)
    say(engine, LEAVING, rotation(history.rules.digest, LEAVING, history.keys[LEAVING], SigningKey(b"n" * 32)))
    new = engine.add_hospital(NEW, *records())
    for name in ("verifier-0", "verifier-2"):
        engine.verifiers[name].request_admission(NEW, new.key.public.raw)
        engine.verifiers[name].request_revocation(LEAVING, "it leaves")
        engine.verifiers[name].request_end("it takes long", at_once=False)
    engine.run()
    return engine


def drawn(folder: Path) -> InProcessFederation:
    """Committees, fingerprints, keys as objects, shares that go, heads, verdicts together; a consent is missing, and a verifier."""
    agreed = replace(committee_plan(rounds=2), scaling=Scaling("fingerprints", "ephemeral", "objects", "heads", "together"))
    engine = InProcessFederation(
        folder, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), workers=1,
        network=Withholding("hospital-5", "consent"),
    )  # fmt: skip
    history = engine.aggregator.history
    engine.run(lambda: len(history.closed) == 1)
    say(engine, SILENT, rotation(history.rules.digest, SILENT, history.keys[SILENT], SigningKey(b"v" * 32)))
    engine.run()
    return engine


def private(folder: Path) -> InProcessFederation:
    """Noise, releases, rounds that count, and own counts that are published."""
    agreed = replace(private_plan(3), counting=(SCORES,))
    engine = InProcessFederation(
        folder, agreed, datasets(agreed), seed=b"p", proofs=FakeProofs(), workers=1,
        counts=dict.fromkeys(agreed.hospitals, own_counts), publishing=agreed.hospitals,
    )  # fmt: skip
    engine.run()
    return engine


def say(engine: InProcessFederation, sender: str, record: m.Message) -> None:
    """A message of a member, carried to the aggregator whatever it says."""
    history = engine.aggregator.history
    signed = Stopped.spoken(type("At", (), {"engine": engine, "history": history})(), sender, record)
    engine.aggregator.handle(encode(Packet(signed, ())))
