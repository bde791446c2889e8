"""Dishonest words in rounds that count: hospitals that lie, and messages that the ledger does not take."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from proofward.cli.evidence.ledgers.audit_words import screen
from proofward.encoding import encode
from proofward.engines.attacks.hospitals import ReplaysProof, SealsWrongShare, SwapsCiphertext
from proofward.engines.in_process import Parties
from proofward.federation.history.proving.statements import counting_statement, round_statement
from proofward.federation.history.state.history_state import DEAL, UNMASK, VERIFY
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import seal_envelope
from proofward.federation.messages.records.catalogue import (
    Aggregate,
    Attendance,
    Enrolment,
    StatefulAggregate,
)
from proofward.federation.parties.hospital import Hospital
from proofward.relations.rules.counting import untrained
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from tests.federation.counting import (
    ALONE,
    LINEAR,
    SCORES,
    counts_only_plan,
    federation,
    flaws,
    mixed_plan,
    sum_of,
)
from tests.federation.fakes import FakeProofs, plan
from tests.federation.harness import Stopped, opened
from tests.proof.cheats import Forger
from tests.relations.counting_cases import counted, says


class CountsTooMuch(Hospital):
    """In round 1 it encrypts a count beyond the range, and proves it as well as it can."""

    def prove_upload(self, statement):
        made, sealed = super().prove_upload(statement)
        if self.history.round.number != 1:
            return made, sealed
        counts = np.array([3, 0, 1, 0, 1 << 10, 0], dtype=np.int64)
        words, _, proof = says(counted(counts, statement), Pretends)
        return replace(made, ciphertext=words.tobytes(), proof=proof), sealed


class Pretends(Forger):
    """A forger that counts its own lookups as those of zeros."""

    def values(self, column):
        try:
            return super().values(column)
        except KeyError:
            self._columns[column.commitment, column.index] = np.zeros(1 << column.log_size, dtype=np.uint64)
            return self._columns[column.commitment, column.index]


class CountsWhereItTrains(Hospital):
    """In round 2 it sends a proof of counts in place of a training."""

    def prove_upload(self, statement):
        made, sealed = super().prove_upload(statement)
        if self.history.round.number != 2:
            return made, sealed
        other = counting_statement(self.history, self.name, SCORES)
        counts = np.zeros(SCORES.length, dtype=np.int64)
        forged, sealed = self.proved(lambda *how: self.proofs.prove_counts(other, counts, *how), other)
        return replace(
            made, ciphertext=forged.ciphertext, proof=forged.proof, sealed_shares=forged.sealed_shares
        ), sealed


class TrainsWhereItCounts(Hospital):
    """In round 3 it sends a training's proof in place of its counts."""

    def prove_upload(self, statement):
        made, sealed = super().prove_upload(statement)
        if self.history.round.number != 3:
            return made, sealed
        weights = model_weights(self.history, self.objects, statement.model)
        other = round_statement(self.history, self.name, weights)
        secret = self.state.secrets.get(f"dataset/{statement.dataset_root.hex()}")
        forged, sealed = self.proved(lambda *how: self.proofs.prove_round(other, secret, *how), other)
        return replace(
            made, ciphertext=forged.ciphertext, proof=forged.proof, sealed_shares=forged.sealed_shares
        ), sealed


