"""Chain keys and seals in the ledger: what is recorded, what is refused, and that nothing waits for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.chain.contract.keys import ChainKey
from proofward.chain.disputes.verdicts import verdict_holds
from proofward.chain.seals import KeySealer
from proofward.federation.history.state.history_state import CONFIRM, ENROLMENT, KEYS
from proofward.federation.history.state.slots import slot_of
from proofward.federation.history.steps import chain as chain_steps
from proofward.federation.history.steps.chain import binding_payload
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.usual import P256, SECP256K1
from proofward.federation.messages.records.catalogue import ChainKeySaid, RoundSeal, VerdictReceipt
from tests.chain.anchored import CHAIN, anchored_plan
from tests.federation.fakes import plan
from tests.federation.harness import Stopped

pytestmark = pytest.mark.slow
MEMBER = "verifier-0"


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The enrolment, in which one member's chain key is kept back."""
    return Stopped(tmp_path_factory.mktemp("before"), ENROLMENT, 0, MEMBER, ChainKeySaid.kind, anchored_plan())


@pytest.fixture(scope="module")
def confirming(tmp_path_factory):
    """The first round's confirmations, in which one member's seal is kept back."""
    return Stopped(
        tmp_path_factory.mktemp("seals"), CONFIRM, 1, MEMBER, RoundSeal.kind, anchored_plan(receipts=True)
    )


def key(stopped, curve=SECP256K1, number=1, **changes) -> ChainKeySaid:
    """A chain key of the member, which signs for it unless something else is given."""
    sealer = KeySealer(ChainKey(curve, number.to_bytes(32, "big")))
    facts = {
        "consortium": stopped.engine.rules.digest,
        "chain_id": CHAIN,
        "member": MEMBER,
        "key": stopped.history.keys[MEMBER],
        "curve": curve,
    }
    payload = binding_payload(**{**facts, **changes})
    return ChainKeySaid(curve, sealer.point, sealer.sign(payload))


def test_everybody_with_a_seat_says_its_key(before) -> None:
    assert set(before.history.chain_keys) == {"verifier-1", "verifier-2"}
    for curve in (SECP256K1, P256):
        assert before.history.judge(before.spoken(MEMBER, key(before, curve))).sender == MEMBER


@pytest.mark.parametrize("changes", [
    {"consortium": bytes(32)}, {"chain_id": 1}, {"member": "verifier-1"}, {"key": bytes(32)},
])  # fmt: skip
def test_rejects_a_key_that_signs_something_else(before, changes) -> None:
    assert before.check(before.spoken(MEMBER, key(before, **changes))) == ("chain-key", MEMBER)


def test_rejects_altered_keys(before) -> None:
    good = key(before)
    for altered in (
        replace(good, curve="ed25519"),
        replace(good, curve=P256),
        replace(good, key=bytes(64)),
        replace(good, key=good.key[:-1] + bytes([good.key[-1] ^ 1])),
        replace(good, proof=bytes(64)),
        replace(good, proof=good.proof[:-1] + bytes([good.proof[-1] ^ 1])),
    ):
        assert before.check(before.spoken(MEMBER, altered)) == ("chain-key", MEMBER)


def test_rejects_the_key_of_another_member(before) -> None:
    other = before.history.chain_keys["verifier-1"].record
    assert before.check(before.spoken(MEMBER, other)) == ("chain-key", MEMBER)


def test_rejects_members_without_a_seat(before, confirming) -> None:
    hospital = "hospital-0"
    assert before.check(before.spoken(hospital, key(before))) == ("chain-key", hospital)
    seal = seal_of(confirming)
    assert confirming.check(confirming.spoken(hospital, seal)) == ("round-seal", hospital)


def test_rejects_keys_and_seals_where_the_rules_name_no_chain(tmp_path) -> None:
    plain = Stopped(tmp_path, KEYS, agreed=plan(hospitals=4, verifiers=1, rounds=1, threshold=1))
    assert plain.check(plain.spoken(MEMBER, key(plain))) == ("chain-key", MEMBER)
    seal = RoundSeal(1, bytes(32), b"", bytes(160))
    assert plain.check(plain.spoken(MEMBER, seal)) == ("round-seal", MEMBER)
    assert plain.history.outcomes == {}


def seal_of(stopped) -> RoundSeal:
    engine = stopped.engine
    kept = engine.verifiers[MEMBER]._sealer.seal(stopped.history, 1)
    assert kept is not None
    return kept


def test_a_seal_is_recorded_once_also_when_it_comes_late(confirming) -> None:
    seal = seal_of(confirming)
    assert confirming.history.judge(confirming.spoken(MEMBER, seal)).sender == MEMBER
    assert (1, "verifier-1") in confirming.history.seals
    other = replace(seal, outcome=bytes(160))
    recorded = confirming.history.seals[1, "verifier-1"]
    assert recorded.outcome != other.outcome
    assert confirming.check(confirming.spoken("verifier-1", other)) == ("equivocation", "verifier-1")


def test_rejects_seals_of_other_rounds_and_sums(confirming) -> None:
    seal = seal_of(confirming)
    for altered, check in (
        (replace(seal, round=2), "round-seal"),
        (replace(seal, aggregate=bytes(32)), "subject"),
        (replace(seal, weights=b""), "round-seal"),
        (replace(seal, weights=seal.weights[:-1]), "round-seal"),
    ):
        assert confirming.check(confirming.spoken(MEMBER, altered)) == (check, MEMBER)


def test_a_verdict_for_the_chain_is_what_was_said(confirming) -> None:
    """Fake proofs have no receipt; that of a real one is in the demonstration."""
    history, state = confirming.history, confirming.history.round
    assert set(state.receipts) == set(state.verdicts) and len(state.receipts) == 12
    for (by, about), told in state.receipts.items():
        assert verdict_holds(history, state, by, told) and told.receipt == b"" and told.hospital == about
        assert not verdict_holds(history, state, by, replace(told, seal=bytes(160)))
        assert not verdict_holds(history, state, by, replace(told, receipt=b"1"))
    told = state.receipts.pop((MEMBER, "hospital-1"))
    del history.slots[slot_of(VerdictReceipt, 1, 0, MEMBER, "hospital-1")]
    assert confirming.check(confirming.spoken(MEMBER, replace(told, upload=bytes(32)))) == ("subject", MEMBER)
    assert confirming.check(confirming.spoken(MEMBER, replace(told, hospital="nobody"))) == ("verdict-receipt", MEMBER)
    assert confirming.check(confirming.spoken("hospital-0", told)) == ("role", "hospital-0")
    rules = history.rules
    history.rules = replace(rules, chain=replace(rules.chain, receipts=False))
    with pytest.raises(Refusal, match="verdict-receipt"):
        chain_steps.STEPS[VerdictReceipt.kind].check(history, MEMBER, told)
    history.rules = rules


def test_rejects_a_key_after_the_first_round_has_opened(confirming) -> None:
    late = replace(key(confirming), proof=bytes(64))
    del confirming.history.slots["chain-key", MEMBER]
    assert confirming.check(confirming.spoken(MEMBER, late)) == ("phase", MEMBER)
