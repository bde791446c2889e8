"""An admitted hospital in its rounds: it deals shares and holds none, no threshold counts it, and it may leave."""

from __future__ import annotations

import pytest

from proofward.engines.attacks.hospitals import SealsWrongShare
from proofward.federation.history.faults import faults
from proofward.federation.history.state.history_state import (
    ABANDON,
    CONFIRM,
    CONSENT,
    KEYS,
    LOCK,
    SHARES,
    UNMASK,
    UPLOAD,
)
from proofward.federation.messages.records import catalogue as m
from tests.federation.harness import opened
from tests.federation.test_admission import AGGREGATOR, NEW, add, flaws, said_by_new, stop

pytestmark = pytest.mark.slow


def running(tmp_path, phase, member="", topic=""):
    """A federation with a fifth hospital, in the round in which that takes part for the first time.

    From that round on the messages of a kind, of a member or all whose names begin alike, are kept back.
    """
    stopped = stop(tmp_path, KEYS)
    new, history = add(stopped), stopped.history
    stopped.engine.run(lambda: history.phase == CONFIRM)
    assert NEW in history.acceptable_enrolments()
    stopped.network.member, stopped.network.topic = member, topic
    if phase:
        stopped.engine.run(lambda: history.phase == phase and history.position()[0] == 2)
        assert NEW in history.round.participants and history.phase == phase
    return stopped, new


def test_rejects_locks_and_share_sums_of_a_hospital_that_holds_no_shares(tmp_path):
    stopped, member = running(tmp_path, LOCK, "hospital-", "lock")
    digest = stopped.history.round.accepted.digest
    assert stopped.check(said_by_new(stopped, m.Lock(digest), member.key)) == ("holders", NEW)
    stopped.network.topic = "share-sum"
    stopped.engine.run(lambda: stopped.history.phase == UNMASK)
    said = said_by_new(stopped, m.ShareSum(digest, bytes(32)), member.key)
    assert stopped.check(said) == ("holders", NEW)
    stopped.engine.close()


@pytest.mark.parametrize("topic", ["holder-keys", "shares-checked", "consent"])
def test_a_federation_goes_on_without_an_admitted_hospital_that_vanishes(tmp_path, topic):
    stopped, _ = running(tmp_path, "", NEW, topic)
    result = stopped.engine.run()
    assert result.finished and result.halted == {} and flaws(tmp_path) == []
    second = stopped.history.closed[1]
    assert NEW not in second.accepted.record.hospitals
    assert second.attempt == (topic == "consent") and (NEW in second.participants) == (topic != "consent")


def test_holders_alone_decide_that_a_set_is_abandoned(tmp_path):
    stopped, member = running(tmp_path, CONSENT, "hospital-0", "consent")
    lost = [("hospital-0", "consent"), *((name, "abandonment") for name in stopped.engine.hospitals)]
    stopped.network.to_aggregator = lambda name, packet: (
        () if (name, opened(packet).topic) in lost else (packet,)
    )
    stopped.engine.run(lambda: stopped.history.phase == ABANDON)
    history, digest = stopped.history, stopped.history.round.accepted.digest
    needed = len(history.rules.hospitals) - history.rules.absences
    for name in history.rules.hospitals[: needed - 1]:
        history.apply(stopped.spoken(name, m.Abandonment(digest)))
    history.apply(said_by_new(stopped, m.Abandonment(digest), member.key))
    assert len(history.round.abandonments) == needed and digest not in history.abandoned
    history.apply(stopped.spoken(history.rules.hospitals[needed - 1], m.Abandonment(digest)))
    assert digest in history.abandoned
    stopped.engine.close()


@pytest.mark.parametrize(
    ("phase", "topic", "check"),
    [(KEYS, "holder-keys", "participants"), (UPLOAD, "upload", "uploaded-set")],
)
def test_it_does_not_count_for_the_fewest_hospitals_of_a_sum(tmp_path, phase, topic, check):
    stopped, _ = running(tmp_path, phase, "hospital-", topic)
    history, kept = stopped.history, {opened(packet).sender: packet for packet in stopped.network.kept}
    least = history.rules.minimum_updates
    for name in (NEW, *history.rules.hospitals[: least - 1]):
        stopped.aggregator.handle(kept[name])
    found = set(history.round.holder_keys if phase == KEYS else history.round.uploads)
    assert NEW in found and len(found) == least
    names = tuple(sorted(found))
    record = m.KeysClosed(names) if phase == KEYS else m.UploadsClosed(names)
    assert stopped.check(stopped.announced(record)) == (check, AGGREGATOR)
    stopped.engine.close()


def test_its_keys_and_complaint_are_refused_and_its_shares_checked_names_nobody(tmp_path):
    stopped, member = running(tmp_path, KEYS, NEW, "holder-keys")
    keys = m.HolderKeys(stopped.history.round.holder_keys["hospital-0"].sealing_keys)
    assert len(keys.sealing_keys) == 5
    assert stopped.check(said_by_new(stopped, keys, member.key)) == ("sealing-keys", NEW)
    stopped.network.topic = "shares-checked"
    history = stopped.history
    stopped.engine.run(lambda: history.phase == SHARES)
    about = m.ShareComplaint("hospital-0", history.round.uploads["hospital-0"].digest, bytes(32))
    assert stopped.check(said_by_new(stopped, about, member.key)) == ("participant", NEW)
    names = m.SharesChecked(tuple(sorted(history.round.passed)))
    assert stopped.check(said_by_new(stopped, names, member.key)) == ("shares-checked", NEW)
    assert history.judge(said_by_new(stopped, m.SharesChecked(()), member.key)).sender == NEW
    stopped.engine.close()


def test_it_may_leave(tmp_path):
    stopped, member = running(tmp_path, UPLOAD)
    member.request_revocation(NEW, "merger")
    result = stopped.engine.run()
    assert result.finished and set(stopped.history.revoked) == {NEW} and flaws(tmp_path) == []
    assert [fault.culprit for fault in faults(stopped.history)] == [NEW]


def test_its_bad_share_is_complained_of_and_it_alone_is_blamed(tmp_path):
    stopped = stop(tmp_path, KEYS)
    add(stopped, kind=SealsWrongShare)
    result = stopped.engine.run()
    assert result.finished and result.halted == {} and flaws(tmp_path) == []
    assert {(fault.round, fault.culprit, fault.check) for fault in result.faults} == {(2, NEW, "key-share")}
    assert NEW not in stopped.history.closed[1].accepted.record.hospitals
