"""What all others learn of one hospital's counts by subtracting, and what dishonest words about counts come to."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from proofward.api.evaluations import FederatedEvaluation
from proofward.data.columns.column_kinds import Number
from proofward.data.columns.feature import Feature
from proofward.data.columns.schema import Schema
from proofward.data.columns.statistics_layout import layout_of
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.engines.remote.agreement.own_counts import COUNTS, stored_counts
from proofward.federation.messages.basics.values import integers_from_bytes, integers_to_bytes
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.records.catalogue import OwnCounts
from proofward.federation.parties.equipment.counting import CountsUnavailable
from proofward.federation.parties.hospital import Hospital
from proofward.layers.rules.subgroup import Subgroup
from proofward.relations.rules.counting import untrained
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_counts import score_counts
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.histograms.of_run import IMPOSSIBLE, evaluations
from proofward.report.histograms.run_words import run_lines, run_sections
from proofward.report.statistics import statistics_of
from proofward.statistics.counts import ColumnValues, TableValues, parts_of
from proofward.statistics.layout import BINS, HISTOGRAMS, MOMENTS
from proofward.statistics.source import VALUES, by_step, kept_source, values_to_bytes
from tests.federation.counting import flaws
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import opened

pytestmark = pytest.mark.slow
VICTIM, OPEN, TWICE, LEFT = (f"hospital-{number}" for number in range(4))
LEAST = 4
SCORES = ScoreLayout(2, 4, LEAST, (Subgroup("sex", ("f", "m"), 0),))
TABLE = layout_of(Schema((Number(Feature("age", 0.0, 1.0), 0, 80),)), 8, 5)


class ChangesItsMind(Hospital):
    """Publishes more than it has counted, and in the next attempt something else; in the last round it invents."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        true = self.counts
        self.counts = lambda task: true(task) if task.round < 3 else np.arange(SCORES.length, dtype=np.int64) % 3

    def publish_counts(self):
        current = self.history.current
        if current is not None and self.history.counting is not None and self.name in current.uploads:
            counts = np.full(SCORES.length, 1000 + current.attempt, dtype=np.int64)
            data = integers_to_bytes(counts)
            if self.sent(OwnCounts) is None:
                yield self.say(OwnCounts(hashlib.sha256(data).digest()), (data,))


