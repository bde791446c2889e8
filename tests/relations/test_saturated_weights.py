"""Rounds whose weights saturate after every step: accepted, counted, simulated, and as the reference verifier says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.networks import arrangement
from proofward.layers.networks.arrangement import of_weights, training_values
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.errors import ProofRejected
from proofward.proof.lookup import LookupArgument, VirtualColumn
from proofward.proof.transcript import Coins
from proofward.relations.proofs.measure import round_plan, round_script
from proofward.relations.proofs.prove import check_round as check
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement
from tests.proof.cheats import Inventory, changing_entry, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, prove_with, sealed, statement_of
from tests.relations.otherwise import Prepared, prepare
from tests.relations.saturating_cases import (
    SHAPES,
    beyond,
    own_columns,
    rules_of,
    saturating,
    trace_of,
    weight_columns,
)
from tests.relations.test_clipped_convolutions import rules_of as clipped_rules
from tests.relations.test_hospital_noise import WEIGHED
from tests.relations.test_measuring import MEGABYTE, peak_of
from tests.relations.test_round import HEAD, check_round, conv
from tests.relations.test_soundness import check_challenges, entered
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

pytestmark = pytest.mark.slow

WITH_MOMENTUM = ["steps of the padding", "groups", "shortcuts"]
CASES = [(name, 0) for name in SHAPES] + [(name, 700_000) for name in WITH_MOMENTUM]
FEW_BEYOND = ("uneven groups", "means")  #: weights saturate at one end


def check_counted(case: Case, tables: int = 0) -> None:
    """Columns are as many as is said, in layers and in all; `tables` are the entries of unusual tables."""
    rules, rows, plan = case.config, case.statement.rows, round_plan(case.statement)
    total = sum(1 << column.log_size for column in own_columns(case))
    assert training_values(rules.model, rules.scales, rules.training, rows, rules.weight_limit) == total
    steps = rules.training.padded_steps(rows)
    ways = of_weights(rules.model, rules.scales, steps, case.statement.layer_bounds())
    weights = sum(1 << column.log_size for column in weight_columns(case))
    sizes = {
        index: rules.model.layers[index].weights.padded_size + rules.model.layers[index].biases.padded_size
        for index in ways
    }
    assert weights == steps * sum(sizes[index] * way.inside_columns for index, way in ways.items())
    assert (weights == 0) == (steps == 1)
    about = rules.committed_values(rows) - plan.values  # it knows of no tables but the usual ones
    assert abs(about) <= max(16384, tables or 3 << rules.scales.table_bits)


@pytest.mark.parametrize(("name", "momentum"), CASES)
def test_accepts_an_honest_round(name: str, momentum: int) -> None:
    case = saturating(rules_of(name, momentum))
    check_round(case)
    check_counted(case)
    assert ("leading bits" in name) == (case.statement.rule.dropped_bits > 0)
    ways = of_weights(case.config.model, case.config.scales, 1, case.statement.layer_bounds())
    assert set(trace_of(case).stepped) == set(ways)
    below, above = (any(own[end] for own in beyond(case).values()) for end in (0, 1))
    assert (below + above) == (0 if name == "one step" else 1 if name in FEW_BEYOND else 2), beyond(case)
    statement, ciphertext, told = simulated_round(case, 1)
    assert len(told) == pytest.approx(len(case.result.proof), rel=0.03)
    assert check(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40


@pytest.mark.parametrize(("name", "momentum"), [("steps of the padding", 0), ("groups", 700_000)])
def test_the_reference_verifier_says_the_same(name: str, momentum: int) -> None:
    case = saturating(rules_of(name, momentum))
    result = case.result
    with reference_arithmetic():
        verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)


def test_weights_are_in_limbs_of_every_arrangement() -> None:
    """Otherwise these rounds say little: a sign alone, one limb, several limbs; low limbs in one table and in several."""
    found = set()
    for name in SHAPES:
        rules = rules_of(name)
        bounds = compile_bounds(rules.model, rules.scales, rules.training, 5, rules.weight_limit)
        for way in of_weights(rules.model, rules.scales, 4, bounds).values():
            assert isinstance(way, HighLimb)
            found.add((len(way.widths), way.low_limbs))
    assert {high for high, _ in found} == {0, 1, 2, 3} and {low for _, low in found} == {1, 3}


HELD = FixedPoint(5, 10, 22, 8, 11, 8, 12, (11, 11, 11), (21, 11, 11), weight_range_bits=22)
PICTURES = chain((1, 64, 64), [conv(8, 3, 2, 1), conv(16, 3, 2, 1), conv(32, 3, 2, 1), HEAD])


def lookups_of(statement: RoundStatement, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], Counter[str]]:
    """Committed columns and lookups of hidden values, by the layer: as many as values that each has."""
    asked, honest = Counter[str](), LookupArgument.query

    def query(self, table, first, second=None):  # type: ignore[no-untyped-def]
        name = first.name if isinstance(first, VirtualColumn) else first.terms[0][1].name
        asked[" ".join(name.split()[:2])] += "weights" not in name and "biases" not in name
        honest(self, table, first, second)

    monkeypatch.setattr(LookupArgument, "query", query)
    counter = Inventory(round_plan(statement).scheme)
    asked.clear()
    counter.run(round_script(statement))
    names = [own.name for own in counter.columns if own.name.startswith("layer ")]
    declared = Counter(" ".join(name.split()[:2]) for name in names if not re.search("weights|biases", name))
    return declared, asked


def test_a_value_that_cannot_leave_its_ranges_has_3_columns_and_4_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the layer of pictures of 64 x 64 that has the most values; without a range of weights there are more."""
    rules = RoundConfig(PICTURES, HELD, Training(1, 16, steps=28), 8192, 3, 1, least_rows=600, most_rows=600)
    columns, lookups = lookups_of(statement_of(rules, 600), monkeypatch)
    assert (columns["layer 1"], lookups["layer 1"]) == (3, 4)
    without = replace(rules, scales=FixedPoint(5, 10, 22, 11, 11, 8, 12))
    columns, lookups = lookups_of(statement_of(without, 600), monkeypatch)
    assert columns["layer 1"] > 3 and lookups["layer 1"] > 4


