"""Whole federations: a secret whose use is over cannot be had from a member's files.

It cannot be had even with every earlier copy of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.history.state.history_state import CLOSED, CONSENT, KEYS, LOCK, UPLOAD
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records.catalogue import Consent, ShareSum
from proofward.federation.parties.hospital import Hospital
from proofward.federation.storage import secret_store
from proofward.federation.storage.continuity import StateRefused
from proofward.federation.storage.ratchet import Ratchet
from proofward.federation.storage.secret_store import SecretStore
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Withholding
from tests.federation.private_plans import private_plan

pytestmark = pytest.mark.slow

PUBLISHED = ("beacon/own-share",)
"""What a member says openly in the end."""


class Thief:
    """Has seen every secret that was stored, every row of every state at every step, and the files as they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secrets: dict[int, dict[tuple[str, bytes], None]] = {}
        self.rows: dict[int, set[tuple[str, bytes, bytes]]] = {}
        put = SecretStore.put

        def seen(store: SecretStore, name: str, secret: bytes) -> None:
            put(store, name, secret)
            self.secrets.setdefault(id(store), {})[name, secret] = None
            self.look(store)

        monkeypatch.setattr(SecretStore, "put", seen)

    def look(self, store: SecretStore) -> None:
        """Copies all rows as they are now."""
        rows = store._db.execute("SELECT name, wrapped, sealed FROM secrets").fetchall()
        self.rows.setdefault(id(store), set()).update(rows)

    def opens(self, store: SecretStore, folder: Path) -> set[tuple[str, bytes]]:
        """All secrets that the present files, and what was copied before, give."""
        ratchet = Ratchet(folder / "state.ratchet")
        keys = list(ratchet._keys().values())
        ratchet.close()
        found = set()
        for name, wrapped, sealed in self.rows.get(id(store), ()):
            for key in keys:
                try:
                    data = secret_store._open(secret_store._wrapping_key(key, name), b"key", name, wrapped)
                    found.add((name, secret_store._open(data, b"data", name, sealed)))
                except StateRefused:
                    continue
        return found

    def check(self, engine: InProcessFederation) -> None:
        """Of every member, no secret opens but those that are still needed, and none lies in clear."""
        for name, member in engine.members.items():
            store, folder = member.state.secrets, engine.folder.party(name)
            self.look(store)
            kept = {(known, store.get(known)) for known in store.names()}
            opened = self.opens(store, folder)
            erased = {secret for secret in opened - kept if secret[0] not in store.names()}
            assert not erased, (name, engine.aggregator.history.phase, erased)
            assert kept <= opened
            data = b"\xff".join(path.read_bytes() for path in folder.iterdir())
            for known, secret in self.secrets.get(id(store), ()):
                if known not in PUBLISHED:
                    clear = [
                        at for at in range(0, min(len(secret), 64) - 15, 8) if secret[at : at + 16] in data
                    ]
                    assert not clear, (name, known)


def names_of(member: Hospital) -> set[str]:
    """What a hospital still keeps, without numbers."""
    return {
        name.split("/")[0] if not name.startswith("beacon") else name for name in member.state.secrets.names()
    }


def federation(folder: Path, agreed: Plan | None = None, **options) -> InProcessFederation:
    agreed = agreed or plan(hospitals=4, verifiers=1, rounds=2, threshold=1)
    return InProcessFederation(folder, agreed, datasets(agreed), seed=b"e", proofs=FakeProofs(), **options)


@pytest.fixture
def thief(monkeypatch: pytest.MonkeyPatch) -> Thief:
    return Thief(monkeypatch)


def test_a_thief_of_all_files_at_all_times_has_the_secrets_in_use_only(tmp_path, thief) -> None:
    engine = federation(tmp_path, private_plan())
    history, seen = engine.aggregator.history, {}

    def look() -> bool:
        thief.check(engine)
        for name, member in engine.hospitals.items():
            seen.setdefault((member.history.position(), member.history.phase), {})[name] = names_of(member)
        return False

    assert engine.run(look).finished and len(history.closed) == 2
    assert {"sealing", "own-share", "dataset"} <= seen[(1, 0), LOCK]["hospital-0"] | seen[(1, 0), CONSENT][
        "hospital-0"
    ]
    kinds = {name.split("/")[0] for kept in thief.secrets.values() for name, _ in kept}
    assert kinds == {"dataset", "sealing", "own-share", "beacon", "noise"}
    for position, phase in seen:
        if position[0] == 2 and phase == KEYS:
            assert all("own-share" not in kept for kept in seen[position, phase].values())


