"""One contract for all tests of a process; what a test does to it is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chain.contract.anchored import Anchored


@pytest.fixture(scope="session")
def deployed() -> Anchored:
    """Three seats, of which two make a quorum."""
    return Anchored()


@pytest.fixture
def anchored(deployed: Anchored) -> Iterator[Anchored]:
    """The contract as it was deployed."""
    with deployed.chain.undone():
        yield deployed
