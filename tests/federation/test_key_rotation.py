"""A member changes its key through the ledger: what it signs with, what it signs again, what others refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.encoding import MalformedMessage, encode
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CONSENT, KEYS, UNMASK, UPLOAD, VERIFY
from proofward.federation.history.steps.membership import (
    MAX_ROTATIONS,
    ROTATION_CONTEXT,
    rotation,
    rotation_payload,
)
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records import catalogue as m
from proofward.federation.messages.wire import Packet
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.verifier import Verifier
from proofward.ledger.keys import SigningKey, sign
from tests.federation.fakes import FakeProofs, datasets
from tests.federation.harness import Stopped, opened

pytestmark = pytest.mark.slow

HOSPITAL, OTHER, VERIFIER, AGGREGATOR = "hospital-2", "hospital-0", "verifier-0", "aggregator"
FIRST, SECOND = SigningKey(b"1" * 32), SigningKey(b"2" * 32)


def changing(kind, *keys):
    """A party that is started with these keys, the folder's first where None."""

    class Changing(kind):
        def __init__(self, name, key, *rest):
            given = [given or key for given in keys]
            super().__init__(name, given[0], *rest, next_key=given[1] if len(given) > 1 else None)

    return Changing


def start(directory, agreed, network=None, hospital=(None,), verifier=(None,)):
    """The run in a folder, with the keys of one hospital and one verifier."""
    parties = Parties({HOSPITAL: changing(Hospital, *hospital)}, {VERIFIER: changing(Verifier, *verifier)})
    return InProcessFederation(
        directory, agreed, datasets(agreed), seed=b"s", network=network, parties=parties, proofs=FakeProofs()
    )


def restarted(stopped, directory, **keys):
    """The same run, closed and started again with other keys."""
    stopped.engine.close()
    return start(directory, stopped.plan, **keys)


def signers(history, ledger, name):
    """The keys, in the order of the entries, that a member's messages are signed with."""
    found, replayed = [], History(history.rules)
    for entry in ledger:
        before = replayed.keys[name]
        if replayed.apply(entry).sender == name and before not in found:
            found.append(before)
    return found


def flaws(directory):
    return [str(found) for found in Auditor(directory / "ledger", FakeProofs()).run() if not found.passed]


@pytest.fixture
def stopped(tmp_path):
    federation = Stopped(tmp_path, UPLOAD, 1, HOSPITAL, "upload")
    yield federation
    federation.engine.close()


@pytest.mark.parametrize("phase", ["upload", "holder-keys", "consent", "share-sum"])
def test_a_rotation_within_a_round_and_what_was_stored_is_signed_again(tmp_path, phase):
    place = {"upload": UPLOAD, "holder-keys": KEYS, "consent": CONSENT, "share-sum": UNMASK}[phase]
    stopped = Stopped(tmp_path, place, 1, HOSPITAL, phase)
    lost = opened(stopped.network.kept[0])
    engine = restarted(stopped, tmp_path, hospital=(None, FIRST), verifier=(None, SECOND))
    result = engine.run()
    assert result.finished and result.refusals == [] and result.halted == {} and result.faults == []
    history = engine.aggregator.history
    assert history.keys[HOSPITAL] == FIRST.public.raw and history.keys[VERIFIER] == SECOND.public.raw
    assert lost.digest not in history.recorded
    assert history.closed[0].accepted.record.hospitals == tuple(stopped.plan.hospitals)
    assert engine.hospitals[HOSPITAL].key is FIRST and flaws(tmp_path) == []


def test_what_is_signed_again_says_the_same(stopped, tmp_path):
    lost = opened(stopped.network.kept[0])
    engine = restarted(stopped, tmp_path, hospital=(None, FIRST))
    engine.run(lambda: HOSPITAL in engine.aggregator.history.round.uploads)
    recorded = engine.aggregator.history.round.uploads[HOSPITAL].envelope
    assert recorded.body == lost.body and recorded.signature != lost.signature
    assert (recorded.seen_size, recorded.seen_root) == (lost.seen_size, lost.seen_root)
    size = engine.aggregator.history.size
    engine.aggregator.handle(stopped.network.kept[0])
    assert engine.aggregator.history.size == size and engine.refusals[-1][1].check == "signature"
    engine.close()