def test_accepts_a_round_whose_values_cannot_leave_their_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """With limbs as wide as in large statements: 3 columns and 4 lookups of every value of the first layer."""
    monkeypatch.setattr(arrangement, "best_limb_bits", lambda *_: 16)
    scales = FixedPoint(4, 6, 16, 8, 6, 7, 10, (12, 12), (15, 8), weight_range_bits=16)
    case = saturating(config(network=SHAPES["ranges wider than tables"]["network"], batch=2, steps=3, rate=4, scales=scales))
    columns, lookups = lookups_of(case.statement, monkeypatch)
    assert (columns["layer 1"], lookups["layer 1"]) == (3, 4)
    assert {name for name in names_of(case) if "layer 1" in name} == {
        "layer 1 low, limb 0", "layer 1 inside", "layer 1 gradient low, limb 0"
    }  # fmt: skip
    check_round(case)
    check_counted(case, 2 << 16)
    assert all(any(own) for own in beyond(case).values())
    statement, ciphertext, told = simulated_round(case, 1)
    assert check(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    prepared = prepare(case)
    for name in ("layer 1 low, limb 0", "layer 1 inside", "layer 1 gradient low, limb 0"):
        refuse_changes(case, prepared, name)


def names_of(case: Case) -> set[str]:
    """Columns of hidden values."""
    return {own.name for own in own_columns(case)} - {own.name for own in weight_columns(case)}


def refuse_changes(case: Case, prepared: Prepared, name: str) -> None:
    """The first, the last and a middle entry of a column are changed, each by itself."""
    witness, ciphertext, honest = prepared
    (column,) = (own for own in own_columns(case) if own.name == name)
    for position in (0, 5 << (column.log_size - 3), (1 << column.log_size) - 1):
        prover = changing_entry((column.commitment, column.index), position, honest)
        proof = prove_with(case, witness, ciphertext, prover, seeded(4))
        assert refusal(lambda made=proof: verify_round(case.statement, ciphertext, *made)) == "column queries"  # type: ignore[misc]


def test_every_challenge_about_weights_is_entered() -> None:
    """A point of the weights and one of the biases of each layer, and what every claim and bit draws."""
    case = saturating(rules_of("steps of the padding"))
    plan, counter = round_plan(case.statement), Inventory(round_plan(case.statement).scheme)
    counter.run(round_script(case.statement))
    check_challenges(counter, plan)
    points = sum(
        3 + (own.weights.padded_size.bit_length() - 1) + 3 + (own.biases.padded_size.bit_length() - 1)
        for own in case.config.model.layers[:2]
    )
    assert entered(plan)["steps of weights"] == pytest.approx(points)
    (without,) = (round_plan(saturating(rules_of(name)).statement) for name in ("one step",))
    assert "steps of weights" not in entered(without)


def test_measuring_many_steps_takes_no_memory() -> None:
    """Nothing that a counter does of weights grows with the steps, of which there may be millions."""
    many = RoundConfig(PICTURES, HELD, Training(1, 16, steps=1000), 8192, 3, 1, least_rows=4000, most_rows=4000)
    assert peak_of(lambda: measured(many)) < 2 * MEGABYTE


def measured(rules: RoundConfig) -> None:
    counter = Inventory(rules.scheme(4000))
    counter.run(round_script(statement_of(rules, 4000)))


def test_accepts_a_later_round_of_another_rate() -> None:
    """Bounds, and so columns, are those of the largest rate of all rounds."""
    rules = rules_of("eight outputs")
    rules = replace(rules, training=replace(rules.training, later_rates=((2, 1 << 3),)), least_rows=0, most_rows=0)
    case = saturating(rules)
    check_counted(case)
    statement = replace(case.statement, round=2)
    assert statement.training.rate == 1 << 3 and statement.layer_bounds() == case.statement.layer_bounds()
    result = prove_round(statement, case.secret, seeded(9), sealed)
    later = replace(case, statement=statement, result=result)
    verify_round(statement, result.ciphertext, result.sealed_shares, result.proof)
    assert not np.array_equal(trace_of(later).stepped[0].weights, trace_of(case).stepped[0].weights)
    assert any(any(own) for own in beyond(later).values())
    with pytest.raises(ProofRejected):
        verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)


def test_accepts_a_round_with_noise_on_a_hospitals_update() -> None:
    """Of several steps, with weights at every one of them."""
    held = replace(rules_of("strides, four steps"), **WEIGHED)  # type: ignore[arg-type]
    case = make_case(held, rows=5, spread=200)
    assert trace_of(case).stepped
    assert "layer 1 weights inside" in {column.name for column in weight_columns(case)}
    result = case.result
    verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)


def test_a_clipped_step_of_every_record_commits_to_no_weight() -> None:
    """It has one step, behind which the server alone changes weights."""
    clipped = clipped_rules((1, 4, 4), [conv(2, 3, 1, 1), HEAD])
    held = replace(clipped, scales=replace(clipped.scales, weight_range_bits=25), least_rows=0, most_rows=0)
    case = make_case(held, rows=5)
    assert held.weight_limit == 1 << 25
    assert not {column.name for column in weight_columns(case) if column.name.endswith(("inside", "above"))}
    result = case.result
    verify_round(case.statement, result.ciphertext, result.sealed_shares, result.proof)