class Loses(FaithfulNetwork):
    """A consent in the first attempt of the round that counts."""

    def to_aggregator(self, member, message):
        said = opened(message)
        lost = (member, said.topic, said.round, said.attempt) == (LEFT, "consent", 2, 0)
        return () if lost else (message,)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A round of training, one of counting, tried twice, and one more; and the records that each hospital counted."""
    made = plan(hospitals=4, verifiers=1, rounds=3, threshold=1)
    training = replace(made.config.training, validation_share=400_000)
    config = replace(made.config, training=training, least_rows=0, most_rows=0)
    made = replace(made, config=config, counting=(counting_of(SCORES, (2, 3)),))
    data = datasets(made, rows=40)
    for name, (features, _) in data.items():
        sex = np.arange(len(features)) % 2 if name != VICTIM else np.arange(len(features)) % 6 // 5
        features[:, :2] = 64 * np.eye(2, dtype=np.int64)[sex]
    engine = InProcessFederation(
        tmp_path_factory.mktemp("evaluated") / "run", made, data, seed=b"e", network=Loses(), proofs=FakeProofs(),
        publishing=(OPEN, LEFT), parties=Parties(hospitals={TWICE: ChangesItsMind}),
    )  # fmt: skip
    own, history = {}, engine.aggregator.history

    def remember():
        for name in made.hospitals:
            if (records := engine.hospitals[name].validation_records()) is not None:
                own[name] = records
        return False

    result = engine.run(remember)
    assert result.finished and history.closed[1].attempt == 1, (result.stopped, result.refusals)
    found, _ = evaluations(history, engine.aggregator.objects, ("no", "yes"))
    return engine, own, found, result


def alone(evaluated, hospital):
    """The blocks of one hospital: the public sum, less what all others have counted."""
    engine, own, found, _ = evaluated
    config, rest = engine.rules.config, found.evaluated.counts.copy()
    weights = integers_from_bytes(engine.aggregator.objects.get(found.model), config.model.parameters)
    for name in set(found.hospitals) - {hospital}:
        rest -= score_counts(SCORES, config.model, config.scales, weights, own[name].features, own[name].labels)
    return SCORES.blocks(rest)


def test_no_difference_of_levels_is_of_few_records(evaluated):
    whole, *levels = alone(evaluated, VICTIM)
    men = int((evaluated[1][VICTIM].features[:, 1] > 0).sum())
    assert 0 < men < LEAST < whole.rows == len(evaluated[1][VICTIM])
    hidden = whole.rows - sum(block.rows for block in levels)
    assert hidden == 0 or hidden >= LEAST, "nobody learns how the few are scored"


def test_levels_of_many_records_are_counted(evaluated):
    whole, *levels = alone(evaluated, OPEN)
    assert all(block.rows >= LEAST for block in levels) and whole.rows == sum(block.rows for block in levels)


def test_own_counts_are_said_once_in_a_round_and_shown_of_those_in_the_sum(evaluated):
    engine, _, found, result = evaluated
    history = engine.aggregator.history
    assert found.hospitals == (VICTIM, OPEN, TWICE) and set(found.sites) == {OPEN, TWICE}
    assert found.sites[OPEN] is not None and found.sites[TWICE] is None, "more than the sum"
    assert (2, LEFT) in history.own_counts
    refused = [fault for fault in result.faults if fault.check == "own-counts"]
    assert [(fault.culprit, fault.round) for fault in refused] == [(TWICE, 2)]
    held = integers_from_bytes(engine.aggregator.objects.get(history.own_counts[2, TWICE]), SCORES.length)
    assert set(held) == {1000}, "the first word stands"
    assert flaws(engine, FakeProofs()) == []


def test_counts_that_no_records_have_spoil_their_round_and_no_other(evaluated):
    engine, _, found, _ = evaluated
    both = evaluations(engine.aggregator.history, engine.aggregator.objects, ("no", "yes"))
    assert (both[0].round, both[1].round) == (2, 3) and not found.impossible and found.evaluated.counted
    spoilt = both[1]
    assert spoilt.impossible and not spoilt.evaluated.counted and spoilt.to_plain()["whole"] is None
    first, second, *_ = run_lines(both)
    assert "AUC" in first and second.endswith("no records have these counts: a hospital has told others than its own")
    assert f"After round 1 of training: {IMPOSSIBLE}." in list(run_sections(both, []))
    assert FederatedEvaluation.of(spoilt).auc == {}


def test_rules_with_two_layouts_or_with_a_part_of_no_records_are_refused(evaluated):
    rules = evaluated[0].rules
    finer = replace(counting_of(replace(SCORES, bins=5), (2,)), label="finer")
    with pytest.raises(RulesError, match="one layout of scores"):
        replace(rules, rounds=4, counting=(*rules.counting, replace(finer, rounds=(4,))))
    again = replace(rules.counting[0], label="again", rounds=(4,))
    assert replace(rules, rounds=4, counting=(*rules.counting, again)).digest != rules.digest
    outside = replace(counting_of(replace(SCORES, outside="ab" * 32), (4,)), label="outside")
    assert replace(rules, rounds=4, counting=(*rules.counting, outside)).digest != rules.digest
    with pytest.raises(RulesError, match="canonical text"):
        text = rules.counting[0].description
        replace(rules, counting=(replace(rules.counting[0], description=text + " "),))
    empty = counting_of(replace(SCORES, subgroups=()), (1,), within_rows=False)
    with pytest.raises(RulesError, match="validation_share: expected 0 where nobody enrols"):
        replace(rules, rounds=1, counting=(empty,))
    assert replace(rules, rounds=1, counting=(empty,), config=untrained(4, 1, 40, True)).counts_only


@pytest.mark.parametrize(
    ("layout", "words"),
    [(ScoreLayout(3, 4, 1), "classes that are evaluated: expected 2"),
     (ScoreLayout(2, 4, 1, (Subgroup("x", ("a", "b"), 3),)), "subgroup x: expected some of the 4 features")],
)  # fmt: skip
def test_rules_by_which_no_hospital_could_count_are_refused(evaluated, layout, words):
    with pytest.raises(RulesError, match=words):
        replace(evaluated[0].rules, counting=(counting_of(layout, (2, 3)),))


def test_rules_that_cost_their_reader_or_write_on_its_screen_are_refused(evaluated):
    rules = evaluated[0].rules
    many = tuple(replace(rules.counting[0], label=f"scores {n}", rounds=(n,)) for n in range(2, 67))
    assert len(replace(rules, rounds=66, counting=many[1:]).counting) == 64
    with pytest.raises(RulesError, match="at most 64 vectors"):
        replace(rules, rounds=66, counting=many)
    for words, found in ((b"evaluation", b"evalua\x1b[2K"), (b"test federation", b"rules       \nok")):
        assert len(words) == len(found) and rules.data.count(words) == 1
        with pytest.raises(RulesError, match="can be shown"):
            Rules.from_bytes(rules.data.replace(words, found))
        assert Rules.from_bytes(rules.data.replace(words, words.upper())).digest != rules.digest


class Invents(Hospital):
    """Says sums of squares that no values have."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        true = self.counts

        def source(task):
            told = true(task)
            return told * 0 + (1 << 20) - 1 if task.counting.label.endswith(MOMENTS) else told

        self.counts = source


