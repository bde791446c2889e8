"""Whole federations with rounds that count: beside training, by themselves, with dishonest hospitals, after a restart."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from proofward.encoding import encode
from proofward.engines.attacks.hospitals import CopiesProof, ReplaysProof, SealsWrongShare, SwapsCiphertext
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.remote.awaited import needed_objects
from proofward.federation.history.aggregation import model_weights
from proofward.federation.history.counted import counted_sums
from proofward.federation.history.history_state import DEAL, UNMASK, UPLOAD, VERIFY
from proofward.federation.history.proofs import RelationProofs
from proofward.federation.history.statements import counting_statement, round_statement
from proofward.federation.messages.catalogue import Aggregate, Attendance, Enrolment, StatefulAggregate
from proofward.federation.messages.envelope import seal_envelope
from proofward.federation.messages.refusal import Refusal
from proofward.federation.messages.rules import Rules, RulesError
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.counting import CountingTask, CountsUnavailable
from proofward.federation.parties.hospital import Hospital
from proofward.relations.counting import NO_DATASET, Counting, untrained
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened
from tests.proof.cheats import Forger
from tests.relations.counting_cases import counted, says

SCORES = Counting("scores", "what every entry counts", 6, 10, (1, 3), (3, 3), 3, within_rows=True)
LINEAR = "linear constraints"
ALONE = replace(SCORES, rounds=(1,), within_rows=False)


def own_counts(task: CountingTask) -> np.ndarray:
    """Two counts of 3 and more, two smaller ones, and nothing in the remainders."""
    return np.array([int(task.hospital[-1]) + 3, 1, 0, 0, 5, 0], dtype=np.int64)


def sum_of(numbers: tuple[int, ...]) -> list[int]:
    """Of the counts of these hospitals, as they are told."""
    return [sum(number + 3 for number in numbers), 0, len(numbers), 0, 5 * len(numbers), 0]


def mixed_plan(hospitals: int = 3, counting: Counting = SCORES, rounds: int = 3):
    found = plan(hospitals=hospitals, verifiers=1, rounds=rounds, threshold=1)
    return replace(found, counting=(counting,))


def counts_only_plan(counting: Counting = ALONE, rounds: int = 1):
    found = plan(hospitals=3, verifiers=1, rounds=rounds, threshold=1)
    return replace(found, config=untrained(3, 1, 40, True), counting=(counting,))


def federation(folder, told, source=own_counts, **options) -> InProcessFederation:
    data = {} if len(told.counting[0].rounds) == told.rounds else datasets(told, 9)
    return InProcessFederation(
        folder, told, data, seed=b"s", counts=dict.fromkeys(told.hospitals, source), **options
    )


def flaws(engine: InProcessFederation, proofs=None) -> list[str]:
    verdicts = Auditor(engine.folder.ledger, proofs or RelationProofs()).run()
    return [str(verdict) for verdict in verdicts if not verdict.passed]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A round that counts, one that trains, and one that counts with the final model."""
    asked: list[CountingTask] = []

    def source(task: CountingTask) -> np.ndarray:
        asked.append(task)
        return own_counts(task)

    engine = federation(tmp_path_factory.mktemp("run"), mixed_plan(), source)
    return engine, engine.run(), asked


def test_counts_are_summed_beside_training(mixed):
    engine, result, asked = mixed
    assert result.finished and result.rounds == 3 and result.refusals == [] and result.faults == []
    assert [(own.round, own.counts.tolist()) for own in result.sums] == [
        (1, sum_of((0, 1, 2))),
        (3, sum_of((0, 1, 2))),
    ]
    assert all(own.hospitals == engine.rules.hospitals and own.counting == SCORES for own in result.sums)
    assert [part.tolist() for part in result.sums[0].groups] == [sum_of((0, 1, 2))[:3], sum_of((0, 1, 2))[3:]]
    assert sorted((task.hospital, task.round) for task in asked) == [
        (name, number) for name in engine.rules.hospitals for number in (1, 3)
    ]


