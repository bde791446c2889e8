"""What all tests share: randomness that is the same in every run, and another in every test."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A generator seeded with the test's own name."""
    return random.Random(request.node.nodeid)
