"""Snapshots that are damaged, of another encoding, or of another ledger; and a party that starts from its own."""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
from dataclasses import replace

import pytest

from proofward.encoding import decode, encode
from proofward.encoding.cbor import decode_item, encode_item
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.federation.history.history import History
from proofward.federation.history.saved.snapshots import Chapter, Core, core
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage import snapshot_store
from proofward.federation.storage.snapshot_store import SnapshotFolder
from tests.federation.adopted import adopt
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.snapshot_cases import Shelf

pytestmark = pytest.mark.slow
MEMBER = "hospital-1"


class Heard(FaithfulNetwork):
    """Notes what members send."""

    def __init__(self):
        self.packets = []

    def to_aggregator(self, member, message):
        self.packets.append((member, message))
        return (message,)


class Started:
    """An engine on a folder, what it reports, and how many entries each party applied at its start."""

    def __init__(self, folder, monkeypatch, agreed=None):
        self.events, self.applied, self.network = [], 0, Heard()
        agreed = agreed or plan(hospitals=4, verifiers=1, rounds=2, threshold=1)
        apply = History.apply

        def counted(history, data):
            self.applied += 1
            return apply(history, data)

        with monkeypatch.context() as patch:
            patch.setattr(History, "apply", counted)
            self.engine = InProcessFederation(
                folder, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), workers=1,
                network=self.network, observe=self.events.append,
            )  # fmt: skip
        self.history = self.engine.aggregator.history

    @property
    def refused(self):
        return [(event.party, event.refusal.check) for event in self.events if event.refusal is not None]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a federation that stopped in the second round, its rules and entries."""
    folder = tmp_path_factory.mktemp("run") / "run"
    with pytest.MonkeyPatch.context() as patch:
        begun = Started(folder, patch)
    history = begun.history
    begun.engine.run(lambda: history.phase == UPLOAD and history.position()[0] == 2)
    entries = begun.engine.aggregator.ledger.entries(0)
    begun.engine.close()
    return folder, begun.engine.rules, entries


@pytest.fixture(scope="module")
def shelf(stopped):
    """A snapshot in the middle of the second round."""
    _, rules, entries = stopped
    history, made = History(rules), Shelf(entries)
    for entry in entries:
        history.apply(entry)
    made.take(history)
    return made


def check(shelf, rules, digest=b""):
    with pytest.raises(Refusal) as caught:
        shelf.restored(rules, digest)
    assert caught.value.culprit == "state"
    return caught.value.check


def changed(shelf, **changes):
    """The digest of the core with these changes."""
    return shelf.put(encode(replace(decode(shelf.parts[shelf.newest], Core), **changes)))


def test_rejects_a_snapshot_of_another_version_other_rules_or_another_ledger(stopped, shelf):
    _, rules, entries = stopped
    item = decode_item(shelf.parts[shelf.newest])
    assert check(shelf, rules, shelf.put(encode_item({**item, "version": 2}))) == "snapshot-version"
    assert check(shelf, replace(rules, federation="another")) == "snapshot-foreign"
    for other in (entries[:-1], [*entries[:-1], entries[0]]):
        foreign = Shelf(other)
        foreign.parts = shelf.parts
        assert check(foreign, rules, shelf.newest) == "snapshot-foreign"


def test_rejects_parts_that_are_missing_or_changed(stopped, shelf):
    _, rules, _ = stopped
    for digest in (shelf.newest, *decode(shelf.parts[shelf.newest], Core).chapters):
        for data in (None, shelf.parts[digest][:-1], shelf.parts[digest] + b"\0"):
            torn = Shelf(shelf.entries)
            torn.parts, torn.newest = {**shelf.parts, digest: data}, shelf.newest
            assert check(torn, rules) == "snapshot-damaged"


def test_rejects_every_field_of_a_core_that_is_another(stopped, shelf):
    _, rules, _ = stopped
    found = decode(shelf.parts[shelf.newest], Core)
    tail = decode(found.tail, Chapter)
    extra = (("phase", dict(found.fields)["phase"]),)
    for changes in (
        {"size": found.size - 1},
        {"root": bytes(32)},
        {"chapters": found.chapters * 2},
        {"chapters": ()},
        {"tail": b""},
        {"current": found.current + b"\0"},
        {"sharing": found.sharing[::-1]},
        {"fields": found.fields[::-1]},
        {"fields": (*found.fields, ("zzz", b"\x00"))},
        {"fields": tuple(sorted((*found.fields, *extra)))},
        {"fields": tuple((name, data) if name != "phase" else (name, encode_item("nowhere")) for name, data in found.fields)},
        {"fields": tuple(sorted((*found.fields, ("revoked", encode_item(())))))},
        {"tail": encode(replace(tail, first=tail.first + 1))},
        {"tail": encode(replace(tail, leaves=tail.leaves[32:]))},
        {"tail": encode(replace(tail, leaves=tail.leaves[:-32] + bytes(32)))},
        {"tail": encode(replace(tail, digests=tail.digests[:32] * (len(tail.digests) // 32)))},
        {"tail": encode(replace(tail, said=tail.said + b"1"))},
        {"tail": encode(replace(tail, clocks=tail.clocks[1:]))},
        {"tail": encode(replace(tail, slots=tail.slots + b"\n"))},
        {"tail": encode(replace(tail, round=tail.leaves))},
        {"tail": encode(replace(tail, grown=(("said", b"\x00"),)))},
    ):  # fmt: skip
        assert check(shelf, rules, changed(shelf, **changes)) == "snapshot-damaged", changes


def test_what_is_taken_has_one_encoding(stopped, shelf):
    """Whatever bytes of a field are changed: they are refused, or exactly those of the state that they give."""
    _, rules, _ = stopped
    found, rng, taken = decode(shelf.parts[shelf.newest], Core), random.Random(5), 0

    def altered(data):
        place = rng.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]

    for _ in range(40):
        for name in ("current", "fields", "sharing"):
            value = getattr(found, name)
            if name == "current":
                value = altered(value)
            else:
                place = rng.randrange(len(value))
                value = tuple((own, altered(data) if at == place else data) for at, (own, data) in enumerate(value))
            digest = changed(shelf, **{name: value})
            try:
                assert core(shelf.restored(rules, digest)) == shelf.parts[digest]
                taken += 1
            except Refusal as refusal:
                assert refusal.check.startswith("snapshot-")
    assert 0 < taken < 60


def copied(stopped, folder):
    for name in (stopped[0].name, f"{stopped[0].name}.private"):
        shutil.copytree(stopped[0].with_name(name), folder / name)
    adopt(folder)
    return folder / "run"


def without_snapshots(folder):
    shutil.rmtree(folder / "ledger" / "snapshots")
    for path in folder.parent.rglob("state.sqlite"):
        database = sqlite3.connect(path)
        database.execute("DELETE FROM snapshots")
        database.commit()
        database.close()


def finished(started):
    result = started.engine.run()
    assert result.finished and result.halted == {}
    return started.network.packets, state_bytes(started), result.refusals


def state_bytes(started):
    parties = {"": started.engine.aggregator, **started.engine.members}
    return {name: core(party.history) for name, party in parties.items()}


def test_a_run_goes_on_from_snapshots_as_from_all_entries(stopped, tmp_path, monkeypatch):
    quick = Started(copied(stopped, tmp_path / "quick"), monkeypatch)
    folder = copied(stopped, tmp_path / "whole")
    without_snapshots(folder)
    whole = Started(folder, monkeypatch)
    parties, entries = 6, len(stopped[2])
    rest = entries - whole.history.ends[-1]["entries"]
    assert whole.applied > parties * (entries - 12) and quick.applied <= parties * rest < whole.applied / 4
    assert all(party.history.closed.read == 0 for party in quick.engine.members.values())
    assert state_bytes(quick) == state_bytes(whole) and quick.refused == whole.refused == []
    assert finished(quick) == finished(whole)
    assert not (tmp_path / "quick" / "run" / "ledger" / "snapshots").exists()


def test_damaged_snapshots_are_refused_by_name_and_everything_is_replayed(stopped, tmp_path, monkeypatch):
    folder = copied(stopped, tmp_path / "run")
    path = next(path for path in folder.parent.rglob("state.sqlite") if path.parent.name == MEMBER)
    database = sqlite3.connect(path)
    database.execute("UPDATE snapshots SET data = substr(data, 2) WHERE core = 0")
    database.commit()
    database.close()
    for part in (folder / "ledger" / "snapshots").glob("??/*"):
        part.write_bytes(part.read_bytes()[:-1])
    damaged = Started(folder, monkeypatch)
    assert damaged.refused == [("aggregator", "snapshot-damaged"), (MEMBER, "snapshot-damaged")]
    clean = Started(copied(stopped, tmp_path / "clean"), monkeypatch)
    assert clean.refused == [] and state_bytes(damaged) == state_bytes(clean)
    clean.engine.close()
    damaged.engine.close()
    again = Started(folder, monkeypatch)
    assert again.refused == [], "what was replayed has left good ones"
    again.engine.close()


def test_a_full_disk_costs_a_snapshot_and_nothing_else(stopped, tmp_path, monkeypatch):
    started = Started(copied(stopped, tmp_path / "run"), monkeypatch)

    def full(*given):
        raise OSError("no space left")

    monkeypatch.setattr(SnapshotFolder, "keep", full)
    before = started.engine.aggregator.ledger.snapshots.newest()
    started.engine.run(lambda: len(started.history.closed) == 2)
    assert len(started.history.closed) == 2 and before is not None


def test_a_crash_at_any_moment_of_storing_leaves_a_whole_snapshot(tmp_path, monkeypatch):
    folder, calls = SnapshotFolder(tmp_path / "snapshots"), iter(())
    writes = snapshot_store.write_file, snapshot_store.ObjectStore.put, snapshot_store.ObjectStore.path

    def stopping(made):
        def write(*arguments):
            if next(calls, None) == "stop":
                raise OSError("power cut")
            return made(*arguments)

        return write

    monkeypatch.setattr(snapshot_store, "write_file", stopping(writes[0]))
    monkeypatch.setattr(snapshot_store.ObjectStore, "put", stopping(writes[1]))
    assert folder.newest() is None
    for moment in range(5):
        calls = iter(("go",) * moment + ("stop",))
        before = folder.newest()
        data = f"core {moment}".encode()
        try:
            folder.keep(data, [b"chapter", b"another"])
        except OSError:
            assert folder.newest() == before
        newest = folder.newest()
        if newest is not None:
            assert hashlib.sha256(folder.part(newest)).digest() == newest
            assert folder.part(hashlib.sha256(b"chapter").digest()) == b"chapter"
    assert folder.newest() == hashlib.sha256(b"core 4").digest()
