"""How much work a round is, in operations: entries decoded, signatures checked, verdicts looked at.

What all members of one process are shown alike is decoded and verified once. What a member does for itself
grows with the number of entries, and not with its square.
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from proofward.encoding import decode, encode
from proofward.encoding.remembered import Remembered, memory
from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.state import beacon_sharing
from proofward.federation.history.state.votes import Votes
from proofward.federation.messages import envelope, wire
from proofward.federation.messages.envelope import (
    Envelope,
    parse_envelope,
    parsed_envelopes,
    seal_envelope,
    signed_by,
)
from proofward.federation.messages.records.catalogue import EnrolmentClosed, Verdict
from proofward.federation.storage.log_tree import LogTree, Roots
from proofward.ledger.keys import SigningKey, verifications
from tests.federation.fakes import FakeProofs, datasets, plan

VERIFIERS = 3
SHARED = (parsed_envelopes, verifications, wire.opened_extensions, beacon_sharing._good_shares)


class Counted:
    """One round among so many hospitals."""

    def __init__(self, directory, hospitals: int, monkeypatch) -> None:
        self.hospitals, self.looked = hospitals, 0
        for shared in SHARED:
            shared.forget()
        before = [shared.made for shared in SHARED]
        agreed = plan(hospitals=hospitals, verifiers=VERIFIERS, rounds=1, threshold=hospitals // 2)
        engine = InProcessFederation(directory, agreed, datasets(agreed), seed=b"o", proofs=FakeProofs(), workers=1)
        with monkeypatch.context() as patch:
            self.watch(patch)
            assert engine.run().finished
        self.verdicts = len(engine.aggregator.history.closed[0].verdicts)
        self.members = hospitals + VERIFIERS + 1
        self.entries = engine.aggregator.history.size
        self.envelopes, self.signatures, self.extensions, self.shares = (
            shared.made - made for shared, made in zip(SHARED, before, strict=True)
        )

    def watch(self, patch) -> None:
        about, each = Votes.about, Votes.__iter__

        def looked(votes, *subject):
            found = about(votes, *subject)
            self.looked += len(found)
            return found

        def listed(votes):
            self.looked += len(votes)
            return each(votes)

        patch.setattr(Votes, "about", looked)
        patch.setattr(Votes, "__iter__", listed)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A round of 4 hospitals and one of 8."""
    with pytest.MonkeyPatch.context() as patch:
        return [Counted(tmp_path_factory.mktemp("run") / "run", number, patch) for number in (4, 8)]


def test_every_entry_is_decoded_once_in_a_process(counted):
    for found in counted:
        assert found.envelopes == found.entries


def test_every_signature_is_checked_once_in_a_process(counted):
    for found in counted:
        assert found.entries < found.signatures <= found.entries + 2 * found.extensions + found.members


def test_every_share_of_a_nonce_is_checked_once_in_a_process(counted):
    for found in counted:
        dealers = found.hospitals + VERIFIERS
        assert found.shares == dealers * found.hospitals


def test_a_member_looks_at_a_verdict_a_few_times_however_many_hospitals_there_are(counted):
    few, many = (found.looked / (found.members * found.verdicts) for found in counted)
    assert few < 20 and many < 20
    assert many < 1.2 * few


def test_what_is_remembered_stays_within_its_bytes_and_errors_are_not_remembered():
    calls = []

    def make(key):
        calls.append(key)
        if not key:
            raise ValueError("nothing")
        return key * 2

    remembered = Remembered(make, lambda key, _: len(key), 16)
    assert [remembered(b"abc"), remembered(b"abc")] == [b"abcabc"] * 2 and calls == [b"abc"]
    for key in (b"defg", b"hijk", b"lmno", b"pqrs"):
        remembered(key)
    assert remembered.held <= 16
    assert remembered(b"abc") == b"abcabc" and calls.count(b"abc") == 2
    assert remembered(b"too long") == remembered(b"too long") and calls.count(b"too long") == 2
    for _ in range(2):
        with pytest.raises(ValueError, match="nothing"):
            remembered(b"")
    assert calls.count(b"") == 2


def test_what_is_parsed_counts_with_all_that_it_takes(monkeypatch):
    """A record of many short names takes some fifteen times its bytes; it is counted so, and driven out."""
    names = tuple(f"{number:x}" for number in range(256, 4096))
    unsigned = Envelope(bytes(32), "a", "hospital", 1, 0, 0, bytes(32), 0, encode(EnrolmentClosed(names)), b"")
    messages = [replace(unsigned, round=number).data for number in range(1, 9)]
    kept = Remembered(envelope._parsed, parsed_envelopes._size, 8 * memory(EnrolmentClosed(names)))
    monkeypatch.setattr(envelope, "parsed_envelopes", kept)
    tracemalloc.start()
    try:
        opened, used = [], tracemalloc.get_traced_memory()[0]
        for data in messages[:2]:
            opened.append(parse_envelope(data))
            before = kept.held
            assert opened[-1].record.hospitals == names and kept.held - before > 10 * len(data)
        taken = tracemalloc.get_traced_memory()[0] - used
    finally:
        tracemalloc.stop()
    assert 0.8 * taken < kept.held < 2 * taken
    for data in messages:
        assert parse_envelope(data).record.hospitals == names
    made = kept.made
    parse_envelope(messages[0])
    assert kept.held <= 8 * memory(EnrolmentClosed(names)) and (made, kept.made) == (8, 9)


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """All entries of a small federation, and its members' keys."""
    agreed = plan(hospitals=3, verifiers=1, rounds=1, threshold=1)
    engine = InProcessFederation(tmp_path_factory.mktemp("run") / "run", agreed, datasets(agreed), seed=b"o",
                                 proofs=FakeProofs(), workers=1)  # fmt: skip
    engine.run(lambda: engine.aggregator.history.phase == "confirm")
    found = engine.aggregator.ledger.entries(0)
    engine.close()
    return found


def test_the_signed_part_of_received_bytes_is_that_of_the_record_encoded_again(entries):
    topics = set()
    for data in entries:
        received, made = parse_envelope(data), decode(data, Envelope)
        assert received.data == encode(made) == data
        assert received.signed_part() == made.signed_part()
        topics.add(received.topic)
    assert Verdict.kind in topics and len(topics) > 15


def test_a_remembered_verification_is_of_all_its_bytes(entries):
    key = SigningKey(b"k" * 32)
    last = parse_envelope(parse_envelope(entries[-1]).data)
    signed = parse_envelope(seal_envelope(replace(last, signature=b""), key).data)
    other = parse_envelope(replace(signed, time=signed.time + 1).data)
    for _ in range(2):
        assert signed_by(signed, key.public)
        assert not signed_by(other, key.public)
        assert not signed_by(signed, SigningKey(b"o" * 32).public)


def test_roots_that_are_asked_for_late_are_those_of_their_time(entries):
    tree, known = LogTree(), []
    roots = Roots(tree)
    for data in entries:
        known.append(tree.root())
        tree.append(data)
    known.append(tree.root())
    assert list(roots) == known and roots[-1] == known[-1] and roots[1:3] == known[1:3]
    shorter = LogTree.over(LogTree(), entries[:5])
    longer = LogTree.over(shorter, entries[5:])
    assert longer.root() == known[-1] and shorter.root() == known[5]
    with pytest.raises(IndexError):
        roots[len(entries) + 1]
