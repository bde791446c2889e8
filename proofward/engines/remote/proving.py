"""How a site proves and verifies.

It verifies in a pool of processes. It proves in turns where memory is short.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from proofward.engines.operations.verification_pool import PooledProofs
from proofward.federation.history.proof_jobs import ProvedRound, Seal
from proofward.federation.history.proofs import RelationProofs, Signed
from proofward.federation.messages.randomness import ByteSource
from proofward.relations.counting_statement import CountingStatement
from proofward.relations.enrolment import EnrolmentStatement
from proofward.relations.evaluation_statement import EvaluationStatement
from proofward.relations.round_statement import RoundStatement

WORKERS_VARIABLE = "PROOFWARD_VERIFICATION_WORKERS"
TURNS_VARIABLE = "PROOFWARD_PROVING_LOCK"


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


class InTurns(RelationProofs):
    """Proves while no other process with the same lock file does; mixed into another kind of Proofs."""

    lock: Path | None = None

    def prove_enrolment(
        self, statement: EnrolmentStatement, features: Signed, labels: Signed, rng: ByteSource
    ) -> tuple[bytes, bytes, bytes]:
        """See Proofs."""
        with turn(self.lock):
            return super().prove_enrolment(statement, features, labels, rng)

    def prove_round(
        self,
        statement: RoundStatement,
        secret: bytes,
        rng: ByteSource,
        progress: Callable[[str], None],
        seal: Seal,
        noise_seed: bytes = b"",
    ) -> ProvedRound:
        """See Proofs."""
        with turn(self.lock):
            return super().prove_round(statement, secret, rng, progress, seal, noise_seed)

    def prove_counts(
        self,
        statement: CountingStatement,
        counts: Signed,
        rng: ByteSource,
        progress: Callable[[str], None],
        seal: Seal,
        noise_seed: bytes = b"",
    ) -> ProvedRound:
        """See Proofs."""
        with turn(self.lock):
            return super().prove_counts(statement, counts, rng, progress, seal, noise_seed)

    def prove_evaluation(
        self,
        statement: EvaluationStatement,
        secret: bytes,
        rng: ByteSource,
        progress: Callable[[str], None],
        seal: Seal,
        noise_seed: bytes = b"",
    ) -> ProvedRound:
        """See Proofs."""
        with turn(self.lock):
            return super().prove_evaluation(statement, secret, rng, progress, seal, noise_seed)


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
