"""A round that clips gradients at convolutions hides what it says: openings span the simulated space."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.layers.networks.network import chain
from tests.relations.hull_instances import round_instance
from tests.relations.noise_cases import PRIVACY
from tests.relations.private_cases import private_rules
from tests.relations.test_affine_hull import assert_same_hull

POINT = {"kind": "conv2d", "outputs": 1, "kernel": 1, "stride": 1, "padding": 0}


@pytest.mark.exhaustive
def test_real_and_simulated_rounds_span_one_affine_space() -> None:
    """Of two convolutions, whose norms are made by gradients and by positions, with noise."""
    layers = [POINT, {**POINT, "kernel": 2}, {"kind": "linear", "outputs": 2}]
    rules = replace(private_rules((1, 2), 2, own=PRIVACY), model=chain((1, 2, 2), layers))
    ways = [own.way.name for own in rules.update_rule(2, 0).scale.layers]
    assert ways == ["gradient", "positions", "product"]
    assert_same_hull(round_instance(rules), "records")
