"""A round with weights at every step hides what it says: every message has a pad, and openings span the simulated space."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from tests.proof.cheats import Inventory
from tests.proof.hull import affine_dimension
from tests.proof.masks import without_rows
from tests.relations.cases import config
from tests.relations.hull_instances import Instance, round_instance
from tests.relations.test_affine_hull import ZEROED, all_hidden, assert_same_hull, said_by

pytestmark = pytest.mark.slow

POINT = {"kind": "conv2d", "outputs": 1, "kernel": 1, "stride": 1, "padding": 0}
RULES = config(
    network=chain((1, 1, 2), [POINT, {"kind": "linear", "outputs": 2}]),
    batch=1,
    steps=2,
    scales=FixedPoint(activation_ranges=(14,), gradient_ranges=(14,), weight_range_bits=26),
)


def made(momentum: int) -> Instance:
    return round_instance(replace(RULES, training=replace(RULES.training, momentum=momentum)))


@pytest.fixture(scope="module")
def held() -> Instance:
    """Two steps of one record, by a network with one weight and one bias that saturate after each."""
    found = made(0)
    names = {*said_names(found)}
    assert {"layer 1 weights inside", "layer 1 biases above", "layer 1 weights high, limb 0"} <= names
    assert "layer 1 inside" in names and "layer 1 above" not in names
    return found


def said_names(instance: Instance) -> list[str]:
    """Columns that the round commits to."""
    counter = Inventory(instance.plan.scheme)
    counter.run(instance.nothing)
    return [column.name for column in counter.columns]


def test_every_message_has_a_pad_of_its_own(held: Instance) -> None:
    one, two = said_by(held, "records", 1), said_by(held, "records", 2)
    assert len(one) == held.plan.pads + 2 * held.plan.products
    assert all_hidden(one, two)


@pytest.mark.parametrize("pads", ["PAD", "LEFT", "RIGHT"])
def test_fails_for_messages_without_pads(pads: str, held: Instance) -> None:
    bare = without_rows(pads, data_only=True)
    assert not all_hidden(said_by(held, "records", 1, bare), said_by(held, "records", 2, bare))


def test_real_and_simulated_rounds_span_one_affine_space(held: Instance) -> None:
    assert_same_hull(held, "records")


@pytest.mark.exhaustive
def test_real_and_simulated_rounds_with_momentum_span_one_affine_space() -> None:
    assert_same_hull(made(500_000), "records")


FIRST = ["rows of PAD", "blinding of the last column"]


@pytest.mark.parametrize(
    "mask", [own if own in FIRST else pytest.param(own, marks=pytest.mark.exhaustive) for own in ZEROED]
)
def test_fails_for_a_round_without_a_mask(mask: str, held: Instance) -> None:
    _, told = held.real("records", ZEROED[mask])
    assert affine_dimension(told) < held.dimension
