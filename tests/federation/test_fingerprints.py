"""Sums of ciphertexts checked by fingerprints: the extension, whole federations, attacks, and every field."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest

from proofward.encoding import decode_item, encode_item
from proofward.engines.attacks.aggregators import AltersUpdate
from proofward.engines.attacks.verifiers import SignsFalseFingerprint
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.remote.memory_sticks.awaited import needed_objects
from proofward.federation.history.sums import fingerprints
from proofward.federation.history.sums.fingerprints import error_bits, extension_at, owed, point_of
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.consortium.scaling import PLAIN, Scaling
from proofward.federation.messages.records.catalogue import Fingerprints
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.checking.audit_verdict import AuditVerdict
from proofward.federation.parties.verifier import Verifier
from proofward.field.extension import Ext
from proofward.field.scalar import P
from proofward.layers.basics.errors import ConfigurationError
from proofward.report.audits.audit_summary import AuditSummary
from tests.federation.committee_plans import Federation, committee_plan
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped

BY_FINGERPRINTS = Scaling("fingerprints")
VERIFIERS = ("verifier-0", "verifier-1", "verifier-2")


def agreed(hospitals=3, rounds=1):
    return replace(plan(hospitals, 3, rounds, threshold=1), scaling=BY_FINGERPRINTS)


@pytest.mark.parametrize("length", [1, 2, 5, 8, 9, 40])
def test_pieces_give_the_extension_of_the_whole(monkeypatch, length):
    rng = np.random.default_rng(length)
    words = [int(word) for word in rng.integers(0, P, length, dtype=np.uint64)]
    count = fingerprints.variables(length)
    point = tuple(Ext(int(a), int(b)) for a, b in rng.integers(0, P, (count, 2), dtype=np.uint64))
    table = words + [0] * ((1 << count) - length)
    expected = Ext(0)
    for place, word in enumerate(table):
        weight = Ext(1)
        for bit, value in enumerate(point):
            weight = weight * (value if place >> (count - 1 - bit) & 1 else 1 - value)
        expected = expected + weight * word
    data = np.array(words, dtype="<u8").tobytes()
    for low in (1, 2, 3, 18):
        monkeypatch.setattr(fingerprints, "LOW_VARIABLES", low)
        assert extension_at(BytesIO(data), length, point) == expected
    assert extension_at(BytesIO(data[:-8] + b"\xff" * 8), length, point) is None


def test_the_error_is_far_below_the_policy():
    assert error_bits(1 << 27) > 60 and error_bits(1 << 27, 1) > 122 and error_bits(2) > error_bits(3000)


def test_rules_say_it_and_rules_that_say_nothing_keep_their_bytes(tmp_path):
    folder = Stopped(tmp_path / "run", "upload", agreed=agreed()).engine.folder
    rules = folder.rules(agreed())
    assert Rules.from_bytes(rules.data) == rules and rules.scaling.fingerprints
    plain = replace(rules, scaling=PLAIN)
    assert "scaling" not in decode_item(plain.data) and plain.digest != rules.digest
    assert Rules.from_bytes(plain.data).scaling == PLAIN
    for item in ({}, {"sums": "recomputed"}, {"sums": "guessed"}, {"sums": 1}, {"shares": "kept"}, {"shares": []}, {"other": 1}, [], "x"):
        other = encode_item({**decode_item(rules.data), "scaling": item})
        with pytest.raises(RulesError):
            Rules.from_bytes(other)
    with pytest.raises(ConfigurationError, match="sums"):
        Scaling("guessed")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A federation whose verifiers have signed fingerprints, and nobody has confirmed."""
    return Stopped(tmp_path_factory.mktemp("run") / "run", "confirm", agreed=agreed(rounds=2))


