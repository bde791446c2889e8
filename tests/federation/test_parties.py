"""What members and the aggregator do with bytes from outside.

They refuse by name, and never fail otherwise.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial

import pytest

from proofward.encoding import decode, encode
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.messages.wire import Extension, Packet, sign_extension
from proofward.federation.storage.objects import Objects
from tests.federation.harness import Stopped, opened

HOSPITAL, VERIFIER, AGGREGATOR = "hospital-3", "verifier-0", "aggregator"
LARGE = 1 << 30


@pytest.fixture
def stopped(tmp_path):
    federation = Stopped(tmp_path, UPLOAD, 1, HOSPITAL, "upload")
    yield federation
    federation.engine.close()


def last_refusal(stopped):
    party, refusal = stopped.engine.refusals[-1]
    return party, refusal.check, refusal.culprit


@pytest.mark.slow
def test_attachments_must_be_the_named_objects(stopped):
    packet = decode(stopped.network.kept[0], Packet, max_bytes=LARGE)
    size = stopped.history.size
    ciphertext = packet.attachments[0]
    altered = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    stopped.aggregator.handle(encode(replace(packet, attachments=(altered, *packet.attachments[1:]))))
    assert last_refusal(stopped) == (AGGREGATOR, "object-digest", "transport")
    stopped.aggregator.handle(encode(replace(packet, attachments=())))
    assert last_refusal(stopped) == (AGGREGATOR, "object-digest", "transport")
    assert stopped.history.size == size
    stopped.aggregator.handle(stopped.network.kept[0])
    assert stopped.history.size == size + 1 and HOSPITAL in stopped.history.round.uploads


@pytest.mark.slow
def test_a_repeated_packet_changes_nothing(stopped):
    stopped.aggregator.handle(stopped.network.kept[0])
    size, refusals = stopped.history.size, len(stopped.engine.refusals)
    stopped.aggregator.handle(stopped.network.kept[0])
    assert stopped.history.size == size and len(stopped.engine.refusals) == refusals


def test_signed_misbehaviour_is_recorded_with_its_evidence_once(stopped):
    wrong = stopped.said(opened(stopped.network.kept[0]), rows=1000)
    for _ in range(2):
        stopped.aggregator.handle(encode(Packet(wrong, ())))
    assert [(refusal.check, refusal.culprit) for refusal in stopped.history.refusals] == [("rows", HOSPITAL)]
    assert stopped.history.refusals[0].evidence == wrong


def test_unsigned_noise_is_not_recorded(stopped):
    size = stopped.history.size
    stopped.aggregator.handle(b"noise")
    stopped.aggregator.handle(encode(Packet(b"noise", ())))
    assert stopped.history.size == size
    assert last_refusal(stopped) == (AGGREGATOR, "malformed", "transport")


def test_extensions_are_verified_before_anything_is_done(stopped):
    member = stopped.engine.hospitals[HOSPITAL]
    stopped.aggregator.handle(stopped.network.kept[0])
    size = member.history.size
    good = decode(stopped.aggregator.extension(size), Extension)
    assert len(good.entries) >= 1
    signed = partial(sign_extension, key=stopped.aggregator.key, rules=stopped.engine.rules)
    cases = {
        "malformed": b"noise",
        "ledger-signature": signed(replace(good, checkpoint=good.checkpoint[:-5] + b"AAA=\n")),
        "ledger-gap": signed(replace(good, entries=())),
        "extension-signature": encode(replace(good, entries=())),
        "ledger-root": signed(replace(good, entries=(b"x", *good.entries[1:]))),
    }
    for check, message in cases.items():
        assert member.handle(message) == []
        assert last_refusal(stopped) == (HOSPITAL, check, "transport")
        assert member.history.size == size and member.halted is None
    gap = signed(replace(good, first=size + 1, consistency=()))
    assert member.handle(gap) == [] and last_refusal(stopped)[1] == "ledger-gap"
    member.handle(encode(good))
    assert member.history.size == size + len(good.entries)


@pytest.mark.slow
def test_a_shorter_ledger_is_reported_and_another_one_stops_the_member(stopped):
    member = stopped.engine.verifiers[VERIFIER]
    member.handle(stopped.aggregator.extension(member.history.size))
    old = member.checkpoint
    shorter = Extension(0, (), old, ())
    stopped.aggregator.handle(stopped.network.kept[0])
    member.handle(stopped.aggregator.extension(member.history.size))
    signed = partial(sign_extension, key=stopped.aggregator.key, rules=stopped.engine.rules)
    member.handle(signed(shorter))
    assert last_refusal(stopped) == (VERIFIER, "ledger-truncated", AGGREGATOR) and member.halted is None
    extension = decode(stopped.aggregator.extension(0), Extension)
    forged = stopped.aggregator.history.tree.over(
        type(stopped.history.tree)(), [*extension.entries[:-1], b"x"]
    )
    stopped.aggregator.tree = lambda: forged
    member.handle(signed(replace(extension, checkpoint=stopped.aggregator.checkpoint())))
    assert member.halted is not None
    assert (member.halted.check, member.halted.culprit) == ("ledger-consistency", AGGREGATOR)
    assert member.handle(encode(extension)) == []
    assert member.state.fact("evidence") is not None


@pytest.mark.slow
def test_a_member_whose_view_is_refused_knows_that_there_are_two_ledgers(stopped):
    member = stopped.engine.hospitals[HOSPITAL]
    other_view = stopped.signed(opened(stopped.network.kept[0]), seen_root=bytes(32))
    stopped.aggregator.handle(encode(Packet(other_view, ())))
    assert stopped.history.refusals[-1].check == "ledger-view"
    member.handle(stopped.aggregator.extension(member.history.size))
    assert member.halted is not None and member.halted.check == "ledger-split"


@pytest.mark.slow
def test_a_verifier_does_not_judge_altered_objects(stopped):
    stopped.aggregator.handle(stopped.network.kept[0])
    verifier = stopped.engine.verifiers[VERIFIER]
    verifier.objects = Objects(lambda digest: b"altered", AGGREGATOR)
    assert verifier.handle(stopped.aggregator.extension(verifier.history.size)) == []
    assert last_refusal(stopped) == (VERIFIER, "object-digest", AGGREGATOR)
    verifier.objects = Objects(lambda digest: None, AGGREGATOR)
    assert verifier.handle(stopped.aggregator.extension(verifier.history.size)) == []
    assert last_refusal(stopped) == (VERIFIER, "object-missing", AGGREGATOR)
    assert verifier.halted is None
    verifier.objects = stopped.engine.hospitals[HOSPITAL].objects
    topics = [
        opened(packet).topic
        for packet in verifier.handle(stopped.aggregator.extension(verifier.history.size))
    ]
    assert topics == ["verdict"]


@pytest.mark.slow
def test_no_bytes_make_a_party_fail(stopped):
    rng = random.Random(3)
    member = stopped.engine.hospitals["hospital-0"]
    packet, extension = stopped.network.kept[0], stopped.aggregator.extension(0)
    size = stopped.history.size
    for _ in range(150):
        for message, handle in ((packet, stopped.aggregator.handle), (extension, member.handle)):
            data = bytearray(message)
            for _ in range(rng.randint(1, 3)):
                data[rng.randrange(min(len(data), 6000))] = rng.randrange(256)
            handle(bytes(data[: rng.randrange(1, len(data))] if rng.random() < 0.2 else data))
    assert member.halted is None
    assert stopped.history.size <= size + 1


@pytest.mark.slow
def test_a_member_restarts_where_it_was(stopped):
    member = stopped.engine.hospitals[HOSPITAL]
    again = type(member)(
        HOSPITAL, member.key, stopped.engine._around(HOSPITAL, member.proofs), member.records.features, member.records.labels
    )
    assert again.history.root == member.history.root
    assert list(again.resume()) == [stopped.network.kept[0]]
    again.state.close()


@pytest.mark.slow
def test_phases_of_the_schedule_wait_for_everybody(stopped):
    assert stopped.aggregator.due(expired=False) is None
    closing = stopped.aggregator.due(expired=True)
    assert closing.hospitals == ("hospital-0", "hospital-1", "hospital-2")
    stopped.aggregator.advance(expired=True)
    assert stopped.history.round.uploaded == ("hospital-0", "hospital-1", "hospital-2")