def test_two_rotations_in_a_row(stopped, tmp_path):
    engine = restarted(stopped, tmp_path, hospital=(None, FIRST))
    engine.run(lambda: engine.aggregator.history.phase == VERIFY or engine.aggregator.history.current.aggregate)
    engine.close()
    engine = start(tmp_path, stopped.plan, hospital=(FIRST, SECOND))
    result = engine.run()
    assert result.finished and result.faults == [] and flaws(tmp_path) == []
    history = engine.aggregator.history
    assert history.keys[HOSPITAL] == SECOND.public.raw
    again = start(tmp_path, stopped.plan, hospital=(FIRST, SECOND))
    entries = again.hospitals[HOSPITAL].state.entries()
    original = again.rules.find(HOSPITAL).key
    assert signers(history, entries, HOSPITAL) == [original, FIRST.public.raw, SECOND.public.raw]
    again.close()


def test_a_rotation_that_was_stored_and_not_sent_is_sent_after_a_restart(stopped, tmp_path):
    engine = restarted(stopped, tmp_path, hospital=(None, FIRST))
    owed = list(engine.hospitals[HOSPITAL].resume())
    assert [opened(packet).topic for packet in owed] == ["key-rotation"]
    engine.close()
    engine = start(tmp_path, stopped.plan, hospital=(None, FIRST))
    assert list(engine.hospitals[HOSPITAL].resume()) == owed
    engine.close()
    engine = start(tmp_path, stopped.plan, hospital=(FIRST,))
    assert list(engine.hospitals[HOSPITAL].resume()) == []
    assert engine.refusals[-1][1].check == "key-replaced" and engine.hospitals[HOSPITAL].halted is None
    engine.close()
    engine = start(tmp_path, stopped.plan, hospital=(None, SECOND))
    assert engine.run().finished and flaws(tmp_path) == []
    assert engine.aggregator.history.keys[HOSPITAL] == SECOND.public.raw
    assert opened(owed[0]).digest not in engine.aggregator.history.recorded


@pytest.mark.parametrize("keys", [(None, FIRST), (FIRST, None), (FIRST,)])
def test_a_member_whose_copy_lags_behind_starts_with_either_key(stopped, tmp_path, keys):
    engine = restarted(stopped, tmp_path, hospital=(None, FIRST))
    owed = list(engine.hospitals[HOSPITAL].resume())
    engine.aggregator.handle(owed[0])
    assert engine.hospitals[HOSPITAL].history.keys[HOSPITAL] != FIRST.public.raw
    engine.close()
    engine = start(tmp_path, stopped.plan, hospital=keys)
    result = engine.run()
    assert result.finished and result.faults == [] and flaws(tmp_path) == []


def test_the_old_key_alone_starts_a_lagging_member_that_then_says_nothing_more(stopped, tmp_path):
    engine = restarted(stopped, tmp_path, hospital=(None, FIRST))
    engine.aggregator.handle(next(iter(engine.hospitals[HOSPITAL].resume())))
    engine.close()
    engine = start(tmp_path, stopped.plan)
    member = engine.hospitals[HOSPITAL]
    assert member.handle(engine.aggregator.extension(member.history.size)) == []
    assert engine.refusals[-1][1].check == "key-replaced" and member.halted is None
    original = engine.folder.key(HOSPITAL)
    around = engine._around(HOSPITAL, FakeProofs())
    for key, other, check in ((original, None, "key"), (SECOND, None, "key"), (FIRST, original, "key-used")):
        with pytest.raises(Refusal) as caught:
            Hospital(HOSPITAL, key, around, *datasets(stopped.plan)[HOSPITAL], next_key=other)
        assert (caught.value.check, caught.value.culprit) == (check, HOSPITAL)
    around.state.close()
    engine.close()
    engine = start(tmp_path, stopped.plan, hospital=(None, FIRST))
    assert engine.hospitals[HOSPITAL].key is FIRST and engine.run().finished


def test_a_vote_stored_before_the_rotation_is_sent_after_it(tmp_path):
    stopped = Stopped(tmp_path, KEYS, 1, HOSPITAL, "holder-keys")
    stopped.engine.hospitals[HOSPITAL].request_revocation(HOSPITAL, "merger")
    lost = next(iter(stopped.engine.hospitals[HOSPITAL].resume()))
    engine = restarted(stopped, tmp_path, hospital=(None, FIRST))
    result = engine.run()
    history = engine.aggregator.history
    assert result.finished and set(history.revoked) == {HOSPITAL} and flaws(tmp_path) == []
    assert history.keys[HOSPITAL] == FIRST.public.raw and opened(lost).digest not in history.recorded


def turn(stopped, name=HOSPITAL, new=FIRST, old=None):
    """The record with which a member changes its key."""
    digest = stopped.engine.rules.digest
    return rotation(digest, name, old or stopped.history.keys[name], new)


