"""Proved evaluations of three and more classes: honest ones, and forged values of everything that is committed to."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, cast
from unittest import mock

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.field.goldilocks import to_field
from proofward.layers.heads.softmax_columns import SoftmaxColumns
from proofward.layers.networks.network import mlp
from proofward.proof.forms import Column
from proofward.proof.transcript import Coins
from proofward.relations.evaluations.class_bins import ClassBins, Divided
from proofward.relations.evaluations.evaluation_round import evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.evaluations.first_mark import first_codes
from proofward.relations.proofs.evaluation_proof import check_evaluation, prove_evaluation, verify_evaluation
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.scores.score_counts import score_counts
from proofward.relations.scores.score_layout import ScoreLayout
from tests.proof.cheats import (
    Forger,
    Inventory,
    Recorder,
    SumsOthers,
    changing_entry,
    refusal,
    replacing_columns,
    summing_other_columns,
)
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Signed, sealed
from tests.relations.evaluation_cases import (
    DIGESTS,
    Evaluated,
    enrolled,
    evaluated,
    says,
    simulated,
    statement_of,
    with_sample,
)

CLASSES, BINS = 3, 5
LAYOUT = ScoreLayout(CLASSES, BINS, 1)
NETWORK = mlp((5, 4, CLASSES))
CONFUSION = 2 * BINS * CLASSES


def public(factor: int = 4) -> EvaluationStatement:
    """Weights so much larger than first ones, so that scores differ; 0 makes all logits equal."""
    made = statement_of(NETWORK, layout=LAYOUT)
    return replace(made, weights=factor * made.weights)


class Pretends(Forger):
    """A forger whose lookups are counted as those of an honest prover where they cannot be counted."""

    fallback: ClassVar[dict[tuple[int, int], Any]] = {}


@cache
def honest(factor: int = 4) -> dict[tuple[int, int], Any]:
    says(evaluated(public(factor)), Recorder)
    return dict(Recorder.last.columns)


def refused(made: Evaluated, prover: type[Forger] = Pretends) -> bool:
    """By the opening of the columns: there is nothing that a verifier could be talked out of."""
    if prover is Pretends or issubclass(prover, Telling):
        Pretends.fallback = honest(4)
    return refusal(lambda: verify_evaluation(made.statement, *says(made, prover))) == "column queries"


class Telling(Pretends):
    """Commits to other columns, by name."""

    told: ClassVar[dict[str, Signed]] = {}

    def alter(self, column: Column, value: Any) -> Any:
        return to_field(self.told[column.name]) if column.name in self.told else value


@pytest.mark.parametrize(("widths", "bins", "factor"), [((5, 4, 3), 5, 4), ((3, 5), 8, 20), ((5, 4, 3), 2, 0)])
def test_the_proved_counts_are_the_plain_ones(widths: tuple[int, ...], bins: int, factor: int) -> None:
    network, layout = mlp(widths), ScoreLayout(widths[-1], bins, 1)
    statement, secret = statement_of(network, layout=layout), enrolled(network)[1]
    statement = replace(statement, weights=factor * statement.weights)
    made = prove_evaluation(statement, secret, seeded(1), sealed)
    found = verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof)
    assert found.dataset_root == made.dataset.root != secret.root and found.soundness_bits >= 40
    own = secret.features[statement.arc.held_out], secret.labels[statement.arc.held_out]
    plain = score_counts(layout, network, statement.config.scales, statement.weights, *own)
    assert np.array_equal(made.counts, plain) and plain.sum() == (1 + widths[-1]) * statement.arc.length


def test_the_reference_verifier_accepts_it_and_a_forger_of_the_truth_is_accepted() -> None:
    Pretends.fallback = honest()
    said = says(evaluated(public()), Pretends)
    with reference_arithmetic():
        verify_evaluation(public(), *said)


def columns() -> list[Column]:
    counter = Inventory(evaluation_plan(public()).scheme)
    nothing = np.zeros_like(evaluated(public()).ciphertext)
    counter.run(lambda party: evaluation_round(party, public(), nothing, lambda _: (), None) and None)
    return counter.columns


def named(name: str, factor: int = 4) -> Signed:
    """A column of an honest proof."""
    column = next(own for own in columns() if own.name == name)
    return cast(Signed, honest(factor)[column.commitment, column.index].astype(np.int64))


OWN = (
    "head ", "scaled exponentials", "bins of scores", "remainders of bins", "room above", "classes taken",
    "multiplicities of cells", "multiplicities of first", "multiplicities of scaled", "multiplicities of zeros",
)  # fmt: skip


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_column_of_its_own() -> None:
    names = set()
    for number, column in enumerate(columns()):
        if column.commitment and column.name.startswith(OWN):
            position = ((2 * number + 1) << column.log_size) // 7 % (1 << column.log_size)
            forger = changing_entry((column.commitment, column.index), position, honest())
            assert refused(evaluated(public()), forger), (column.name, position)
            names.add(column.name)
    assert len(names) > 12 and all(any(name.startswith(own) for name in names) for own in OWN)


def moved(*steps: tuple[int, int]) -> Signed:
    """One count less in each first cell, and one more in each second."""
    change = np.zeros(LAYOUT.length, dtype=np.int64)
    for source, target in steps:
        change[source] -= 1
        change[target] += 1
    return change


def some(start: int, stop: int) -> int:
    """A cell of these in which records are."""
    return start + int(evaluated(public()).counts[start:stop].argmax())


def third(own: int) -> int:
    """A cell of the third class's histogram, of others or of its own records."""
    start = 2 * BINS * 2 + own * BINS
    return some(start, start + BINS)


