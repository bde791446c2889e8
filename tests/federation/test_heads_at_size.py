"""What a hospital that follows heads reads and does is the same whatever the number of hospitals; and the rules."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from proofward.encoding import encode
from proofward.federation.history.history import History
from proofward.federation.history.light.heads import head_of, verifier_keys
from proofward.federation.history.light.projection import Projection
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.history.steps.heads import unsigned_end
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.committees import Committees
from proofward.federation.messages.consortium.rules import Member, Rules, RulesError
from proofward.federation.messages.consortium.scaling import HEADS, Scaling
from proofward.federation.messages.consortium.thresholds import following_in_words
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.messages.records.catalogue import HolderKeys
from proofward.federation.messages.records.heads import sign_head
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.parties.following.light_check import Known, check_answer, sealed_to
from proofward.federation.parties.following.light_host import light_answer
from proofward.lattice.sealing import PUBLIC_KEY_BYTES
from proofward.layers.basics.errors import ConfigurationError
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteSigner
from tests.federation.fakes import plan

HOLDERS, VERIFIERS = 6, 4
NAME = "hospital-999"


def key(name):
    return SigningKey(hashlib.sha256(name.encode()).digest())


def rules_of(hospitals, verifiers=VERIFIERS, drawn=True, **changes):
    """Rules with heads, whose committee has the same size whatever the number of hospitals."""
    base = plan(5, verifiers)
    names = {f"hospital-{index}": "hospital" for index in range(1000 - hospitals, 1000)}
    names |= {f"verifier-{index}": "verifier" for index in range(verifiers)} | {"aggregator": "aggregator"}
    committees = Committees(20, 10, HOLDERS, 0, unsafe=True) if drawn else None
    colluding = committees.corrupt_hospitals(hospitals) if drawn else 2
    size = HOLDERS if drawn else hospitals
    fields = {
        "federation": "heads",
        "members": tuple(Member(name, role, key(name).public.raw) for name, role in sorted(names.items())),
        "accepting_verdicts": verifiers // 2 + 1,
        "minimum_updates": usual_updates(hospitals, colluding),
        "abandonments": hospitals,
        "rounds": 1,
        "config": replace(base.config, holders=size, threshold=2),
        "committees": committees,
        "scaling": Scaling(follow=HEADS),
    }
    return Rules(**{**fields, **changes})


def at_upload(hospitals):
    """A state in the phase in which a head's answer is largest."""
    rules = rules_of(hospitals)
    history, names = History(rules), rules.hospitals
    for number in range(300):
        history.tree.append(b"%d" % number)
        history.clocks.append(1)
    state = RoundState(1, 0, bytes(32), (*names, *rules.verifiers), bytes(32), names[:HOLDERS])
    history.current, history.phase, history.model, history.beacon = state, "upload", bytes(32), bytes(32)
    history.enrolled, history.dataset_roots = dict.fromkeys(names, 90), dict.fromkeys(names, bytes(32))
    history.enrolments = dict.fromkeys(names, SimpleNamespace(record=SimpleNamespace(rows=90)))
    state.present = names
    published = tuple(index.to_bytes(PUBLIC_KEY_BYTES, "big") for index in range(hospitals))
    state.holder_keys = dict.fromkeys(state.committee, HolderKeys(published))
    said = head_of(history)
    said.signatures.update({name: sign_head(said.head.digest, key(name)) for name in rules.verifiers})
    history.heads.keep(said, rules.head_quorum)
    return history


def answered(history, known=100):
    signer = NoteSigner(log_verifier(history.rules).name, key("aggregator"))

    def noted(size, root):
        return sign_checkpoint(size, root, signer)

    return light_answer(history, history.tree, noted, NAME, known), Known(known, history.roots[known], 0,
                                                                          verifier_keys(history))  # fmt: skip


