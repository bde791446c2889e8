"""One contract for all tests of a process; what a test does to it is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proofward.chain.disputes.receipt import Receipt
from proofward.proof.errors import ProofRejected
from tests.chain.contract.anchored import Anchored
from tests.chain.contract.disputed import Disputed, opened_of, wdbc, without_training


@pytest.fixture(scope="session")
def deployed() -> Anchored:
    """Three seats, of which two make a quorum."""
    return Anchored()


@pytest.fixture
def anchored(deployed: Anchored) -> Iterator[Anchored]:
    """The contract as it was deployed."""
    with deployed.chain.undone():
        yield deployed


@pytest.fixture(scope="session")
def real() -> Disputed:
    """Of an accepted proof."""
    outcome, opened = opened_of(wdbc())
    assert not isinstance(outcome, ProofRejected) and opened is not None
    return Disputed(opened, Receipt.of(opened))


@pytest.fixture(scope="session")
def forged() -> Disputed:
    """Of a proof of a round without training, which is refused at the columns."""
    return without_training()