@pytest.fixture(scope="module")
def summed(tmp_path_factory):
    """Statistics of four tables: the victim's has few values here and there, and one hospital's file is crafted."""
    folder = tmp_path_factory.mktemp("tables")
    ages = {VICTIM: [5.0] * 5 + [15.0] + [55.0] * 20 + [65.0] * 3, OPEN: [*range(0, 80, 1)] * 2, TWICE: [*range(80)]}
    for name, values in ages.items():
        columns = ColumnValues(np.array(values, dtype=float), 0, 0), ColumnValues(np.zeros(len(values)), 0, 0)
        (folder / name).mkdir()
        (folder / name / VALUES).write_bytes(values_to_bytes(TableValues(len(values), columns)))
    (folder / LEFT).mkdir()
    np.savez(folder / LEFT / VALUES, rows=np.int64(3), known=np.zeros(6), lengths=np.array([3, 3, 0]))
    countings, events = TABLE.countings(), []
    made = plan(hospitals=4, verifiers=1, rounds=len(countings), threshold=1)
    engine = InProcessFederation(
        folder / "run", replace(made, config=untrained(4, 1, 40, True), counting=countings), {}, seed=b"s",
        proofs=FakeProofs(), observe=events.append, parties=Parties(hospitals={TWICE: Invents}),
        counts={name: kept_source(folder / name) for name in made.hospitals},
    )  # fmt: skip
    result = engine.run()
    assert result.finished, (result.stopped, result.refusals)
    return result, ages, events


def test_no_difference_of_nested_intervals_is_of_few_values(summed):
    result, ages, _ = summed
    histograms = parts_of(TABLE, HISTOGRAMS, by_step(result.sums)[HISTOGRAMS])
    inside = [
        histograms[0, BINS, bins][1:-2] - sum(np.histogram(ages[name], bins, (0, 80))[0] for name in (OPEN, TWICE))
        for bins in TABLE.partitions
    ]
    for coarse, fine in pairwise(inside):
        few = coarse - fine[::2] - fine[1::2]
        assert ((few == 0) | (few >= TABLE.least_count)).all(), "nobody learns where the single value is"
    assert [own.tolist() for own in inside] == [[5, 20], [5, 0, 20, 0], [5, 0, 0, 0, 0, 20, 0, 0]]


def test_sums_that_no_values_have_spoil_their_column_and_nothing_else(summed):
    result, ages, _ = summed
    own = statistics_of(TABLE, by_step(result.sums)).columns[0]
    assert own.moments is None and own.present == sum(map(len, ages.values()))
    honest = {**by_step(result.sums), MOMENTS: np.array([2, 4, 0, 10, 0, 0])}
    assert statistics_of(TABLE, honest).columns[0].moments.counted == 2


def test_who_has_a_crafted_file_cannot_count_and_the_others_go_on(summed):
    result, _, events = summed
    assert {(event.party, event.detail) for event in events if event.kind == "unable"} == {
        (LEFT, "no table that can be counted: ValueError")
    }
    assert {own.hospitals for own in result.sums} == {(VICTIM, OPEN, TWICE)}


def test_who_keeps_a_file_of_counts_that_is_none_cannot_count(tmp_path):
    counting = TABLE.countings()[-1]
    home, task = SimpleNamespace(member=lambda name: tmp_path), SimpleNamespace(counting=counting)
    kept = tmp_path / COUNTS.format(counting.digest().hex())
    for data in (bytes(8 * counting.length + 8), bytes(8 * counting.length - 1)):
        kept.write_bytes(data)
        with pytest.raises(CountsUnavailable, match=f"has not {counting.length} counts"):
            stored_counts(home, VICTIM)(task)
    kept.write_bytes(bytes(8 * counting.length))
    assert stored_counts(home, VICTIM)(task).tolist() == [0] * counting.length
