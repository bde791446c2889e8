"""A round in which weights saturate hides what it says: it can be simulated, and openings span the simulated space."""

from __future__ import annotations

import pytest

from proofward.layers.model import FixedPoint
from proofward.layers.network import chain
from tests.proof.masks import without_rows
from tests.relations.cases import config
from tests.relations.hull_instances import Instance, round_instance
from tests.relations.saturating_cases import rules_of, saturating
from tests.relations.test_affine_hull import all_hidden, assert_same_hull, said_by
from tests.relations.test_zero_knowledge import assert_simulated

CONV = {"kind": "conv2d", "outputs": 1, "kernel": 1, "stride": 1, "padding": 0}


@pytest.fixture(scope="module")
def instance() -> Instance:
    """One weight and one bias that saturate, after each of two steps."""
    scales = FixedPoint(2, 3, 10, 9, 4, 3, 9, weight_range_bits=12)
    network = chain((1, 1, 1), [CONV, {"kind": "linear", "outputs": 2}])
    return round_instance(config(network=network, scales=scales, batch=1, steps=2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "momentum"), [("steps of the padding", 900_000), ("groups", 0), ("ranges wider than tables", 0)]
)
def test_a_simulated_round_is_accepted(name: str, momentum: int) -> None:
    assert_simulated(saturating(rules_of(name, momentum)))


@pytest.mark.slow
def test_every_message_has_a_pad_of_its_own(instance: Instance) -> None:
    one, two = said_by(instance, "records", 1), said_by(instance, "records", 2)
    assert len(one) == instance.plan.pads + 2 * instance.plan.products
    assert all_hidden(one, two)
    bare = without_rows("PAD", data_only=True)
    assert not all_hidden(said_by(instance, "records", 1, bare), said_by(instance, "records", 2, bare))


@pytest.mark.exhaustive
def test_real_and_simulated_rounds_span_one_affine_space(instance: Instance) -> None:
    assert_same_hull(instance, "records")
