"""Hospitals that follow heads: they owe what all others owe, and believe nothing that a quorum has not signed."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from proofward.encoding import decode, encode
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.federation.history.heads import keys_digest
from proofward.federation.history.membership_steps import rotation
from proofward.federation.history.projection import NotShown, Projection
from proofward.federation.messages.catalogue import HeadSigned, HolderKeys
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.head_records import (
    CountedRound,
    Head,
    NoiseWords,
    RefusedWord,
    View,
    Word,
    sign_head,
)
from proofward.federation.messages.light_answers import (
    HeadSignature,
    LightAnswer,
    Wanted,
    open_answer,
    sign_answer,
)
from proofward.federation.messages.refusal import Refusal
from proofward.federation.messages.wire import Extension, Packet, sign_extension
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.extension import replayed
from proofward.federation.parties.light_check import check_answer
from proofward.federation.parties.light_hospital import LightHospital
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.merkle_log import consistency_proof
from tests.federation.fakes import FakeProofs, datasets
from tests.federation.harness import opened
from tests.federation.lightly import PHASES, Twofold, heads_plan, signed, with_view

pytestmark = pytest.mark.slow

HOST, ANYBODY, NONE = "aggregator", "transport", b"\1" * 32


class Silencing(FaithfulNetwork):
    """Loses one hospital's consent in the first attempt, so that the set is given up."""

    def to_aggregator(self, member, message):
        envelope = opened(message)
        lost = (member, envelope.topic, envelope.round) == ("hospital-0", "consent", 1)
        return () if lost else (message,)


class Run:
    """Two rounds, the first in two attempts; all hospitals but the first follow heads where they may."""

    def __init__(self, directory):
        self.directory, agreed = directory, heads_plan()
        kinds = Parties(hospitals={f"hospital-{index}": Twofold for index in range(1, 6)})
        self.engine = InProcessFederation(
            directory, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=kinds,
            network=Silencing(), workers=1,
        )  # fmt: skip
        self.rules, self.history = self.engine.rules, self.engine.aggregator.history
        self._whole, self.entries = {}, []
        ledger, append = self.engine.aggregator.ledger, self.engine.aggregator.ledger.append
        ledger.append = lambda data, *more: append(data, *more) if self.entries.append(data) is None else None
        self.light = {name: self.engine.hospitals[name] for name in kinds.hospitals}
        for member in self.light.values():
            member.whole = self.whole
        self.result = self.engine.run()
        self.shown = [said for member in self.light.values() for said in member.shown]

    def whole(self, size):
        """The state after so many entries."""
        if size not in self._whole:
            self._whole[size] = replayed(self.rules, self.entries[:size])
        return self._whole[size]

    def key(self, name):
        return self.engine.folder.key(name)

    @property
    def upload(self):
        """An answer with the keys of holders, to a hospital that knew a head."""
        return next(said for said in self.shown if said.answer(self.rules).sealing and said.known.head)

    def refused(self, said, answer, check, culprit=HOST, known=None):
        """Asserts that an answer in place of the one that was taken is refused so."""
        with pytest.raises(Refusal) as found:
            check_answer(self.rules, answer, said.hospital, known or said.known)
        assert (found.value.check, found.value.culprit) == (check, culprit)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("light"))


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


OTHER_LISTS = {
    "committee": ("hospital-0",),
    "absent": ("hospital-1",),
    "abandoned": (bytes(32),),
    "counted": (CountedRound(1, bytes(32), b""),),
    "revoked": ("verifier-0",),
    "words": (),
    "refused": (RefusedWord(bytes(32), "phase"),),
    "noise": (NoiseWords(1, (bytes(32),)),),
}


def changed(record, field):
    """The record with another value of a field."""
    value = getattr(record, field)
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, int):
        other = value + 1
    elif isinstance(value, bytes):
        other = NONE if value != NONE else bytes(32)
    else:
        other = OTHER_LISTS.get(field, "hospital-0" if field == "hospital" else "lock")
    assert other != value
    return replace(record, **{field: other})


EARLIER = {"consortium": "consortium", "verifiers": "head-keys", "revoked": "head-keys"}
"""By field of a head, the check that comes before that of signatures."""