def test_members_confirm_without_the_ciphertexts_and_the_audit_wants_them(tmp_path):
    stopped = Stopped(tmp_path / "run", "confirm", agreed=agreed(rounds=2))
    state, ledger = stopped.history.round, stopped.aggregator.ledger
    assert len(state.fingerprints) == 9 and not state.confirmations
    ciphertexts = {said.record.ciphertext for said in state.uploads.values()}
    for member in ("hospital-0", "verifier-0"):
        needed = needed_objects(stopped.history, member)
        assert not needed & ciphertexts and state.aggregate.record.ciphertext_sum in needed
    kept = {digest: ledger.object_path(digest).read_bytes() for digest in ciphertexts}
    for digest in ciphertexts:
        ledger.object_path(digest).unlink()
    stopped.engine.run(lambda: len(stopped.history.closed) == 1)
    assert len(stopped.history.closed[0].confirmations) == 6
    for digest, data in kept.items():
        ledger.object_path(digest).write_bytes(data)
    result = stopped.engine.run()
    assert result.finished and not result.faults and not result.refusals
    verdicts = list(Auditor(tmp_path / "run" / "ledger", FakeProofs()).run())
    assert all(verdict.passed for verdict in verdicts)
    assert sum(verdict.check == "fingerprint" for verdict in verdicts) == 6
    ledger.object_path(min(ciphertexts)).unlink()
    flaws = [verdict.refusal.check for verdict in Auditor(tmp_path / "run" / "ledger", FakeProofs()).run()
             if not verdict.passed]  # fmt: skip
    assert "object-missing" in flaws


def run(directory, verifiers=None, **kinds):
    own = agreed()
    engine = InProcessFederation(directory, own, datasets(own), seed=b"f", proofs=FakeProofs(), workers=1,
                                 parties=Parties({}, verifiers or {}, **kinds))  # fmt: skip
    result = engine.run()
    flaws = {(verdict.refusal.check, verdict.refusal.culprit)
             for verdict in Auditor(directory / "ledger", FakeProofs()).run() if not verdict.passed}  # fmt: skip
    return result, flaws


class AddsWrongly(AltersUpdate):
    """From the first round on."""

    def aggregate(self):
        from proofward.federation.history.sums.aggregation import compute_result

        result = compute_result(self.history, self.objects, self.ledger.new_object)
        return self.changed(result).record(self.history)


def test_an_aggregator_that_adds_wrongly_is_refused_by_everybody_without_a_ciphertext(tmp_path):
    result, flaws = run(tmp_path / "run", aggregator=AddsWrongly)
    assert not result.finished and result.rounds == 0
    assert {(why.check, why.culprit) for why in result.halted.values()} == {
        ("aggregate-ciphertext-sum", "aggregator")
    }
    assert len(result.halted) == 6
    assert ("aggregate-ciphertext-sum", "aggregator") in flaws


def test_a_verifier_that_signs_a_false_fingerprint_changes_nothing_and_is_named(tmp_path):
    result, flaws = run(tmp_path / "run", {"verifier-1": SignsFalseFingerprint})
    assert result.finished and not result.halted
    assert {(fault.culprit, fault.check, fault.by) for fault in result.faults} == {
        ("verifier-1", "fingerprint", ("verifier-0", "verifier-2"))
    }
    assert flaws == {("fingerprint", "verifier-1")}


@pytest.mark.parametrize(
    ("check", "who", "accused"),
    [("fingerprint", "verifier-0", "verifier-0"), ("ciphertext", "hospital-0", ""), ("object-digest", "aggregator", "")],
)
def test_an_audit_holds_a_false_fingerprint_against_its_signer_alone(stopped, check, who, accused):
    failed = AuditVerdict("fingerprint", "entry 9", Refusal(check, who, "a", "b"))
    summary = AuditSummary([failed], stopped.history)
    assert summary.accused(failed) == accused and summary.consistent is bool(accused)
    assert {breach.member for breach in summary.breaches} == {accused} - {""}


def test_a_majority_of_lying_verifiers_cannot_have_a_wrong_sum_audited(tmp_path):
    liars = dict.fromkeys(VERIFIERS[:2], SignsFalseFingerprint)
    result, flaws = run(tmp_path / "run", liars)
    assert not result.finished and {why.check for why in result.halted.values()} == {"aggregate-ciphertext-sum"}
    assert flaws >= {("fingerprint", "verifier-0"), ("fingerprint", "verifier-1")}


class Late(Verifier):
    """Signs no fingerprint."""

    def _say_fingerprints(self):
        return iter(())


