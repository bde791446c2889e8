"""Hospitals that follow heads owe what all others owe, and stand by what they have stored."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from proofward.encoding import decode, encode
from proofward.engines.in_process import FaithfulNetwork
from proofward.federation.history.light.projection import NotShown, Projection
from proofward.federation.history.steps.membership import rotation
from proofward.federation.messages.consortium.scaling import HEADS, Scaling
from proofward.federation.messages.light_answers import (
    LightAnswer,
    Wanted,
    sign_answer,
)
from proofward.federation.messages.records.catalogue import HeadSigned, HolderKeys
from proofward.federation.messages.records.heads import (
    View,
    Word,
    sign_head,
)
from proofward.federation.messages.wire import Packet
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.following.extension import replayed
from proofward.federation.parties.following.identity import Identity
from proofward.federation.parties.following.light_check import check_answer
from proofward.federation.parties.verifier import Verifier
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from tests.federation.fakes import FakeProofs, plan
from tests.federation.harness import Stopped, opened
from tests.federation.lightly import (
    HOST,
    NONE,
    PHASES,
    Run,
    Twofold,
    answer_to,
    extension_to,
    member_of,
    newcomer,
    signed,
    spoken,
    with_view,
)
from tests.federation.test_admission import add, flaws

pytestmark = pytest.mark.slow


class Silencing(FaithfulNetwork):
    """Loses one hospital's consent in the first attempt, so that the set is given up."""

    def to_aggregator(self, member, message):
        envelope = opened(message)
        lost = (member, envelope.topic, envelope.round) == ("hospital-0", "consent", 1)
        return () if lost else (message,)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Two rounds, the first in two attempts."""
    return Run(tmp_path_factory.mktemp("light"), 2, Silencing(), compare=True)


def test_they_owe_at_every_head_what_a_hospital_that_reads_everything_owes(ran):
    """`Twofold` compares; here, that it had something to compare, and that nobody has noticed a difference."""
    assert ran.result.finished and ran.result.refusals == ran.result.faults == [] and ran.result.halted == {}
    assert set().union(*(member.compared for member in ran.light.values())) == PHASES
    assert [state.attempt for state in ran.history.closed] == [1, 0]
    last = ran.history.closed[-1]
    outside = set(ran.light) - set(last.committee)
    assert outside and outside <= set(last.accepted.record.hospitals)
    assert all(member.history.phase == "closed" for member in ran.engine.members.values())
    assert all(ran.light[name].follows_lightly for name in outside)
    assert not any(ran.light[name].follows_lightly for name in set(last.committee) & set(ran.light))


def test_holders_and_verifiers_alone_confirm(ran):
    for state in ran.history.closed:
        assert set(state.confirmations) == {*state.committee, *ran.rules.verifiers}


def test_verifiers_sign_what_follows_and_the_audit_passes(ran):
    signers = {(key[1], int(key[2])) for key in ran.history.slots if key[0] == HeadSigned.kind}
    assert {by for by, _ in signers} == set(ran.rules.verifiers)
    assert {size for _, size in signers} <= set(ran.history.heads.digests)
    assert len(ran.history.heads.recent) <= 5 < len(ran.history.heads.digests)
    assert all(verdict.passed for verdict in Auditor(ran.directory / "ledger", FakeProofs()).run())


def test_true_answers_are_taken_and_are_of_the_ledger(ran):
    for said in ran.shown:
        taken = check_answer(ran.rules, said.answer(ran.rules), said.hospital, said.known)
        assert taken.head == said.head(ran.rules) and taken.view == said.view(ran.rules)
        assert ran.history.heads.digests[taken.head.size] == taken.head.digest
        assert taken.head.root == ran.history.roots[taken.head.size]


def test_a_state_that_has_lost_what_it_said_halts(ran, tmp_path):
    said = ran.shown[-1]
    member, seen = member_of(ran, tmp_path, said.hospital)
    assert member.wants == Wanted(light=False, known=0)
    assert member.handle(answer_to(ran, said, 0)) == []
    assert (member.halted.check, member.halted.culprit) == ("state-restored", said.hospital)
    assert seen[-1].kind == "halted" and member.state.fact("evidence")
    member.state.close()


def test_a_head_binds_the_entries_that_are_read_later(ran, tmp_path):
    """All verifiers have signed another head here than follows from the entries."""
    member, _, forged, head = newcomer(ran, tmp_path)
    with member.state.transaction():
        for key in ran.history.slots:
            if key[1:2] == (member.name,) or key[3:4] == (member.name,):
                member.state.keep_sent("/".join(key), b"")
    assert member.handle(sign_answer(forged, ran.key(HOST), ran.rules)) == []
    assert member.follows_lightly and member.history.size == head.size and member.halted is None
    assert member.wants == Wanted(light=True, known=head.size)
    member.handle(extension_to(ran, 0, head.size - 1))
    assert member.follows_lightly and member.full.size == head.size - 1 and member.halted is None
    member.handle(extension_to(ran, head.size - 1, head.size))
    assert (member.halted.check, member.halted.culprit) == ("head", HOST)
    member.state.close()


def test_entries_of_another_ledger_than_the_head_s_are_refused(ran, tmp_path):
    member, _, forged, head = newcomer(ran, tmp_path)
    other = replace(head, root=NONE)
    noted = sign_checkpoint(head.size, NONE, ran.engine.aggregator.signer)
    made = replace(signed(forged, other, ran.key), checkpoint=noted)
    assert member.handle(sign_answer(made, ran.key(HOST), ran.rules)) == [] and member.follows_lightly
    member.handle(extension_to(ran, 0, head.size + 1))
    assert (member.halted.check, member.halted.culprit) == ("ledger-consistency", HOST)
    member.state.close()


def test_it_goes_on_after_a_restart_from_what_it_has_stored(ran, tmp_path):
    member, _, forged, head = newcomer(ran, tmp_path)
    member.handle(sign_answer(forged, ran.key(HOST), ran.rules))
    member.state.close()
    again, seen = member_of(ran, tmp_path, member.name)
    assert again.follows_lightly and vars(again._taken) == vars(member._taken)
    assert again.history.position() == (head.round, head.attempt) and again.checkpoint == forged.checkpoint
    for known in (0, head.size):
        assert again.wants.known == known
        assert again.handle(sign_answer(LightAnswer(again.name, known), ran.key(HOST), ran.rules)) == []
    assert again.halted is None and seen == []
    again.handle(sign_answer(LightAnswer(again.name, head.size - 1), ran.key(HOST), ran.rules))
    assert [(event.kind, event.subject) for event in seen] == [("refused", "answer")] and again.halted is None
    again.state.close()


def test_what_is_withheld_is_told_once_for_a_head_and_halts_nobody(ran, tmp_path):
    member, seen, forged, head = newcomer(ran, tmp_path)
    member.handle(sign_answer(forged, ran.key(HOST), ran.rules))
    member.notice_withheld(head.size)
    assert seen == []
    member.notice_withheld(head.size + 3)
    member.expire()
    (told,) = [event.refusal for event in seen if event.refusal is not None]
    assert (told.check, told.culprit) == ("heads-withheld", HOST) and f"at least {head.size + 3}" in told.expected
    assert f"in phase upload of round {head.round}, attempt {head.attempt}" in told.actual
    assert "none since 2000" in told.actual
    assert member.halted is None
    member.state.close()


def test_an_end_by_vote_is_read_in_full(ran, tmp_path):
    member, _, forged, _ = newcomer(ran, tmp_path)
    member.handle(sign_answer(replace(forged, ended=True), ran.key(HOST), ran.rules))
    assert member.wants == Wanted(light=False, known=0)
    member.state.close()


def test_who_holds_shares_says_nothing_before_it_has_read_everything(ran, tmp_path):
    member, _, forged, head = newcomer(ran, tmp_path)
    holder = replace(head, committee=(member.name,), absent=(), phase="keys")
    made = signed(forged, holder, ran.key)
    assert member.handle(sign_answer(made, ran.key(HOST), ran.rules)) == []
    assert member.wants == Wanted(light=False, known=0) and member.halted is None
    member.state.close()


def test_another_accepted_set_of_one_round_is_refused_by_its_own_memory(ran, tmp_path):
    """Though all verifiers have signed the head with the second one."""
    member, _, forged, head = newcomer(ran, tmp_path)
    view = replace(decode(forged.view, View), accepted=True, present=True)
    second = replace(head, phase="consent", accepted=NONE, accepted_count=5)
    made = with_view(forged, second, view, ran.key)
    with member.state.transaction():
        member.state.put(f"consent/{head.round}", bytes(32))
        packet = encode(Packet(spoken(ran, ran.whole(head.size), HolderKeys(()), member.name, "hospital"), ()))
        member.state.keep_sent(f"holder-keys/{head.round}/{head.attempt}/{member.name}", packet)
    assert member.handle(sign_answer(made, ran.key(HOST), ran.rules)) == []
    assert (member.halted.check, member.halted.culprit) == ("second-unmasking", HOST)
    member.state.close()


def test_what_others_have_said_is_not_known(ran):
    said = ran.upload
    answer = said.answer(ran.rules)
    taken = check_answer(ran.rules, answer, said.hospital, said.known)
    words = (*taken.view.words, Word(f"lock/{taken.head.round}/{taken.head.attempt}/{said.hospital}", NONE))
    shown = Projection(ran.rules, taken.head, replace(taken.view, words=words), {}, taken.keys)
    assert said.hospital in shown.round.locks and shown.round.locks.get("hospital-0") is None
    for read in (lambda: shown.round.locks[said.hospital], lambda: shown.round.locks.get(said.hospital)):
        with pytest.raises(NotShown):
            read()


def test_without_committees_who_is_named_reads_everything_and_who_is_admitted_need_not(tmp_path):
    """All hospitals of the rules hold shares then; a verifier changes its key, and signs on."""
    agreed = replace(plan(4, 1, 2, threshold=1), scaling=Scaling(follow=HEADS))
    stopped = Stopped(tmp_path, "keys", agreed=agreed)
    engine = stopped.engine
    member = add(stopped, ("verifier-0",), Twofold)
    member.whole = cache(lambda size: replayed(engine.rules, engine.aggregator.ledger.entries(0)[:size]))
    engine.run(lambda: engine.aggregator.history.phase == "upload" and member.follows_lightly)
    around = engine._around("verifier-0", FakeProofs())
    changing = Verifier("verifier-0", engine.folder.key("verifier-0"), replace(
        around, state=engine.verifiers["verifier-0"].state), SigningKey(b"r" * 32))  # fmt: skip
    engine.verifiers["verifier-0"] = changing
    result = engine.run()
    assert result.finished and result.refusals == result.faults == [] and result.halted == {}
    history = engine.aggregator.history
    assert len(history.heads.rotations) == 1 and flaws(tmp_path) == []
    assert member.follows_lightly and member.history.phase == "closed" and {"keys", "upload"} <= member.compared
    assert member.history.keys["verifier-0"] == SigningKey(b"r" * 32).public.raw == history.keys["verifier-0"]
    assert member.name in history.closed[1].accepted.record.hospitals
    assert member.name not in history.closed[1].confirmations


def test_what_a_verifier_signed_before_it_changed_its_key_is_signed_again_by_the_new_one(ran, tmp_path):
    """Else the ledger would have it as a false signature of an honest verifier."""
    size, name, new = ran.upload.head(ran.rules).size, "verifier-0", SigningKey(b"r" * 32)
    history, old = replayed(ran.rules, ran.entries[:size]), ran.key(name)
    digest = history.heads.digests[size]
    said = HeadSigned(size, digest, sign_head(digest, old))
    packet, slot = encode(Packet(spoken(ran, history, said), ())), f"{HeadSigned.kind}/{name}/{size}"
    history.apply(spoken(ran, history, rotation(ran.rules.digest, name, old.public.raw, new)))
    state = StateStore(tmp_path / "state.sqlite")
    with state.transaction():
        state.keep_sent(slot, packet)
    again = Identity(name, old, new, history, state, lambda: history.clocks[-1]).renewed(slot)
    record = history.judge(decode(again, Packet).envelope).record
    assert record.head == digest and record.signature == sign_head(digest, new) != said.signature
    state.close()
