"""Members of one machine prove one after another: every proof is made while a lock file is held."""

from __future__ import annotations

import fcntl
import os

import pytest

from proofward.engines.remote.proving import InTurns, SiteProofs, in_turn
from proofward.federation.history.proving.proofs import RelationProofs

PROVING = ("prove_enrolment", "prove_round", "prove_counts", "prove_evaluation")


def is_held(path) -> bool:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@pytest.mark.parametrize("kind", [InTurns, SiteProofs])
def test_all_that_proves_waits_for_its_turn(kind) -> None:
    assert set(PROVING) == {name for name in dir(RelationProofs) if name.startswith("prove_")}
    for name in PROVING:
        assert getattr(kind, name).__wrapped__ is getattr(RelationProofs, name)


def test_the_lock_is_held_while_a_proof_is_made_and_no_longer(tmp_path) -> None:
    path, proofs, seen = tmp_path / "lock", InTurns(), []
    prove = in_turn(lambda own, value, more=0: (seen.append(is_held(path)), value + more)[1])
    proofs.lock = path
    assert prove(proofs, 3, more=4) == 7 and seen == [True] and not is_held(path)
    proofs.lock = None
    assert prove(proofs, 3) == 3 and seen == [True, False]
