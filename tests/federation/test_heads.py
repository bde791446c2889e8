"""What a hospital that follows heads refuses: every field of head, view and answer, and all that is not signed."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from proofward.encoding import encode
from proofward.federation.history.light.heads import keys_digest
from proofward.federation.history.steps.membership import rotation
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.scaling import AS_OBJECTS
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.light_answers import (
    open_answer,
    sign_answer,
)
from proofward.federation.messages.records.catalogue import HeadSigned
from proofward.federation.messages.records.heads import (
    CountedRound,
    Head,
    NoiseWords,
    RefusedWord,
    View,
    sign_head,
)
from proofward.federation.parties.following.extension import replayed
from proofward.federation.parties.following.light_check import check_answer
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from tests.federation.lightly import (
    ANYBODY,
    HOST,
    NONE,
    Dishonest,
    Run,
    by_verifiers,
    signed,
    spoken,
    with_view,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """With keys in objects; those of `test_light_hospitals` are in entries."""
    return Run(tmp_path_factory.mktemp("heads"), sealing_keys=AS_OBJECTS, hospitals=8, host=Dishonest)


def test_a_dishonest_server_s_heads_are_refused_by_name_and_innocents_come_out_clean(ran):
    """After a round in which hospitals outside of the committee have taken part."""
    (state,) = ran.history.closed
    outside = sorted(set(ran.rules.hospitals) - set(state.committee))
    assert set(outside) <= set(state.accepted.record.hospitals) and ran.result.finished
    halted = {name: (refusal.check, refusal.culprit) for name, refusal in ran.result.halted.items()}
    checks = ("head-view", "head-view", "head-signatures", "head-size")
    light = [name for name in outside if name in ran.light]
    assert len(light) >= 3 and halted == {
        name: (check, HOST) for name, check in zip(outside, checks, strict=True) if name in light
    }
    assert ran.result.refusals == ran.result.faults == []
    kept = [StateStore(ran.engine.folder.party(name) / "state.sqlite") for name in light]
    assert all(state.fact("evidence") for state in kept)
    for state in kept:
        state.close()


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


def fewer(answer):
    return {"signers": answer.signers[:-1], "signatures": answer.signatures[:-1]}


def one_twice(answer):
    return {"signers": (*answer.signers[:-1], answer.signers[-2]),
            "signatures": (*answer.signatures[:-1], answer.signatures[-2])}  # fmt: skip


def reordered(answer):
    return {"signers": answer.signers[::-1], "signatures": answer.signatures[::-1]}


def exchanged(answer):
    return {"signatures": answer.signatures[::-1]}


def by_nobody(answer):
    return {"signers": (*answer.signers[:-1], 99)}


def too_many_names(answer):
    return {"signers": (*answer.signers, answer.signers[-1] + 1)}


def altered(answer):
    return {"signatures": (bytes(64), *answer.signatures[1:])}


FORGERIES = [fewer, one_twice, reordered, exchanged, by_nobody, too_many_names, altered]


@pytest.mark.parametrize("forge", FORGERIES)
def test_rejects_signatures_that_are(ran, forge):
    said, answer = ran.upload, ran.upload.answer(ran.rules)
    ran.refused(said, replace(answer, **forge(answer)), "head-signatures")


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
    assert 0 in answer.signers
    ran.refused(said, signed(answer, gone, ran.key), "head-signatures")
    others = range(1, len(ran.rules.verifiers))
    made = by_verifiers(signed(answer, gone, ran.key), gone, others, ran.key)
    taken = check_answer(ran.rules, made, said.hospital, said.known)
    assert set(taken.keys) == set(keys)
    ran.refused(said, answer, "head-keys", known=replace(said.known, keys=taken.keys))


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