def test_a_round_that_counts_leaves_the_model_and_hands_it_to_who_counts(mixed):
    engine, result, asked = mixed
    history, objects = engine.aggregator.history, engine.aggregator.objects
    first, trained, last = (state.aggregate.record for state in history.closed)
    assert first.model == history.closed[0].model != trained.model == last.model == history.model
    before, after = model_weights(history, objects, first.model), result.weights
    assert not np.array_equal(before, after)
    for task in asked:
        assert np.array_equal(task.weights, before if task.round == 1 else after)
        assert task.model == (first.model if task.round == 1 else trained.model)
        assert task.rows == history.enrolled[task.hospital]
        assert [own.round for own in task.sums] == ([] if task.round == 1 else [1])
    roots = [state.uploads["hospital-0"].record.dataset_root for state in history.closed]
    assert roots[0] == roots[1] != roots[2] == history.dataset_roots["hospital-0"]


def test_the_audit_recomputes_the_sums_and_names_them(mixed):
    engine, _, _ = mixed
    assert flaws(engine) == []
    said = [str(verdict.detail) for verdict in Auditor(engine.folder.ledger, RelationProofs()).run()]
    assert any("rounds 1, 3 count scores: proved to be in range, not to be true" in words for words in said)
    assert (
        sum("scores, the sum of 6 counts of hospital-0, hospital-1, hospital-2" in words for words in said)
        == 2
    )


def test_rules_carry_what_is_counted(mixed):
    rules = mixed[0].rules
    assert Rules.from_bytes(rules.data) == rules
    silent = replace(rules, counting=())
    assert silent.digest != rules.digest and b"counting" not in silent.data
    assert rules.counting_in(1) == rules.counting_in(3) == SCORES and rules.counting_in(2) is None
    assert [rules.training_round(number) for number in (1, 2, 3)] == [0, 1, 1]
    assert rules.training_rounds == 1 and not rules.counts_only and silent.training_rounds == 3


@pytest.mark.parametrize(
    "counting",
    [
        (replace(SCORES, rounds=(4,)),),
        (SCORES, replace(SCORES, label="others", rounds=(2, 3))),
        (SCORES, replace(SCORES, rounds=(2,))),
        (replace(SCORES, rounds=(2,)), replace(SCORES, label="others", rounds=(1,))),
        (replace(SCORES, rounds=(1, 2, 3)),),
    ],
    ids=["no such round", "two in one round", "one label twice", "another order", "rows where none enrol"],
)
def test_rules_that_make_no_sense_are_refused(mixed, counting):
    with pytest.raises(RulesError, match="counting"):
        replace(mixed[0].rules, counting=counting)