@pytest.mark.parametrize("cheat", ["other bin", "other class", "taken for another"])
@pytest.mark.parametrize("told", ["honest", "as counted"])
def test_rejects_a_record_of_the_third_class_that_is_encrypted_in_another_cell(cheat: str, told: str) -> None:
    """The column of multiplicities is that of the lookups, or that of the false counts."""
    source = third(own=1) if cheat != "taken for another" else some(CONFUSION, LAYOUT.length)
    target = {"other bin": source - 1, "other class": source - BINS}.get(cheat)
    if target is None:
        target = source + 1 if source + 1 < LAYOUT.length else source - 1
    change = moved((source, target))

    class Counted(Pretends):
        def alter(self, column: Column, value: Any) -> Any:
            if told == "as counted" and column.name == "multiplicities of cells of counts":
                value = value.copy()
                value[[source, target]] = value[source] - np.uint64(1), value[target] + np.uint64(1)
            return value

    Pretends.fallback = honest()
    assert refused(evaluated(public(), change=change), Counted)


@pytest.mark.parametrize("step", [-1, 1])
def test_rejects_a_sample_in_another_bin_whose_remainder_follows(step: int) -> None:
    """W = S b + rho holds: rho is S and more though within its bits, or below 0 though S - 1 - rho is within."""
    statement, truly, places = public(), Divided.of, list[tuple[int, int]]()
    records, classes, _ = statement.records, evaluated(public()).witness.classes, honest(4)

    def told(scaled: Signed, total: Signed) -> Divided:
        own, sums = truly(scaled, total), np.repeat(total, 4)
        quotient, rest = own.quotient + step, own.rest - step * sums
        reach = rest if step < 0 else sums - 1 - rest
        real = np.arange(rest.size) % 4 < CLASSES
        fits = (quotient >= 0) & (quotient < BINS) & (reach < 1 << 16) & real
        place = int(np.flatnonzero(fits[: 4 * records])[0])
        quotient, rest = own.quotient.copy(), own.rest.copy()
        places.append((place, int(quotient[place])))
        quotient[place] += step
        rest[place] -= step * sums[place]
        return Divided(quotient, rest)

    with mock.patch.object(Divided, "of", told):
        refused(evaluated(statement))
        place, own = places[0]
        cell = place % 4 * 2 * BINS + BINS * int(classes[place // 4] == place % 4)
        made = evaluated(statement, change=moved((cell + own, cell + own + step)))
        assert refused(made)


@pytest.mark.parametrize("lie", ["scaled exponentials", "bins in the sumcheck", "sums in the sumcheck"])
def test_rejects_a_division_by_one_lie(lie: str) -> None:
    """All logits are equal: W = 5 E - 1, S = 3 E, the bin is 1. The records are told to be in bin 3.

    All that follows does. What does not is W, which is larger by 2 S; or the division itself, in whose
    sumcheck are the true bins, or halves of S.
    """
    statement, truly = public(0), Divided.of
    records, (counts, fallback) = statement.records, (evaluated(statement).counts, honest(0))
    change = np.zeros(LAYOUT.length, dtype=np.int64)
    blocks = counts[:CONFUSION].reshape(-1, BINS)
    change[:CONFUSION] = (np.roll(blocks, 2, axis=1) - blocks).reshape(-1)

    def halved(total: Signed) -> Signed:
        return np.concatenate([total[:records] // 2, total[records:]])

    def told(scaled: Signed, total: Signed) -> Divided:
        own = truly(scaled, total)
        quotient = np.where(np.arange(own.quotient.size) < 4 * records, 3, own.quotient)
        halves = truly(scaled, halved(total))
        return Divided(quotient, halves.rest if lie.startswith("sums") else own.rest)

    def sums(columns: SoftmaxColumns, exponentials: Any) -> Any:
        return halved(summed(columns, exponentials))

    bins, scaled, summed = "bins of scores, limb 0", "scaled exponentials", SoftmaxColumns.sums
    larger = named(scaled, 0) + np.where(np.arange(named(bins, 0).size) < 4 * records, 2 * (3 << 14), 0)
    prover = {
        "scaled exponentials": replacing_columns({scaled: larger}, fallback),
        "bins in the sumcheck": summing_other_columns({bins: named(bins, 0)}, fallback),
        "sums in the sumcheck": replacing_columns({}, fallback),
    }[lie]
    with (
        mock.patch.object(Divided, "of", told),
        mock.patch.object(SoftmaxColumns, "sums", sums if lie.startswith("sums") else summed),
        SumsOthers.during(ClassBins, "prove"),
    ):
        said = says(evaluated(statement, change=change), prover)
    assert refusal(lambda: verify_evaluation(statement, *said)) == "column queries"


def test_rejects_the_second_of_two_largest_scores() -> None:
    """All logits are equal, and the first class is taken; counts that follow are of the third."""
    statement = public(0)
    counts = evaluated(statement).counts
    change = np.zeros(LAYOUT.length, dtype=np.int64)
    table = counts[CONFUSION:].reshape(CLASSES, CLASSES)
    change[CONFUSION:] = (np.roll(table, 2, axis=1) - table).reshape(-1)

    def third(marks: Signed) -> Signed:
        codes = first_codes(marks)
        codes[: statement.records] = 3
        return codes

    Pretends.fallback = honest(0)
    with mock.patch("proofward.relations.evaluations.first_mark.first_codes", third):
        said = says(evaluated(statement, change=change), Pretends)
    assert refusal(lambda: verify_evaluation(statement, *said)) == "column queries"


def test_codes_are_those_of_the_first_marks() -> None:
    marks = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1]])
    assert first_codes(marks).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("what", ["rows", "label", "class", "features", "another model", "no records"])
def test_rejects_other_records_than_the_statements(what: str) -> None:
    statement, known = public(), evaluated(public())
    arc, secret = statement.arc, enrolled(NETWORK)[1]
    classes = known.witness.classes.copy()
    classes[0] = (classes[0] + 1) % CLASSES
    labels = secret.labels.copy()
    labels[arc.held_out[0]] = (labels[arc.held_out[0]] + 1) % CLASSES
    count, places = statement.blank_cells
    change = np.zeros(LAYOUT.length, dtype=np.int64)
    change[list(places)] = count
    made = {
        "rows": lambda: evaluated(statement, rows=np.append(arc.held_out[:-1], arc.trained[0])),
        "label": lambda: evaluated(statement, labels=labels),
        "class": lambda: replace(known, witness=replace(known.witness, classes=classes)),
        "features": lambda: with_sample(known, 0, -known.witness.features[statement.selection[0]]),
        "another model": lambda: evaluated(statement, weights=-statement.weights),
        "no records": lambda: evaluated(statement, change=change),
    }[what]()
    assert refused(made)


def test_a_simulated_evaluation_is_accepted() -> None:
    statement, words, told = simulated(public(), evaluated(public()).ciphertext.size)
    assert check_evaluation(statement, words, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