def test_a_share_sum_erases_before_it_is_sent(tmp_path, thief) -> None:
    network = Withholding("hospital-1", ShareSum.kind)
    engine = federation(tmp_path, network=network)
    engine.run(lambda: bool(network.kept))
    assert names_of(engine.hospitals["hospital-1"]) == {"dataset"}
    thief.check(engine)
    engine.close()


def test_the_end_erases_everything(tmp_path, thief, monkeypatch) -> None:
    engine, left = federation(tmp_path), {}
    monkeypatch.setattr(engine, "_close_states", lambda: None)
    assert engine.run().finished
    for name, member in engine.members.items():
        assert member.history.phase == CLOSED
        left[name] = member.state.secrets.names()
    assert not any(left.values()), left
    thief.check(engine)


def test_a_halt_erases_everything(tmp_path, thief) -> None:
    engine = federation(tmp_path)
    engine.run(lambda: engine.aggregator.history.phase == UPLOAD)
    hospital = engine.hospitals["hospital-2"]
    assert names_of(hospital) >= {"dataset", "sealing"}
    hospital._refuse(Refusal("ledger-consistency", "aggregator", "one ledger", "another"), b"evidence")
    assert hospital.state.secrets.names() == [] and hospital.halted is not None
    thief.check(engine)
    engine.close()


def test_an_abandoned_attempt_erases_its_secrets(tmp_path, thief) -> None:
    network = Withholding("hospital-3", Consent.kind)
    engine = federation(tmp_path, network=network)
    history = engine.aggregator.history
    engine.run(lambda: history.position() == (1, 1) and history.phase == UPLOAD)
    if history.position() != (1, 1):
        pytest.fail(f"no second attempt: {history.position()} {history.phase}")
    for name in ("hospital-0", "hospital-1", "hospital-2"):
        kept = engine.hospitals[name].state.secrets.names()
        assert not [known for known in kept if known.endswith("/1/0")], kept
    thief.check(engine)
    engine.close()


def test_the_deadline_of_unmasking_erases_and_no_sum_is_said_after_it(tmp_path, thief) -> None:
    network = Withholding("hospital-", Consent.kind)
    engine = federation(tmp_path, network=network)
    history = engine.aggregator.history
    engine.run(lambda: len({packet for packet in network.kept}) == 4)
    kept, network.kept, network.topic = network.kept, [], ShareSum.kind
    for packet in kept:
        engine.aggregator.handle(packet)
    engine.aggregator.advance()
    assert history.phase == LOCK
    hospital = engine.hospitals["hospital-0"]
    hospital._follow(extension(engine, hospital))
    assert "sealing" in names_of(hospital)
    hospital.expire()
    assert names_of(hospital) == {"dataset"}
    assert hospital.handle(engine.aggregator.extension(hospital.history.size)) == []
    assert hospital.halted is None
    thief.check(engine)
    engine.close()


def test_the_deadline_of_consent_erases_and_an_abandonment_may_follow(tmp_path, thief) -> None:
    network = Withholding("hospital-3", Consent.kind)
    engine = federation(tmp_path, network=network)
    history = engine.aggregator.history
    engine.run(lambda: bool(network.kept))
    assert history.phase == CONSENT
    hospital = engine.hospitals["hospital-0"]
    assert "sealing" in names_of(hospital)
    hospital.expire()
    assert names_of(hospital) == {"dataset"}
    thief.check(engine)
    for packet in network.kept:
        engine.aggregator.handle(packet)
    engine.aggregator.advance()
    assert history.phase == LOCK
    late = engine.hospitals["hospital-0"]
    assert late.handle(engine.aggregator.extension(late.history.size)) == [] and late.halted is None
    result = engine.run(lambda: len(history.closed) == 1)
    assert len(history.closed) == 1 and not result.halted, "the other holders are enough"
    engine.close()


def extension(engine, member):
    from proofward.federation.messages.wire import open_extension

    return open_extension(engine.aggregator.extension(member.history.size), engine.rules)


def test_the_thief_would_find_what_is_not_erased(tmp_path, thief, monkeypatch) -> None:
    """Without erasure the check above fails."""
    monkeypatch.setattr(Ratchet, "erase_others", lambda self, name: None)
    engine = federation(tmp_path)
    with pytest.raises(AssertionError):
        engine.run(lambda: thief.check(engine))
    engine.close()
