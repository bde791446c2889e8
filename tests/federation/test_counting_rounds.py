"""Whole federations with rounds that count: beside training, by themselves, with dishonest hospitals, after a restart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.remote.memory_sticks.awaited import needed_objects
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.equipment.counting import CountingTask, CountsUnavailable
from proofward.relations.rules.counting import NO_DATASET, untrained
from tests.federation.counting import (
    ALONE,
    SCORES,
    counts_only_plan,
    federation,
    flaws,
    mixed_plan,
    own_counts,
    sum_of,
)
from tests.federation.fakes import FakeProofs


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A round that counts, one that trains, and one that counts with the final model."""
    asked: list[CountingTask] = []

    def source(task: CountingTask) -> np.ndarray:
        asked.append(task)
        return own_counts(task)

    engine = federation(tmp_path_factory.mktemp("run"), mixed_plan(), source)
    return engine, engine.run(), asked


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_audit_recomputes_the_sums_and_names_them(mixed):
    engine, _, _ = mixed
    verdicts = list(Auditor(engine.folder.ledger, RelationProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
    checks = [verdict.check for verdict in verdicts]
    assert checks.count("counts-proof") == 6 and checks.count("round-proof") == 3
    said = [verdict.detail for verdict in verdicts]
    assert "rounds 1, 3 count scores: proved to be in range, not to be true" in said[0]
    words = "scores, the sum of 6 counts of hospital-0, hospital-1, hospital-2; the model stays"
    assert said.count(words) == 2


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


@pytest.mark.slow
def test_a_federation_may_only_count(tmp_path):
    asked = []

    def source(task):
        asked.append((task.hospital, task.rows, [own.counts.tolist() for own in task.sums]))
        return own_counts(task)

    told = counts_only_plan(replace(ALONE, rounds=(1, 2)), rounds=2)
    engine = federation(tmp_path, told, source, proofs=FakeProofs())
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
    assert flaws(engine, FakeProofs()) == []


@pytest.mark.slow
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


@pytest.mark.slow
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
    summed = history.closed[0].aggregate.record.update_sum
    assert summed in needed_objects(history, "hospital-0") - needed_objects(history, "verifier-0")
    names = hospital.state.secrets.names()
    assert "counts/1" not in names and "counts/2" in names
    assert [own.counts.tolist() for own in again.run().sums] == [sum_of((0, 1, 2))] * 2