@pytest.mark.parametrize("field", [field.name for field in fields(Head)])
def test_rejects_a_head_with_another(ran, field):
    """Under the signatures of the true one; and signed by as many verifiers as may be corrupt."""
    said, answer = ran.upload, ran.upload.answer(ran.rules)
    head, check = changed(said.head(ran.rules), field), EARLIER.get(field, "head-signatures")
    ran.refused(said, replace(answer, head=encode(head)), check)
    ran.refused(said, signed(answer, head, ran.key, ran.rules.corrupt_verifiers), check)


@pytest.mark.parametrize("field", [field.name for field in fields(View)])
def test_rejects_a_view_with_another(ran, field):
    """Under the true path; and alone under a head that the corrupt sign."""
    said, answer = ran.upload, ran.upload.answer(ran.rules)
    view = changed(said.view(ran.rules), field)
    ran.refused(said, replace(answer, view=encode(view)), "head-view")
    forged = with_view(answer, said.head(ran.rules), view, ran.key, ran.rules.corrupt_verifiers)
    ran.refused(said, forged, "head-signatures")


def drop_last(answer):
    return replace(answer, signatures=answer.signatures[:-1])


def same_twice(answer):
    return replace(answer, signatures=(answer.signatures[0], *answer.signatures[:-1]))


def reordered(answer):
    return replace(answer, signatures=answer.signatures[::-1])


def exchanged(answer):
    first, second, *others = answer.signatures
    pair = HeadSignature(first.verifier, second.signature), HeadSignature(second.verifier, first.signature)
    return replace(answer, signatures=(*pair, *others))


def no_verifier(answer):
    return replace(answer, signatures=(HeadSignature("hospital-0", bytes(64)), *answer.signatures[1:]))


def altered(answer):
    first, *others = answer.signatures
    return replace(answer, signatures=(HeadSignature(first.verifier, bytes(64)), *others))


@pytest.mark.parametrize("forge", [drop_last, same_twice, reordered, exchanged, no_verifier, altered])
def test_rejects_signatures_that_are(ran, forge):
    said = ran.upload
    ran.refused(said, forge(said.answer(ran.rules)), "head-signatures")


FORGED = {
    "an answer for somebody else": (lambda said: {"hospital": "hospital-0"}, "answer", ANYBODY),
    "an answer to an earlier question": (lambda said: {"known": said.known - 1}, "answer", ANYBODY),
    "a head that is none": (lambda said: {"head": said.head + b"\0"}, "malformed", HOST),
    "a view that is none": (lambda said: {"view": said.view[:-1]}, "malformed", HOST),
    "a path that is shorter": (lambda said: {"path": said.path[:-1]}, "head-view", HOST),
    "a path that is another": (lambda said: {"path": (NONE, *said.path[1:])}, "head-view", HOST),
    "another place": (lambda said: {"place": said.place ^ 1}, "head-view", HOST),
    "no consistency": (lambda said: {"consistency": ()}, "ledger-consistency", HOST),
    "another consistency": (lambda said: {"consistency": (NONE, *said.consistency[1:])}, "ledger-consistency", HOST),
    "keys of holders dropped": (lambda said: {"sealing": said.sealing[:-1]}, "head-sealing", HOST),
    "keys of holders exchanged": (lambda said: {"sealing": said.sealing[::-1]}, "head-sealing", HOST),
    "no checkpoint": (lambda said: {"checkpoint": b""}, "ledger-signature", HOST),
    "a change of keys that is none": (lambda said: {"rotations": (b"none",)}, "head-keys", HOST),
}


@pytest.mark.parametrize("name", FORGED)
def test_rejects(ran, name):
    said, (change, check, culprit) = ran.upload, FORGED[name]
    answer = said.answer(ran.rules)
    ran.refused(said, replace(answer, **change(answer)), check, culprit)


def test_rejects_the_view_of_another_hospital_with_its_own_path(ran):
    said = ran.upload
    mine, size = said.answer(ran.rules), said.head(ran.rules).size
    heads = ran.whole(size).heads.recent[size]
    other = next(name for name in heads.views if name != said.hospital)
    made = replace(mine, view=heads.views[other], place=heads.places[other], path=heads.path(other))
    ran.refused(said, made, "head-view")
    own = replace(mine, place=heads.places[said.hospital], path=heads.path(said.hospital))
    assert own == mine and heads.views[said.hospital] == mine.view