def calls(work):
    """How many functions are entered; so the time that is proportional to anything."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_bytes_and_work_do_not_grow_with_the_number_of_hospitals():
    """But for the path, of log2 many hashes."""
    sizes, work, paths = [], [], []
    for hospitals in (16, 256):
        history = at_upload(hospitals)
        answer, known = answered(history)

        def follow(history=history, answer=answer, known=known):
            taken = check_answer(history.rules, answer, NAME, known)
            sealing = dict(zip(sealed_to(taken.head, NAME), taken.sealing, strict=True))
            return Projection(history.rules, taken.head, taken.view, sealing, taken.keys)

        shown = follow()
        assert shown.round.present == tuple(sorted((*shown.committee, NAME))) and len(answer.sealing) == HOLDERS
        paths.append(len(answer.path))
        sizes.append(len(encode(replace(answer, path=(), place=0))))
        work.append(calls(follow))
    assert paths == [4, 8] and abs(sizes[1] - sizes[0]) <= 8
    per_hash = (work[1] - work[0]) / (paths[1] - paths[0])
    assert 0 < per_hash < 12, work


def test_the_host_has_nothing_newer_for_who_knows_the_head_and_nothing_at_all_without_a_quorum():
    history = at_upload(16)
    newest = history.heads.newest
    assert answered(history)[0].head and not answered(history, known=300)[0].head
    del newest.signatures["verifier-0"], newest.signatures["verifier-1"]
    assert not answered(history)[0].head


@pytest.mark.parametrize(("verifiers", "drawn", "corrupt", "quorum"), [
    (1, False, 0, 1), (2, False, 1, 2), (3, False, 1, 3), (4, False, 2, 4), (5, False, 2, 4),
    (3, True, 1, 3), (5, True, 1, 4), (9, True, 1, 6), (50, True, 10, 31),
])  # fmt: skip
def test_two_quorums_share_an_honest_verifier(verifiers, drawn, corrupt, quorum):
    rules = rules_of(16, verifiers, drawn)
    assert (rules.corrupt_verifiers, rules.head_quorum) == (corrupt, quorum)
    assert 2 * quorum - verifiers > corrupt and quorum - corrupt >= 1 and quorum <= verifiers
    (words,) = following_in_words(rules)
    expected = f"{quorum} of the {verifiers} verifiers" if drawn else "all of them hold shares"
    assert expected in words


@pytest.mark.parametrize("verdicts", [5, 6, 8])
def test_whoever_can_have_no_false_proof_accepted_can_sign_no_head(verdicts):
    """k - 1 verifiers of 8 may be corrupt then, and every quorum has one that is not."""
    rules = rules_of(16, 8, drawn=False, accepting_verdicts=verdicts)
    assert rules.corrupt_verifiers == verdicts - 1 < rules.head_quorum <= 8
    assert 2 * rules.head_quorum - 8 > rules.corrupt_verifiers


def test_rules_refuse_heads_beside_what_heads_do_not_show():
    chain = ChainTerms(1, 2, ("hospital-999", "verifier-0"), bytes(32))
    for what, fields in (
        ("a hospital's seat on a chain", {"chain": chain}),
        ("evidence of machines", {"attestation": object()}),
        ("more than 4096 rounds that count", {"counting": (SimpleNamespace(rounds=range(5000)),)}),
    ):
        with pytest.raises(RulesError, match=what):
            rules_of(16, **fields)
    assert rules_of(16).scaling.to_item() == {"follow": "heads"} and b"follow" in rules_of(16).data
    assert b"scaling" not in replace(rules_of(16), scaling=Scaling()).data
    for item in ({"follow": "everything"}, {"follow": "checkpoints"}):
        with pytest.raises(ConfigurationError):
            Scaling.from_item(item)


def test_the_last_head_is_signed_before_the_end_as_long_as_that_is_possible():
    history = at_upload(16)
    history.current, history.phase, history.closed = None, "between rounds", [history.current]
    assert unsigned_end(history) == ()
    said = history.heads.newest
    for name in ("verifier-0", "verifier-1"):
        del said.signatures[name]
    assert unsigned_end(history) == ("verifier-0", "verifier-1")
    history.revoked = {"verifier-0": 1}
    assert unsigned_end(history) == ("verifier-1",)
    history.revoked["verifier-1"] = 1
    assert unsigned_end(history) == ()
