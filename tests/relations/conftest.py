"""Proofs that many tests share."""

from __future__ import annotations

import pytest

from tests.relations.cases import Case, config, make_case


@pytest.fixture(scope="session")
def case() -> Case:
    """MLP 5-4-2, 11 rows, 5 steps of 4, at 40 bits."""
    return make_case(config())


@pytest.fixture(scope="session")
def case_at_policy() -> Case:
    """The same at 100 bits."""
    return make_case(config(security=100))


@pytest.fixture(scope="session")
def clipped_case() -> Case:
    """The same with an update that has to be clipped."""
    return make_case(config(clip=30, rate=64))