def test_rejects_what_only_the_server_has_not_signed(ran):
    """An answer that the network has changed speaks against nobody."""
    said = ran.upload
    for data in (said.message[:-1] + bytes([said.message[-1] ^ 1]), encode(said.answer(ran.rules))[:-70] + bytes(70)):
        with pytest.raises(Refusal) as found:
            open_answer(data, ran.rules)
        assert found.value.culprit == ANYBODY
    other = sign_answer(said.answer(ran.rules), ran.key("hospital-0"), ran.rules)
    with pytest.raises(Refusal, match="answer-signature"):
        open_answer(other, ran.rules)


def test_rejects_with_a_quorum_of_liars_what_contradicts_the_ledger_that_is_known(ran):
    """More verifiers are corrupt here than may be; what a hospital knows by itself stands even then."""
    said, known = ran.upload, ran.upload.known
    answer, head = said.answer(ran.rules), said.head(ran.rules)
    signer = ran.engine.aggregator.signer

    def lied(**changes):
        made = replace(head, **changes)
        noted = sign_checkpoint(made.size, made.root, signer)
        return replace(signed(answer, made, ran.key), checkpoint=noted)

    ran.refused(said, lied(size=known.size, root=known.root), "head-fork")
    ran.refused(said, lied(size=known.size - 1), "head-size")
    ran.refused(said, lied(size=known.size, root=known.root), "head-size", known=replace(known, head=b""))
    ran.refused(said, lied(clock=known.clock - 1), "ledger-time")
    ran.refused(said, lied(root=NONE), "ledger-consistency")
    ran.refused(said, lied(phase="deal"), "phase")
    ran.refused(said, lied(accepted=NONE, accepted_count=1), "accepted-set")
    noted = sign_checkpoint(head.size, NONE, signer)
    ran.refused(said, replace(signed(answer, head, ran.key), checkpoint=noted), "ledger-consistency")
    view = said.view(ran.rules)
    strange = replace(view, words=(replace(view.words[0], slot="no-such-kind/1/0"), *view.words[1:]))
    ran.refused(said, with_view(answer, head, strange, ran.key), "head-view")
    unsealed = replace(with_view(answer, head, replace(view, sealing=b""), ran.key))
    ran.refused(said, unsealed, "head-sealing")
    assert check_answer(ran.rules, replace(unsealed, sealing=()), said.hospital, known) is not None


def rotated(ran, name, new, old=None, role="verifier", sender=None):
    """The envelope with which a verifier changes its key."""
    signer = old or ran.key(name)
    record = rotation(ran.rules.digest, name, ran.key(name).public.raw, new)
    unsigned = Envelope(
        ran.rules.digest, sender or name, role, 0, 0, 0, ran.history.roots[0], 1, encode(record), b""
    )
    return seal_envelope(unsigned, signer).data


def test_keys_of_verifiers_change_only_as_they_say(ran):
    said, name = ran.upload, "verifier-0"
    answer, head = said.answer(ran.rules), said.head(ran.rules)
    new, stolen = SigningKey(b"n" * 32), SigningKey(b"x" * 32)
    keys = {**said.known.keys, name: new.public.raw}
    later = replace(head, verifiers=keys_digest(ran.rules, keys))

    def key_of(verifier):
        return new if verifier == name else ran.key(verifier)

    made = replace(signed(answer, later, key_of), rotations=(rotated(ran, name, new),))
    taken = check_answer(ran.rules, made, said.hospital, said.known)
    assert taken.keys == keys
    ran.refused(said, replace(made, rotations=()), "head-keys")
    ran.refused(said, replace(made, rotations=2 * made.rotations), "head-keys")
    ran.refused(said, replace(made, rotations=(rotated(ran, name, new, stolen),)), "head-keys")
    ran.refused(said, replace(made, rotations=(rotated(ran, name, stolen),)), "head-keys")
    member = rotated(ran, "hospital-0", new, role="hospital")
    ran.refused(said, replace(made, rotations=(member,)), "head-keys")
    ran.refused(said, replace(signed(answer, later, ran.key), rotations=made.rotations), "head-signatures")