def test_no_hospitals_counts_are_in_the_ledger(mixed):
    engine, _, _ = mixed
    own = [own_counts(task) for task in mixed[2]] + [SCORES.told(own_counts(task)) for task in mixed[2]]
    files = [path for path in engine.folder.directory.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        data = path.read_bytes()
        assert not any(counts.astype("<i8").tobytes() in data for counts in own), path


def test_a_federation_may_only_count(tmp_path):
    asked = []

    def source(task):
        asked.append((task.hospital, task.rows, [own.counts.tolist() for own in task.sums]))
        return own_counts(task)

    told = counts_only_plan(replace(ALONE, rounds=(1, 2)), rounds=2)
    engine = federation(tmp_path, told, source)
    result = engine.run()
    assert result.finished and result.refusals == [] and engine.rules.counts_only
    assert [own.counts.tolist() for own in result.sums] == [sum_of((0, 1, 2))] * 2
    assert all(rows == 0 for _, rows, _ in asked)
    assert sorted(len(sums) for _, _, sums in asked) == [0, 0, 0, 1, 1, 1]
    history = engine.aggregator.history
    assert not history.enrolments and set(history.attendances) == set(engine.rules.hospitals)
    assert (
        set(history.dataset_roots.values()) == {NO_DATASET}
        and history.closed[-1].aggregate.record.total_rows == 0
    )
    assert flaws(engine) == []


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
    assert flaws(engine) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "check", "number"),
    [
        (ReplaysProof, "replayed-proof", 2), (CopiesProof, LINEAR, 1), (SwapsCiphertext, LINEAR, 1),
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
    engine = federation(tmp_path, told, parties=Parties(hospitals={"hospital-2": kind}))
    result = engine.run()
    assert result.finished and {fault.culprit for fault in result.faults} == {"hospital-2"}
    assert (number, check) in {(fault.round, fault.check) for fault in result.faults}
    assert result.sums[-1].hospitals == ("hospital-0", "hospital-1", "hospital-3")
    assert result.sums[-1].counts.tolist() == sum_of((0, 1, 3))
    assert flaws(engine) == []


def test_who_cannot_count_is_left_out_and_says_why(tmp_path):
    def source(task):
        if task.hospital == "hospital-3":
            raise CountsUnavailable("the file is gone")
        if task.hospital == "hospital-0":
            return np.full(6, 1 << 10, dtype=np.int64)
        return own_counts(task)

    events = []
    told = replace(counts_only_plan(), hospitals=[f"hospital-{number}" for number in range(5)])
    told = replace(told, config=untrained(5, 1, 40, True), minimum_updates=4)
    engine = federation(tmp_path, told, source, proofs=FakeProofs(), observe=events.append)
    engine.run()
    unable = {event.party: event.detail for event in events if event.kind == "unable"}
    assert set(unable) == {"hospital-0", "hospital-3"} and unable["hospital-3"] == "the file is gone"
    assert "from 0 to 1023" in unable["hospital-0"]


def test_a_restarted_hospital_repeats_its_counts(tmp_path):
    """Stopped with counts kept and nothing sent: the source is not asked again, and the sum is the same."""
    told = counts_only_plan(replace(ALONE, rounds=(1, 2)), rounds=2)

    class Crashes(FakeProofs):
        def prove_counts(self, *arguments):
            raise RuntimeError("killed while it proves")

    asked = []

    def source(task):
        asked.append(task.hospital)
        return own_counts(task)

    first = federation(tmp_path, told, source, proofs=Crashes())
    with pytest.raises(RuntimeError):
        first.run()
    first.close()

    def nothing_else(task):
        assert task.hospital not in asked or task.round == 2
        return own_counts(task)

    again = federation(tmp_path, told, nothing_else, proofs=FakeProofs())
    hospital = again.hospitals[asked[0]]
    assert "counts/1" in hospital.state.secrets.names()
    history = again.aggregator.history
    again.run(lambda: history.position()[0] == 2 and len(history.round.uploads) == 3)
    names = hospital.state.secrets.names()
    assert "counts/1" not in names and "counts/2" in names
    assert [own.counts.tolist() for own in again.run().sums] == [sum_of((0, 1, 2))] * 2


def test_members_that_cannot_ask_are_brought_the_sums(tmp_path):
    told = counts_only_plan(replace(ALONE, rounds=(1, 2)), rounds=2)
    engine = federation(tmp_path, told, proofs=FakeProofs())
    history = engine.aggregator.history
    engine.run(lambda: history.phase == UPLOAD and history.position()[0] == 2)
    summed = history.closed[0].aggregate.record.update_sum
    assert summed in needed_objects(history, "hospital-0") - needed_objects(history, "verifier-0")
    assert counted_sums(history, engine.aggregator.objects)[0].counts.tolist() == sum_of((0, 1, 2))
    engine.close()


def test_other_words_in_a_round_that_counts_are_refused(tmp_path):
    """A verdict with another root, an aggregate with another model, records where hospitals attend."""
    stopped = Stopped(tmp_path / "mixed", VERIFY, member="verifier-0", topic="verdict", agreed=mixed_plan())
    envelope = opened(stopped.network.kept[0])
    assert stopped.check(stopped.said(envelope, dataset_root=bytes(32))) == ("verdict", "verifier-0")
    beacon_key = stopped.history.enrolments["hospital-0"].record.beacon_key
    attending = stopped.spoken("hospital-0", Attendance(beacon_key))
    assert stopped.check(attending) == ("attendance", "hospital-0")
    stopped.engine.close()


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
