"""Subgroups of a proved evaluation: of which level a record is, and which levels are told, is proved."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any, ClassVar, cast
from unittest import mock

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.field.goldilocks import to_field
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.record import RecordLayout
from proofward.layers.networks.network import mlp
from proofward.layers.rules.subgroup import Subgroup
from proofward.proof.forms import Column
from proofward.proof.transcript import Coins
from proofward.relations.evaluations.evaluation_round import evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.evaluations.first_mark import first_codes
from proofward.relations.evaluations.inequalities import Block, Inequalities
from proofward.relations.evaluations.level_codes import padded_places
from proofward.relations.evaluations.told_levels import BIT, LEFT, REASONS, SIZE, TOLD, Levels, add_rows
from proofward.relations.proofs.evaluation_proof import check_evaluation, prove_evaluation, verify_evaluation
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.scores.score_counts import score_counts, told_levels
from proofward.relations.scores.score_layout import ScoreLayout
from tests.proof.cheats import Forger, Inventory, Recorder, changing_entry, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Signed, sealed
from tests.relations.evaluation_cases import (
    DIGESTS,
    LAYOUT,
    Evaluated,
    enrolled,
    evaluated,
    says,
    simulated,
    statement_of,
)

BINS = LAYOUT.bins
GROUPED = replace(LAYOUT, subgroups=(Subgroup("sex", ("f", "m"), 0), Subgroup("stain", ("HE", "IHC", "other"), 2)))
SIZE_OF_BLOCK = 2 * BINS + 4


class Pretends(Forger):
    """A forger whose lookups are counted as those of an honest prover where they cannot be counted."""

    fallback: ClassVar[dict[tuple[int, int], Any]] = {}
    told: ClassVar[dict[str, Signed]] = {}

    def alter(self, column: Column, value: Any) -> Any:
        return to_field(self.told[column.name]) if column.name in self.told else value


def public(least: int = 1) -> EvaluationStatement:
    return statement_of(layout=replace(GROUPED, least_count=least))


@cache
def honest(least: int = 1) -> dict[tuple[int, int], Any]:
    says(evaluated(public(least)), Recorder)
    return dict(Recorder.last.columns)


def columns() -> list[Column]:
    counter = Inventory(evaluation_plan(public()).scheme)
    nothing = np.zeros_like(evaluated(public()).ciphertext)
    counter.run(lambda party: evaluation_round(party, public(), nothing, lambda _: (), None) and None)
    return counter.columns


def named(name: str, least: int = 1) -> Signed:
    """A column of an honest proof."""
    found = next(own for own in columns() if own.name == name)
    return cast(Signed, honest(least)[found.commitment, found.index].astype(np.int64))


def refused(made: Evaluated, told: dict[str, Signed] | None = None, least: int = 1) -> bool:
    """By the opening of the columns."""

    class Tells(Pretends):
        pass

    Tells.told, Tells.fallback = told or {}, honest(least)
    return refusal(lambda: verify_evaluation(made.statement, *says(made, Tells))) == "column queries"


def with_counts(change: Signed, least: int = 1) -> Evaluated:
    """The counts of levels, told and encrypted, and changed."""
    made = evaluated(public(least), change=change)
    return replace(made, witness=replace(made.witness, counts=made.counts))


def block(number: int) -> slice:
    return slice(SIZE_OF_BLOCK * number, SIZE_OF_BLOCK * (number + 1))


@pytest.mark.parametrize(("classes", "least"), [(2, 1), (2, 2), (3, 1), (3, 4)])
def test_the_counts_of_levels_are_the_plain_ones(classes: int, least: int) -> None:
    network = mlp((5, 4, classes))
    layout = ScoreLayout(classes, 6, least, GROUPED.subgroups)
    statement, secret = statement_of(network, layout=layout), enrolled(network)[1]
    made = prove_evaluation(statement, secret, seeded(1), sealed)
    assert verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof).soundness_bits >= 40
    own = secret.features[statement.arc.held_out], secret.labels[statement.arc.held_out]
    plain = score_counts(layout, network, statement.config.scales, statement.weights, *own)
    assert np.array_equal(made.counts, plain)


def test_a_forger_of_the_truth_is_accepted_by_the_reference_verifier_too() -> None:
    Pretends.fallback, Pretends.told = honest(), {}
    said = says(evaluated(public()), Pretends)
    with reference_arithmetic():
        verify_evaluation(public(), *said)


@pytest.mark.parametrize("layout", [RecordLayout(Layout((5,))), RecordLayout(Layout((3, 5, 4)), 6)], ids=["row", "beside"])
def test_levels_are_found_where_their_features_are_in_a_padded_record(layout: RecordLayout) -> None:
    values = np.random.default_rng(1).integers(-9, 9, (7, layout.size))
    for features in (range(1, 4), range(layout.size - 2, layout.size)):
        found = layout.pad(values)[:, padded_places(layout, features)]
        assert np.array_equal(found, values[:, features.start : features.stop])


OWN = (
    "subgroup 1, above 0", "subgroup 2, levels", "multiplicities of above 0", "multiplicities of first of 2",
    "multiplicities of cells of levels", "counts of told levels", "bits of levels", "records of levels left out",
    "levels that are told",
)  # fmt: skip


@pytest.mark.slow
def test_rejects_a_changed_entry_of_every_column_of_its_own() -> None:
    names = set()
    for number, column in enumerate(columns()):
        if column.commitment and column.name.startswith(OWN):
            position = ((2 * number + 1) << column.log_size) // 7 % (1 << column.log_size)
            forger = changing_entry((column.commitment, column.index), position, honest())
            said = says(evaluated(public()), forger)
            assert refusal(lambda given=said: verify_evaluation(public(), *given)) == "column queries", column.name  # type: ignore[misc]
            names.add(column.name)
    assert all(any(name.startswith(own) for name in names) for own in OWN[:-1])


def moved_record() -> tuple[int, int, int]:
    """The first record of level 1 of the first subgroup, or of level 2: its sample, its code, the other one."""
    codes = named("subgroup 1, levels, limb 0")[: evaluated(public()).statement.records]
    sample = int(np.flatnonzero(codes > 0)[0])
    return sample, int(codes[sample]), 3 - int(codes[sample])


@pytest.mark.parametrize("told", ["counts", "code", "mark"])
def test_rejects_a_record_that_is_moved_to_another_level(told: str) -> None:
    """Its counts alone, or the code of its level, or the sign of its feature; all that follows does."""
    sample, own, other = moved_record()
    known = evaluated(public())
    bins = named("bins of scores")
    cell = int(bins[sample]) + BINS * int(known.witness.classes[sample])
    change = np.zeros(GROUPED.length, dtype=np.int64)
    for level, step in ((own, -1), (other, 1)):
        change[block(level)][cell] += step
        change[block(level)][2 * BINS + cell // (BINS // 2)] += step
    marks = named("subgroup 1, above 0").reshape(-1, 2)
    marks[sample] = (other == 1, other == 2)
    replaced = {"subgroup 1, above 0": marks.reshape(-1)} if told == "mark" else {}

    def codes(of: Signed) -> Signed:
        found = first_codes(of)
        if told == "code" and of.shape[1] == 2:
            found[sample] = other
        return found

    with mock.patch("proofward.relations.evaluations.first_mark.first_codes", codes):
        assert refused(with_counts(change), replaced)


def test_rejects_the_features_of_another_dataset() -> None:
    """A record is of another level in all that is counted; the commitment of the enrolment tells."""
    secret, row = enrolled()[1], int(public().arc.held_out[moved_record()[0]])
    features = secret.features.copy()
    features[row, :2] = -features[row, :2]
    assert refused(evaluated(public(), features=features))


@pytest.mark.parametrize("cheat", ["hides a level", "tells a part", "tells a small level"])
def test_rejects_levels_that_are_not_told_as_they_should_be(cheat: str) -> None:
    """Of a level with enough records all is told, and of others nothing."""
    least = 4 if cheat == "tells a small level" else 1
    counts, all_told = evaluated(public(least)).counts, evaluated(public()).counts
    change = np.zeros(GROUPED.length, dtype=np.int64)
    sizes = [int(all_told[block(number)][: 2 * BINS].sum()) for number in range(1, 6)]
    fitting = [number for number, size in enumerate(sizes) if (0 < size < 4 if least == 4 else size > 1)]
    level = fitting[0]
    if cheat == "tells a small level":
        change[block(level + 1)] = all_told[block(level + 1)]
    elif cheat == "hides a level":
        change[block(level + 1)] = -counts[block(level + 1)]
    else:
        cell = int(counts[block(level + 1)][: 2 * BINS].argmax())
        change[block(level + 1)][cell] -= 1
        change[block(level + 1)][2 * BINS + cell // (BINS // 2)] -= 1
    bits = named("bits of levels, limb 0", least)
    bits[level] = 1 - bits[level]
    for told in ({}, {"bits of levels, limb 0": bits}):
        assert refused(with_counts(change, least), told, least)


def broken(levels: Levels, records: int, sizes: Signed, bits: Signed, left: Signed) -> bool:
    """Whether some row is out of its range, by plain integers."""
    known = {SIZE: sizes, TOLD: sizes * bits[: levels.count], BIT: bits, LEFT: left}
    rows = Inequalities({name: Block(len(own), lambda own=own: own, cast(Any, None)) for name, own in known.items()})
    add_rows(rows, levels, records)
    found = rows.values()
    return bool((found < 0).any() or (found >= 1 << levels.number_bits).any())


@pytest.mark.parametrize("seed", range(30))
def test_what_is_told_follows_the_rule_of_the_plain_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 5, 3)
    spans = tuple((int(counts[:k].sum()), int(counts[: k + 1].sum())) for k in range(3))
    records, least = 40, int(rng.integers(1, 16))
    of_records = [rng.integers(-1, count, records) // int(rng.integers(1, 3)) for count in counts]
    levels = Levels(spans, least, records + 3)
    sizes = np.concatenate([np.bincount(own + 1, minlength=n + 1)[1:] for own, n in zip(of_records, counts, strict=True)])
    bits, left = levels.told(sizes, records)
    for (first, stop), own in zip(spans, of_records, strict=True):
        expected = told_levels(own, stop - first, least)
        assert {number for number in range(stop - first) if bits[first + number]} == expected
    assert not broken(levels, records, sizes, bits, left)


@pytest.mark.parametrize(("sizes", "records", "least"), [((2, 2), 5, 2), ((3, 2), 5, 2), ((0, 1), 4, 2), ((1, 2), 3, 1)])
def test_no_other_levels_can_be_told(sizes: tuple[int, int], records: int, least: int) -> None:
    """All values of the hidden bits and numbers are tried: those that no row refuses tell the same levels."""
    levels, found = Levels(((0, 2),), least, records), set()
    for bits in product((0, 1), repeat=levels.bits):
        for left in product(range(max(sizes) + 1), repeat=2):
            if not broken(levels, records, np.array(sizes), np.array(bits), np.array(left)):
                found.add(bits[:2])
    honest_bits, _ = levels.told(np.array(sizes), records)
    assert found == {tuple(honest_bits[:2])} and levels.bits == 4 + REASONS


def test_levels_beyond_the_features_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="subgroup"):
        statement_of(layout=replace(LAYOUT, subgroups=(Subgroup("sex", ("f", "m"), 4),)))


def test_a_simulated_evaluation_with_subgroups_is_accepted() -> None:
    statement, words, told = simulated(public(), evaluated(public()).ciphertext.size)
    assert check_evaluation(statement, words, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
