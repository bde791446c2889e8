"""Sealing keys as objects: who fetches which, who notices what is wrong with them, and whom nobody blames."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from proofward.encoding import encode
from proofward.engines.attacks.hospitals import SealsWrongShare
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.remote.memory_sticks.awaited import needed_objects
from proofward.federation.history.ephemeral import disposable
from proofward.federation.history.history import History
from proofward.federation.history.saved.snapshots import core
from proofward.federation.history.sharing.sealing_keys import (
    complaint_of,
    key_complained_of,
    key_objects,
    published_keys,
    require_whole,
)
from proofward.federation.history.state.history_state import KEYS, SHARES, UPLOAD
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.scaling import PLAIN, Scaling
from proofward.federation.messages.records.catalogue import (
    HolderKeyRoot,
    HolderKeys,
    PlacedComplaint,
    ShareComplaint,
    Verdicts,
)
from proofward.federation.parties import aggregator
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.federation.storage.objects import Objects, StoredObjects
from proofward.lattice.errors import ComplaintRefused
from proofward.lattice.sealing import PUBLIC_KEY_BYTES
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened
from tests.federation.snapshot_cases import Shelf, entries_of
from tests.federation.test_snapshots import equal_rounds

APART = Scaling(shares="ephemeral", sealing_keys="objects")
NO_KEY = b"\xff" * PUBLIC_KEY_BYTES


class Run:
    """A whole federation with keys apart, and its audit; some hospitals are dishonest."""

    def __init__(self, directory, hospitals=None, number=4, rounds=1, scaling=APART):
        agreed = replace(plan(number, 3, rounds, threshold=1), scaling=scaling)
        self.engine = InProcessFederation(directory, agreed, datasets(agreed), seed=b"k", proofs=FakeProofs(),
                                          workers=1, parties=Parties(hospitals or {}))  # fmt: skip
        self.result, self.history = self.engine.run(), self.engine.aggregator.history
        verdicts = list(Auditor(directory / "ledger", FakeProofs()).run())
        self.flaws = {(v.refusal.check, v.refusal.culprit) for v in verdicts if v.refusal is not None}
        self.checked = [verdict.detail for verdict in verdicts if verdict.check == "sealing-keys"]

    @property
    def refusals(self):
        return {(party, refusal.check, refusal.culprit) for party, refusal in self.result.refusals}

    @property
    def keys(self):
        """Whether the object with a holder's keys is there, by attempt and holder."""
        has = self.engine.aggregator.ledger.has_object
        states = (*self.history.earlier, *self.history.closed, *filter(None, [self.history.current]))
        return {(state.number, state.attempt, name): has(said.keys)
                for state in states for name, said in state.holder_keys.items()}  # fmt: skip


class SaysOtherwise(Hospital):
    """Publishes something else than its keys."""

    def say(self, record, attachments=(), *given, **named):
        """As it is, but for that."""
        if isinstance(record, HolderKeyRoot):
            record, attachments = self.altered(record, attachments)
        return super().say(record, attachments, *given, **named)

    def altered(self, said, objects):
        raise NotImplementedError


class SaysAnotherRoot(SaysOtherwise):
    def altered(self, said, objects):
        return replace(said, root=bytes(32)), objects


class SendsNoKeys(SaysOtherwise):
    def altered(self, said, objects):
        return said, ()


class SaysOneKeyTwice(Hospital):
    def sealing_keys(self, seed):
        first, *rest = super().sealing_keys(seed)
        return (first, *rest[:-1], first)


class PublishesNoKey(Hospital):
    """For its first dealer something that is no key."""

    def sealing_keys(self, seed):
        return (NO_KEY, *super().sealing_keys(seed)[1:])


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("honest") / "run", number=3, rounds=2)


def test_keys_are_apart_and_go_with_their_round(honest):
    assert honest.result.finished and honest.result.refusals == [] and honest.flaws == set()
    for state in honest.history.closed:
        assert {len(encode(said)) for said in state.holder_keys.values()} == {117}
        assert {said.number for said in state.holder_keys.values()} == {3}
    assert len(honest.keys) == 6 and not any(honest.keys.values())
    assert honest.checked == ["not judged"] * 6, "the audit accepts that they are gone"
    first = {said.keys for said in honest.history.closed[0].holder_keys.values()}
    assert first <= disposable(honest.history, 1) and not first & disposable(honest.history, 2)