def test_messages_under_the_old_key_are_refused_and_those_under_the_new_one_taken(stopped):
    waiting = opened(stopped.network.kept[0])
    recorded = stopped.history.round.holder_keys[HOSPITAL]
    stopped.history.apply(change := stopped.spoken(HOSPITAL, turn(stopped)))
    assert stopped.check(waiting.data) == ("signature", "transport")
    assert stopped.check(change) == ("signature", "transport")
    renewed = stopped.spoken(HOSPITAL, waiting.record, FIRST)
    assert stopped.history.judge(renewed).record == waiting.record
    assert stopped.history.judge(stopped.spoken(HOSPITAL, turn(stopped, new=SECOND), FIRST))
    again = stopped.spoken(HOSPITAL, recorded, FIRST)
    assert stopped.check(again) == ("replay", HOSPITAL)


def test_evidence_is_judged_with_the_keys_of_that_moment(stopped):
    wrong = stopped.said(opened(stopped.network.kept[0]), rows=1000)
    found = stopped.refusal(wrong)
    refused = m.MessageRefused(wrong, found.check, found.culprit, found.expected, found.actual)
    assert stopped.history.judge(stopped.announced(refused))
    stopped.history.apply(stopped.spoken(HOSPITAL, turn(stopped)))
    assert stopped.check(stopped.announced(refused)) == ("refusal", AGGREGATOR)


def test_a_recorded_message_that_comes_again_after_the_rotation_is_no_fault(stopped):
    change = encode(Packet(stopped.spoken(HOSPITAL, turn(stopped)), ()))
    stopped.aggregator.handle(change)
    size, refusals = stopped.history.size, len(stopped.engine.refusals)
    stopped.aggregator.handle(change)
    assert (stopped.history.size, len(stopped.engine.refusals)) == (size, refusals)


def test_rejects_keys_that_somebody_has_or_had(stopped):
    old = stopped.engine.folder.key(HOSPITAL)
    for name in (HOSPITAL, OTHER, VERIFIER, AGGREGATOR):
        taken = stopped.engine.folder.key(name)
        assert stopped.check(stopped.spoken(HOSPITAL, turn(stopped, new=taken))) == ("key-used", HOSPITAL)
    stopped.history.apply(stopped.spoken(HOSPITAL, turn(stopped)))
    assert stopped.check(stopped.spoken(HOSPITAL, turn(stopped, new=old), FIRST)) == ("key-used", HOSPITAL)
    assert stopped.check(stopped.spoken(OTHER, turn(stopped, OTHER, old))) == ("key-used", OTHER)
    assert stopped.check(stopped.spoken(OTHER, turn(stopped, OTHER, FIRST))) == ("key-used", OTHER)


def test_rejects_proofs_of_another_key_context_member_consortium_or_earlier_key(stopped):
    rules, old = stopped.engine.rules, stopped.history.keys[HOSPITAL]
    new = FIRST.public.raw
    right = rotation_payload(rules.digest, HOSPITAL, old, new)
    wrong = [
        bytes(64),
        sign(right, SECOND, ROTATION_CONTEXT),
        sign(right, stopped.engine.folder.key(HOSPITAL), ROTATION_CONTEXT),
        sign(right, FIRST, b"envelope"),
        sign(rotation_payload(rules.digest, OTHER, old, new), FIRST, ROTATION_CONTEXT),
        sign(rotation_payload(bytes(32), HOSPITAL, old, new), FIRST, ROTATION_CONTEXT),
        sign(rotation_payload(rules.digest, HOSPITAL, SECOND.public.raw, new), FIRST, ROTATION_CONTEXT),
        sign(rotation_payload(rules.digest, HOSPITAL, old, SECOND.public.raw), FIRST, ROTATION_CONTEXT),
    ]
    for proof in wrong:
        assert stopped.check(stopped.spoken(HOSPITAL, m.KeyRotation(new, proof))) == ("key-proof", HOSPITAL)
    right = m.KeyRotation(new, sign(right, FIRST, ROTATION_CONTEXT))
    assert right == turn(stopped) and stopped.history.judge(stopped.spoken(HOSPITAL, right))
    for fields in ({"key": new[1:]}, {"proof": right.proof[1:]}):
        with pytest.raises(MalformedMessage):
            encode(replace(right, **fields))


def test_rejects_rotations_of_the_aggregator_under_the_new_key_and_without_end(stopped):
    change = turn(stopped, AGGREGATOR)
    assert stopped.check(stopped.spoken(AGGREGATOR, change)) == ("role", AGGREGATOR)
    assert stopped.check(stopped.spoken(HOSPITAL, turn(stopped), FIRST)) == ("signature", "transport")
    for number in range(MAX_ROTATIONS):
        stopped.history.used_keys[bytes([number]) * 32] = HOSPITAL
    assert stopped.check(stopped.spoken(HOSPITAL, turn(stopped))) == ("rotations", HOSPITAL)
