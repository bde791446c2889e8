"""How a site proves and verifies.

It verifies in a pool of processes. It proves in turns where memory is short.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from proofward.engines.operations.verification_pool import PooledProofs
from proofward.federation.history.proving.proofs import RelationProofs

WORKERS_VARIABLE = "PROOFWARD_VERIFICATION_WORKERS"
TURNS_VARIABLE = "PROOFWARD_PROVING_LOCK"
Known = ParamSpec("Known")
T = TypeVar("T")


@contextmanager
def turn(path: Path | None) -> Iterator[None]:
    """Waits until no other process of this machine holds the lock file."""
    if path is None:
        yield
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def in_turn(
    prove: Callable[Concatenate[RelationProofs, Known], T],
) -> Callable[Concatenate[InTurns, Known], T]:
    """The same, while no other process with the same lock file proves."""

    @wraps(prove)
    def waiting(proofs: InTurns, /, *known: Known.args, **named: Known.kwargs) -> T:
        with turn(proofs.lock):
            return prove(proofs, *known, **named)

    return waiting


class InTurns(RelationProofs):
    """Proves while no other process with the same lock file does; mixed into another kind of Proofs."""

    lock: Path | None = None
    prove_enrolment = in_turn(RelationProofs.prove_enrolment)
    prove_round = in_turn(RelationProofs.prove_round)
    prove_counts = in_turn(RelationProofs.prove_counts)
    prove_evaluation = in_turn(RelationProofs.prove_evaluation)


class SiteProofs(InTurns, PooledProofs):
    """Verifies in a pool."""


def make_proofs(environment: Mapping[str, str] = os.environ) -> InTurns:
    """As the variables say: workers of the pool (one a core unless given, none with 0), lock file."""
    wanted = environment.get(WORKERS_VARIABLE, "")
    workers = int(wanted) if wanted.isdigit() else None
    proofs = InTurns() if workers == 0 else SiteProofs(workers)
    lock = environment.get(TURNS_VARIABLE)
    proofs.lock = Path(lock) if lock else None
    return proofs