def test_a_revoked_verifier_signs_nothing_any_more_and_does_not_come_back(ran):
    said, name = ran.upload, "verifier-0"
    answer, head = said.answer(ran.rules), said.head(ran.rules)
    keys = {other: key for other, key in said.known.keys.items() if other != name}
    gone = replace(head, revoked=(name,), verifiers=keys_digest(ran.rules, keys))
    assert name in [own.verifier for own in answer.signatures]
    ran.refused(said, signed(answer, gone, ran.key), "head-signatures")
    others = [own for own in ran.rules.verifiers if own != name]
    made = tuple(HeadSignature(own, sign_head(gone.digest, ran.key(own))) for own in others)
    taken = check_answer(ran.rules, replace(signed(answer, gone, ran.key), signatures=made), said.hospital, said.known)
    assert set(taken.keys) == set(others)
    ran.refused(said, answer, "head-keys", known=replace(said.known, keys=taken.keys))


def spoken(ran, history, record, sender="verifier-0", role="verifier"):
    place = (*history.position(), history.size, history.root, history.clocks[-1])
    unsigned = Envelope(ran.rules.digest, sender, role, *place, encode(record), b"")
    return seal_envelope(unsigned, ran.key(sender)).data


def test_a_false_signature_of_a_head_is_refused_and_stays_as_evidence(ran):
    size = next(size for size in ran.history.heads.digests if size > ran.upload.known.size)
    history = replayed(ran.rules, ran.entries[:size])
    digest, key = history.heads.digests[size], ran.key("verifier-0")
    true = HeadSigned(size, digest, sign_head(digest, key))
    assert history.judge(spoken(ran, history, true)).record == true
    for record, check in (
        (replace(true, head=NONE, signature=sign_head(NONE, key)), "head"),
        (replace(true, size=size - 1), "head"),
        (replace(true, signature=sign_head(digest, ran.key("verifier-1"))), "head-signature"),
        (replace(true, signature=sign_head(NONE, key)), "head-signature"),
    ):
        with pytest.raises(Refusal) as found:
            history.judge(spoken(ran, history, record))
        assert (found.value.check, found.value.culprit) == (check, "verifier-0")
    with pytest.raises(Refusal, match="role"):
        history.judge(spoken(ran, history, true, "hospital-0", "hospital"))


def member_of(ran, tmp_path, name, entries=0):
    """A hospital with an empty state, or one that has followed so many entries, and what it reports."""
    state, seen = StateStore(tmp_path / "state.sqlite"), []
    with state.transaction():
        state.append(0, ran.entries[:entries])
    around = replace(ran.engine._around(name, FakeProofs()), state=state, observe=seen.append)
    return LightHospital(name, ran.key(name), around, *datasets(heads_plan())[name]), seen


def answer_to(ran, said, known):
    """What was shown, as it is shown to a member that knows so many entries."""
    size = said.head(ran.rules).size
    proof = tuple(consistency_proof(known, size, ran.history.tree.node))
    made = replace(said.answer(ran.rules), known=known, consistency=proof)
    return sign_answer(made, ran.key(HOST), ran.rules)


def extension_to(ran, known, size):
    """The entries from number `known` on, of a ledger of `size`."""
    proof, root = tuple(consistency_proof(known, size, ran.history.tree.node)), ran.history.roots[size]
    noted = sign_checkpoint(size, root, ran.engine.aggregator.signer)
    return sign_extension(Extension(known, tuple(ran.entries[known:size]), noted, proof), ran.key(HOST), ran.rules)


def test_a_state_that_has_lost_what_it_said_halts(ran, tmp_path):
    said = ran.shown[-1]
    member, seen = member_of(ran, tmp_path, said.hospital)
    assert member.wants == Wanted(light=False, known=0)
    assert member.handle(answer_to(ran, said, 0)) == []
    assert (member.halted.check, member.halted.culprit) == ("state-restored", said.hospital)
    assert seen[-1].kind == "halted" and member.state.fact("evidence")
    member.state.close()


def newcomer(ran, tmp_path, size=None):
    """A hospital that has said nothing yet, with a view of nothing that it has said, at an UPLOAD's head."""
    said = ran.upload
    view = replace(said.view(ran.rules), words=(), sealing=b"", present=False)
    forged = with_view(replace(said.answer(ran.rules), sealing=()), said.head(ran.rules), view, ran.key)
    member, seen = member_of(ran, tmp_path, said.hospital)
    head = decode(forged.head, Head)
    proof = tuple(consistency_proof(0, head.size, ran.history.tree.node))
    return member, seen, replace(forged, known=0, consistency=proof), head


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
    assert again.handle(sign_answer(LightAnswer(again.name, head.size), ran.key(HOST), ran.rules)) == []
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