def test_a_holder_whose_keys_are_not_whole_is_not_present_and_nobody_else_is_blamed(tmp_path):
    liars = {"hospital-1": SaysAnotherRoot, "hospital-3": SaysOneKeyTwice, "hospital-4": SendsNoKeys}
    run = Run(tmp_path / "run", liars, number=8)
    (state,) = run.history.closed
    others = tuple(name for name in run.engine.rules.hospitals if name not in liars)
    assert run.result.finished and state.present == others == state.accepted.record.hospitals
    assert run.result.halted == {} and run.flaws == set() and run.result.faults == []
    blamed = {("aggregator", "sealing-keys", name) for name in liars if name != "hospital-4"}
    found = {entry for entry in run.refusals if entry[0] not in liars}
    assert found == blamed | {("aggregator", "object-digest", "transport")}
    assert not set(run.keys) & {(1, 0, name) for name in liars}


def test_who_publishes_no_key_blames_nobody_and_a_bad_dealer_is_named_without_the_keys(tmp_path):
    together = replace(APART, verdicts="together")
    run = Run(tmp_path / "run", {"hospital-1": PublishesNoKey, "hospital-3": SealsWrongShare}, 6, scaling=together)
    (first,), (second,) = run.history.earlier, run.history.closed
    assert run.result.finished and run.result.halted == {}
    assert {(fault.culprit, fault.check) for fault in run.result.faults} == {
        ("hospital-1", "complaint"), ("hospital-3", "key-share"),
    }  # fmt: skip
    sealed = first.uploads["hospital-0"].record.sealed_shares[first.committee.index("hospital-1")]
    assert sealed == hashlib.sha256(b"").digest() and ("hospital-1", "hospital-0") in first.complaints
    assert second.accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-4", "hospital-5")
    assert not any(run.keys.values()) and run.flaws == set(), "complaints are judged again without the keys"
    restored_from_snapshots(run.engine)


def restored_from_snapshots(engine):
    """Keys, complaints with their paths and verdicts of one message come back from a snapshot."""
    entries, history = entries_of(engine), History(engine.rules)
    shelf, seen = Shelf(entries), set()
    for entry in entries:
        seen.add(kind := history.apply(entry).topic)
        if kind in (PlacedComplaint.kind, "accepted-set", "round-closed"):
            again = shelf.restored(engine.rules, shelf.take(history))
            assert core(again) == core(history)
            if history.current is not None:
                equal_rounds(history.current, again.current)
    assert seen >= {PlacedComplaint.kind, HolderKeyRoot.kind, Verdicts.kind}