@pytest.mark.slow
def test_dishonest_hospitals_are_named_and_refused(tmp_path):
    """One in each of three rounds; whoever is honest in a round is in its sum."""
    kinds = {
        "hospital-0": CountsTooMuch,
        "hospital-1": CountsWhereItTrains,
        "hospital-2": TrainsWhereItCounts,
    }
    engine = federation(tmp_path, mixed_plan(hospitals=4), parties=Parties(hospitals=kinds))
    result = engine.run()
    assert result.finished and result.halted == {}
    found = [(fault.round, fault.culprit, fault.check) for fault in result.faults]
    assert [fault[:2] for fault in found] == [(1, "hospital-0"), (2, "hospital-1"), (3, "hospital-2")]
    assert found[0][2] == LINEAR and {found[1][2], found[2][2]} == {"ciphertext"}
    assert [own.hospitals for own in result.sums] == [
        ("hospital-1", "hospital-2", "hospital-3"),
        ("hospital-0", "hospital-1", "hospital-3"),
    ]
    assert [own.counts.tolist() for own in result.sums] == [sum_of((1, 2, 3)), sum_of((0, 1, 3))]
    audit = RunAudit(engine.folder.ledger)
    summary = AuditSummary(list(audit.run()), audit.history)
    assert summary.consistent and [(breach.member, breach.check) for breach in summary.breaches] == [
        ("hospital-0", "counts-proof"), ("hospital-1", "round-proof"), ("hospital-2", "counts-proof"),
    ]  # fmt: skip
    assert "counts      scores, in round 1, 3: proved to be in range, not to be true" in screen(summary, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "check", "number"),
    [
        (ReplaysProof, "replayed-proof", 2), (SwapsCiphertext, "transcript", 1),
        (SealsWrongShare, "key-share", 1),
    ],
)  # fmt: skip
def test_known_attacks_on_counts_are_refused(tmp_path, kind, check, number):
    found = plan(hospitals=4, verifiers=1, rounds=number, threshold=1)
    told = replace(
        found,
        config=untrained(4, 1, 40, True),
        counting=(replace(ALONE, rounds=tuple(range(1, number + 1))),),
    )
    engine = federation(tmp_path, told, proofs=FakeProofs(), parties=Parties(hospitals={"hospital-2": kind}))
    result = engine.run()
    assert result.finished and {fault.culprit for fault in result.faults} == {"hospital-2"}
    assert (number, check) in {(fault.round, fault.check) for fault in result.faults}
    assert result.sums[-1].hospitals == ("hospital-0", "hospital-1", "hospital-3")
    assert result.sums[-1].counts.tolist() == sum_of((0, 1, 3))
    assert flaws(engine, FakeProofs()) == []


def test_other_words_in_a_round_that_counts_are_refused(tmp_path):
    """A verdict with another root, an aggregate with another model, records where hospitals attend."""
    stopped = Stopped(tmp_path / "mixed", VERIFY, member="verifier-0", topic="verdict", agreed=mixed_plan())
    envelope = opened(stopped.network.kept[0])
    assert stopped.check(stopped.said(envelope, dataset_root=bytes(32))) == ("verdict", "verifier-0")
    beacon_key = stopped.history.enrolments["hospital-0"].record.beacon_key
    attending = stopped.spoken("hospital-0", Attendance(beacon_key))
    assert stopped.check(attending) == ("attendance", "hospital-0")
    stopped.engine.close()


@pytest.mark.slow
def test_an_aggregate_of_counts_names_the_model_that_was(tmp_path):
    engine = federation(tmp_path, mixed_plan(), proofs=FakeProofs())
    aggregator, history = engine.aggregator, engine.aggregator.history
    engine.run(lambda: history.phase == UNMASK and len(history.round.share_sums) == 3)
    record = aggregator.aggregate()
    assert record.model == history.model

    def check(said):
        with pytest.raises(Refusal) as caught:
            history.judge(aggregator.envelope(said, *history.position()).data)
        return caught.value.check, caught.value.culprit

    assert check(replace(record, model=bytes(32))) == ("model", "aggregator")
    state = (record.model,)
    stateful = StatefulAggregate(*(getattr(record, field.name) for field in fields(Aggregate)), state)
    assert check(stateful) == ("server-state", "aggregator")
    engine.close()


def test_nobody_enrols_records_where_all_rounds_count(tmp_path):
    engine = federation(tmp_path, counts_only_plan(), proofs=FakeProofs())
    history = engine.aggregator.history
    engine.run(lambda: history.phase == DEAL)
    record = history.attendances["hospital-1"]
    enrolment = Enrolment(8, 1, bytes(32), record.record.beacon_key)
    body = replace(record.envelope, body=encode(enrolment), signature=b"")
    with pytest.raises(Refusal) as caught:
        history.judge(seal_envelope(body, engine.folder.key("hospital-1")).data)
    assert (caught.value.check, caught.value.culprit) == ("attendance", "hospital-1")
    engine.close()
