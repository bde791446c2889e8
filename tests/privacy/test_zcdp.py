"""The accountant's calculus against Google's dp-accounting, and against itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proofward.privacy.zcdp import added_delta, epsilon_of, rho_of, rho_of_release, tau

POINTS = json.loads(Path(__file__).with_name("dp_accounting.json").read_text())
"""Made by make_dp_accounting_table.py, which names its command."""


def test_epsilon_is_that_of_dp_accounting_and_bounds_what_is_exact():
    assert len(POINTS) == 50
    for point in POINTS:
        rho = point["releases"] * rho_of_release(1.0, point["multiplier"] ** 2, 1, 1)
        found = epsilon_of(rho, point["delta"])
        assert found == pytest.approx(point["zcdp"], rel=2e-5)
        assert found > point["gaussian"]


@pytest.mark.parametrize(("epsilon", "rho"), [(8, 1.230), (3, 0.2242), (1, 0.0306)])
def test_rho_is_that_of_the_published_conversion(epsilon, rho):
    found = rho_of(epsilon, 1e-5)
    assert found == pytest.approx(rho, rel=2e-3)
    assert epsilon_of(found, 1e-5) == pytest.approx(epsilon, abs=1e-9)
    assert epsilon_of(found, 1e-5) < epsilon_of(1.001 * found, 1e-5)


def test_a_sum_of_wide_gaussians_is_one_and_a_sum_of_narrow_ones_is_not():
    assert tau(200.0**2, 5) == 0.0
    assert rho_of_release(2081, 40_000, 4, 62) == rho_of_release(2081, 160_000, 1, 62)
    assert tau(0.25, 2) == pytest.approx(10 * 2.718281828**-2.4674011, rel=1e-6)
    assert rho_of_release(1, 0.25, 2, 100) > rho_of_release(1, 0.5, 1, 100)
    assert tau(0.25, 100) > tau(0.25, 99) > tau(0.25, 64)


def test_no_release_costs_nothing_and_a_distance_is_weighed_by_both_sides():
    assert epsilon_of(0.0, 1e-5) == 0.0
    assert epsilon_of(1e-12, 1e-5) < 1e-4
    assert added_delta(0.0, 0.25) == 0.5
    assert added_delta(3.0, 1e-9) == pytest.approx(21.0855e-9, rel=1e-4)
    assert added_delta(1e6, 1e-300) == float("inf")
