"""A round with shortcuts, or a row, hides what it says: every message has a pad, and openings span the simulated space."""

from __future__ import annotations

import pytest

from proofward.layers.networks.network import chain
from tests.proof.masks import without_rows
from tests.relations.cases import config
from tests.relations.hull_instances import Instance, round_instance
from tests.relations.test_affine_hull import all_hidden, assert_same_hull, said_by

LINEAR = {"kind": "linear", "outputs": 1}


@pytest.fixture(scope="module")
def joining() -> Instance:
    """A network with a shortcut as it is and one through a layer, of one unit each."""
    layers = [LINEAR, LINEAR, {"kind": "add", "from": 1}, LINEAR, {"kind": "add", "from": 1, "by": LINEAR}]
    network = chain((1,), [*layers, {"kind": "linear", "outputs": 2}])
    return round_instance(config(network=network, batch=1, steps=1))


@pytest.fixture(scope="module")
def with_a_row() -> Instance:
    """A record of one value and a row of one value, which joins the first layer."""
    layers = [LINEAR, {"kind": "add", "from": "row", "by": LINEAR}, {"kind": "linear", "outputs": 2}]
    return round_instance(config(network=chain((1,), layers, 1), batch=1, steps=1))


@pytest.fixture(params=["joining", "with_a_row"])
def instance(request: pytest.FixtureRequest) -> Instance:
    found: Instance = request.getfixturevalue(request.param)
    return found


@pytest.mark.slow
def test_every_message_has_a_pad_of_its_own(instance: Instance) -> None:
    one, two = said_by(instance, "records", 1), said_by(instance, "records", 2)
    assert len(one) == instance.plan.pads + 2 * instance.plan.products
    assert all_hidden(one, two)
    bare = without_rows("PAD", data_only=True)
    assert not all_hidden(said_by(instance, "records", 1, bare), said_by(instance, "records", 2, bare))


@pytest.mark.exhaustive
def test_real_and_simulated_rounds_span_one_affine_space(instance: Instance) -> None:
    """Of the script itself, where every kind of shortcut is present, and a row."""
    assert_same_hull(instance, "records")