def test_a_host_that_records_keys_without_their_root_stops_the_round_and_both_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(aggregator, "require_whole", lambda *given: None)
    run = Run(tmp_path / "run", {"hospital-1": SaysAnotherRoot})
    assert not run.result.finished and run.history.phase == UPLOAD and run.result.halted == {}
    dealers = {name for name in run.engine.rules.hospitals if name != "hospital-1"}
    assert run.refusals == {(name, "object-part", "aggregator") for name in dealers}
    assert run.result.faults == [] and all(run.keys.values())
    assert run.flaws == {("sealing-keys", "hospital-1"), ("complete", "aggregator")}
    roots = [run.history.round.holder_keys[name].root.hex() for name in dealers]
    assert sorted(filter(None, run.checked)) == sorted(f"4 keys under {root}" for root in roots)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Stopped while the keys of one hospital are awaited, under either kind of rules."""
    made = {}
    for kind, scaling in ((HolderKeys, PLAIN), (HolderKeyRoot, APART)):
        agreed = replace(plan(4, 1, 1, threshold=1), scaling=scaling)
        made[kind] = Stopped(tmp_path_factory.mktemp("asked"), KEYS, 1, "hospital-0", kind.kind, agreed)
    return made


@pytest.mark.parametrize(
    "changes",
    [{"number": 3}, {"number": 5}, {"number": 0}, {"root": b""}, {"root": bytes(31)}, {"keys": b""},
     {"keys": b"", "root": b"", "number": 0}],
)  # fmt: skip
def test_rejects_another_number_root_or_object(asked, changes):
    stopped = asked[HolderKeyRoot]
    envelope = opened(stopped.network.kept[0])
    assert stopped.history.judge(envelope.data) == envelope
    assert stopped.check(stopped.said(envelope, **changes)) == ("sealing-keys", "hospital-0")


def test_rejects_the_kind_of_other_rules(asked):
    said = {kind: opened(stopped.network.kept[0]).record for kind, stopped in asked.items()}
    for kind, other in ((HolderKeys, HolderKeyRoot), (HolderKeyRoot, HolderKeys)):
        assert asked[kind].check(asked[kind].spoken("hospital-0", said[other])) == ("sealing-keys", "hospital-0")


def stored_in(engine):
    return ObjectStore(engine.folder.ledger / OBJECTS_NAME)


class OtherKeys(StoredObjects):
    """Gives the key at the next place, with its own path."""

    def parts(self, wholes, place):
        return super().parts(wholes, (place + 1) % 4)


def test_a_dealer_takes_no_other_key_waits_and_goes_on(tmp_path):
    agreed = replace(plan(4, 1, 1, threshold=1), scaling=APART)
    engine = InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"k", proofs=FakeProofs(), workers=1)
    member, history = engine.hospitals["hospital-0"], engine.aggregator.history
    stored, member.objects = member.objects, Objects(OtherKeys(stored_in(engine)), "aggregator")
    assert engine.run(lambda: history.current is not None and len(history.round.uploads) == 3).halted == {}
    assert member.history.phase == UPLOAD and member.name not in history.round.uploads
    assert {(party, refusal.check, refusal.culprit) for party, refusal in engine.refusals} == {
        ("hospital-0", "object-part", "aggregator")
    }
    member.objects = Objects(lambda digest: None, "aggregator")
    assert list(member.resume()) == [] and member.halted is None
    needed = set(key_objects(history))
    assert len(needed) == 4 and needed <= needed_objects(history, "hospital-0")
    assert not needed & needed_objects(history, "verifier-0")
    member.objects = stored
    result = engine.run()
    assert result.finished and len(history.closed[0].accepted.record.hospitals) == 4 and result.faults == []
    assert {refusal.check for _, refusal in result.refusals} == {"object-part", "object-missing"}


@pytest.fixture(scope="module")
def complaining(tmp_path_factory):
    agreed = replace(plan(4, 1, 1, threshold=1), scaling=APART)
    return Stopped(tmp_path_factory.mktemp("complaining"), SHARES, agreed=agreed, topic="shares-checked")


def test_a_complaint_shows_a_key_that_the_holder_has_published(complaining):
    history, member = complaining.history, complaining.engine.hospitals["hospital-1"]
    seed = member.state.secrets.get(member.fact_name("sealing"))
    said = complaint_of(history, "hospital-1", "hospital-2", seed)
    (key,) = published_keys(history, member.objects, "hospital-2", ["hospital-1"]).values()
    assert key_complained_of(history, "hospital-1", said) == key
    other = complaint_of(history, "hospital-1", "hospital-3", seed)
    for changes in ({"path": said.path[:-1]}, {"path": ()}, {"path": other.path}, {"pair_key": other.pair_key},
                    {"pair_key": bytes(32)}, {"dealer": "hospital-3"}):  # fmt: skip
        with pytest.raises(ComplaintRefused, match="another pair secret"):
            key_complained_of(history, "hospital-1", replace(said, **changes))
    with pytest.raises(ComplaintRefused, match="another pair secret"):
        key_complained_of(history, "hospital-3", said)


def test_rejects_a_complaint_of_other_rules(complaining):
    digest = complaining.history.round.uploads["hospital-2"].digest
    said = ShareComplaint("hospital-2", digest, bytes(32))
    assert complaining.check(complaining.spoken("hospital-1", said)) == ("complaint", "hospital-1")
    placed = PlacedComplaint(*vars(said).values(), path=(bytes(32),) * 2)
    assert complaining.history.judge(complaining.spoken("hospital-1", placed)).record == placed


@pytest.mark.parametrize(
    ("data", "found"),
    [(b"", "0"), (b"a" * PUBLIC_KEY_BYTES, "1216"), (b"ab" * PUBLIC_KEY_BYTES, "a repeated key")],
)
def test_rejects_keys_that_are_too_few_or_repeated(data, found):
    said = HolderKeyRoot(bytes(32), bytes(32), 2)
    with pytest.raises(Refusal) as refusal:
        require_whole("a", said, lambda digest: data)
    assert (refusal.value.check, refusal.value.culprit, refusal.value.actual) == ("sealing-keys", "a", found)
    with pytest.raises(Refusal, match="object-missing"):
        require_whole("a", said, lambda digest: None)
    require_whole("a", HolderKeyRoot(b"", b"", 0), lambda digest: None)


def test_rules_say_it_only_where_it_is_not_usual():
    assert Scaling(sealing_keys="objects").to_item() == {"sealing_keys": "objects"} and PLAIN.to_item() == {}
    assert Scaling.from_item({"sealing_keys": "objects"}).key_objects and not PLAIN.key_objects
