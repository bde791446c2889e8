"""Tables of signs, predictions and the float twin saturate as the specification says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.layers.activations import relu
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.layers.arithmetic.sign_tables import signs, signs_above
from proofward.layers.columns.claims import DerivedTable
from proofward.layers.columns.stack import Shape, Units
from proofward.layers.local_training.training import logit_differences
from proofward.layers.networks.bounds import weight_limit
from proofward.layers.networks.network import mlp
from proofward.layers.references import step as reference
from proofward.layers.references.float_twin import _saturated, scores
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter
from proofward.proof.forms import ONE, Column, Form
from proofward.proof.lookup import LinearCombination, LookupArgument, Query
from proofward.proof.tables import Table

SCALES = FixedPoint()
CODE = CodeParameters(log_k=5, log_n=7, queries=4, openings=1)


def single(index: int) -> LinearCombination:
    return LinearCombination(((1, Column(0, index, 0, f"column {index}")),))


def queried(declare) -> list[Query]:  # type: ignore[no-untyped-def]
    party = Counter(Ligero(CODE))
    lookups = LookupArgument(party)
    declare(RangeChecks(party, lookups, 8))
    return lookups._queries


def value_of(linear: LinearCombination, values: dict[int, int]) -> int:
    return linear.constant + sum(factor * values[column.index] for factor, column in linear.terms)


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_a_table_of_signs_has_every_signed_number_once(bits: int) -> None:
    (query,) = queried(lambda ranges: ranges.require_sign(single(0), bits, single(1)))
    entries = list(zip(query.table.first.tolist(), query.table.second.tolist(), strict=True))
    low = -(1 << (bits - 1))
    assert entries == [(h, (h > 0) - (h < 0)) for h in range(low, -low)]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_joint_signs_are_those_of_the_whole_number(bits: int) -> None:
    plain, joint = queried(lambda ranges: ranges.require_joint_sign(single(0), bits, single(1), single(2)))
    assert plain.table.first.tolist() == list(range(1 << bits))
    entries = dict(zip(joint.table.first.tolist(), joint.table.second.tolist(), strict=True))
    assert len(entries) == joint.table.first.size == 4 << bits
    seen = set()
    for whole in range(-3 << bits, 3 << bits):
        low, high = whole & ((1 << bits) - 1), whole >> bits
        key = value_of(joint.first, {0: low, 1: (high > 0) - (high < 0)})
        assert entries[key] == (whole > 0) - (whole < 0)
        seen.add(key)
    assert seen == set(range(3 << bits))


@pytest.mark.parametrize("make", [signs, signs_above])
@pytest.mark.parametrize("bits", [1, 2, 3, 6])
def test_extensions_of_signs_are_those_of_their_entries(make: Callable[[int], Table], bits: int) -> None:
    table = make(bits)
    point = tuple(Ext(3 * i + 5, 7 * i + 1) for i in range(table.log_size))
    assert table.first_at(point) == evaluate(to_field(table.first), point)
    assert table.second is not None and table.second_at(point) == evaluate(to_field(table.second), point)


def test_combinations_are_evaluated_term_by_term() -> None:
    both = combine((3, single(0)), (-2, LinearCombination(single(1).terms, 5)), constant=7)
    assert value_of(both, {0: 11, 1: 13}) == 3 * 11 - 2 * (13 + 5) + 7


def test_nothing_is_claimed_of_a_table_after_its_claims_were_gathered() -> None:
    table = DerivedTable(Shape(0, 0), lambda party: np.zeros(2, dtype=np.uint64))
    party = Counter(Ligero(CODE))
    table.assert_at(party, (), (ONE,), Form.of(0))
    table.closed = True
    with pytest.raises(AssertionError, match="gathered"):
        table.assert_at(party, (), (ONE,), Form.of(0))
    with pytest.raises(ValueError, match="point of its units"):
        table.assert_units(party, (), Units(any_weights=np.zeros((2, 2), dtype=np.uint64)), Form.of(0))


@pytest.mark.parametrize("seed", range(4))
def test_predictions_saturate_as_training_does(seed: int) -> None:
    model, rng = mlp((4, 3, 3, 2)), np.random.default_rng(seed)
    limit = weight_limit(model, SCALES, Training(steps=1), 16)
    weights = rng.choice([-limit, limit, 1 << 20, -(1 << 20)], model.parameters).astype(np.int64)
    features = rng.choice([*SCALES.input_range, 3, 0], (7, 4)).astype(np.int64)
    layers = [(matrix.tolist(), bias.tolist()) for matrix, bias in model.unflatten(weights)]
    expected = [reference.sample(layers, row, 0, SCALES)[0].head.quotient for row in features.tolist()]
    assert logit_differences(model, SCALES, weights, features).tolist() == expected


def test_predictions_of_the_float_twin_saturate_alike() -> None:
    model, features = mlp((1, 1, 2)), np.array([[2047], [-2048], [32], [65], [64]])
    weights = np.array([64, 0, -1, 1, 0, 0]) << 24
    reals = scores(model, SCALES, (weights / 2**24).astype(np.float32), (features / 64).astype(np.float32))
    assert reals.tolist() == [128.0, 0.0, 64.0, 128.0, 128.0]
    assert logit_differences(model, SCALES, weights, features).tolist() == (64 * reals).tolist()


def test_the_float_twin_saturates_gradients_alike() -> None:
    whole = np.arange(-6000, 6001, 7)
    expected = relu.saturated(whole << 24, SCALES) / 256
    assert np.array_equal(_saturated((whole / 256).astype(np.float32), SCALES), expected)