def test_a_sum_waits_for_the_verifiers_whose_word_is_missing(tmp_path):
    result, _ = run(tmp_path / "run", dict.fromkeys(VERIFIERS[:2], Late))
    assert not result.finished and not result.halted and result.waits_for == VERIFIERS[:2]
    result, _ = run(tmp_path / "other", {"verifier-1": Late})
    assert result.finished


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A federation with drawn verifiers, one of whom lies about every first ciphertext."""
    own = replace(committee_plan(), scaling=BY_FINGERPRINTS)
    return Federation(tmp_path_factory.mktemp("drawn") / "run", own,
                      verifiers={"verifier-2": SignsFalseFingerprint})  # fmt: skip


def test_of_drawn_verifiers_that_disagree_all_others_say_the_fingerprint_too(drawn):
    assert drawn.result.finished
    assert drawn.faults == {("verifier-2", "fingerprint")}
    assert drawn.flaws and set(drawn.flaws) == {("fingerprint", "verifier-2")}
    state = drawn.history.closed[0]
    lied = owed_by(state, "verifier-2")[0]
    assert len(state.fingerprints.about(lied)) >= 4
    assert any(len(state.fingerprints.about(name)) == 2 for name in state.accepted.record.hospitals if name != lied)


def owed_by(state, verifier):
    return [name for name in state.accepted.record.hospitals if (verifier, name) in state.verdicts]


def said(stopped, sender="verifier-0", **changes):
    own = owed(stopped.history, sender)
    values = tuple(stopped.history.round.fingerprints[sender, name] for name in own)
    record = Fingerprints(stopped.history.round.aggregate.digest, own, values)
    return stopped.spoken(sender, replace(record, **changes))



@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    return Stopped(tmp_path_factory.mktemp("run") / "run", "confirm", member="verifier-0", topic="fingerprints",
                   agreed=agreed())  # fmt: skip


def test_every_field_is_checked(silent):
    history = silent.history
    own = owed(history, "verifier-0")
    good = Fingerprints(history.round.aggregate.digest, own, (bytes(16),) * len(own))
    assert silent.history.judge(silent.spoken("verifier-0", good)).topic == "fingerprints"
    for check, changes in (
        ("subject", {"aggregate": bytes(32)}),
        ("fingerprints", {"hospitals": own[1:], "values": good.values[1:]}),
        ("fingerprints", {"hospitals": (*own, "hospital-9"), "values": (*good.values, bytes(16))}),
        ("fingerprints", {"hospitals": tuple(reversed(own))}),
        ("fingerprints", {"values": good.values[1:]}),
        ("fingerprints", {"values": (b"\xff" * 16, *good.values[1:])}),
        ("fingerprints", {"again": True}),
        ("fingerprints", {"again": True, "hospitals": own[:1], "values": good.values[:1]}),
    ):
        assert silent.check(silent.spoken("verifier-0", replace(good, **changes))) == (check, "verifier-0")
    assert silent.check(silent.spoken("hospital-0", good)) == ("role", "hospital-0")
    assert silent.check(said(silent, "verifier-1", values=(bytes(16),) * 3)) == ("equivocation", "verifier-1")


def test_rules_that_recompute_take_no_fingerprints(tmp_path):
    stopped = Stopped(tmp_path / "run", "confirm", agreed=plan(3, 3, 1, threshold=1))
    assert not stopped.history.round.fingerprints
    record = Fingerprints(stopped.history.round.aggregate.digest, ("hospital-0",), (bytes(16),))
    assert stopped.check(stopped.spoken("verifier-0", record)) == ("fingerprints", "verifier-0")


def test_the_point_follows_from_every_ciphertext_and_from_the_sum(stopped):
    state = stopped.history.round
    seen = {point_of(stopped.history)}
    for name, recorded in list(state.uploads.items()):
        state.uploads[name] = replace(recorded, record=replace(recorded.record, ciphertext=bytes(32)))
        seen.add(point_of(stopped.history))
        state.uploads[name] = recorded
    recorded = state.aggregate
    state.aggregate = replace(recorded, record=replace(recorded.record, ciphertext_sum=hashlib.sha256().digest()))
    seen.add(point_of(stopped.history))
    state.aggregate = recorded
    assert len(seen) == len(state.uploads) + 2 and point_of(stopped.history) in seen
