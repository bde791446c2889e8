"""The relations as the parties call them: bytes in, bytes out.

So every result can be stored before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from proofward.federation.history.proving.judging import Unable, judged
from proofward.federation.history.proving.proof_jobs import EnrolmentJob, ProvedRound, RoundJob, Seal
from proofward.federation.history.state.round_state import Finding
from proofward.federation.messages.basics.values import integers_to_bytes, words_from_bytes, words_to_bytes
from proofward.federation.messages.randomness import ByteSource
from proofward.lattice.parameters import ciphertext_length
from proofward.proof.errors import ProofRejected
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.counts_proof import prove_counts, verify_counts
from proofward.relations.proofs.evaluation_proof import EvaluationProof, prove_evaluation, verify_evaluation
from proofward.relations.proofs.measure import UploadStatement, secret_words_of
from proofward.relations.proofs.prove import RoundProof, prove_round, verify_round
from proofward.relations.records.enrolment import (
    EnrolmentStatement,
    prove_enrolment,
    verify_enrolment,
)
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.uploads.key_shares import Digests, KeyShare, ShareBinding

Signed = NDArray[np.int64]
T = TypeVar("T")


class Verifies(Protocol):
    """Verification of single proofs; raises ProofRejected."""

    def verify_enrolment(self, statement: EnrolmentStatement, proof: bytes) -> bytes:
        """The dataset root."""
        ...

    def verify_round(
        self, statement: UploadStatement, sealed_shares: Digests, ciphertext: bytes, proof: bytes
    ) -> Finding:
        """The next dataset root and the binding of the key shares."""
        ...


class OneByOne:
    """Verification of many proofs by that of single ones.

    One after another, in the order of the jobs, each of which is asked for when its turn comes.
    """

    def verify_enrolments(
        self: Verifies, jobs: Iterable[EnrolmentJob]
    ) -> Iterator[tuple[str, bytes | ProofRejected | Unable]]:
        """See Proofs."""
        for job in jobs:
            yield job.key, judged(self.verify_enrolment, job.statement, job.proof)

    def verify_rounds(
        self: Verifies, jobs: Iterable[RoundJob]
    ) -> Iterator[tuple[str, Finding | ProofRejected | Unable]]:
        """See Proofs."""
        for job in jobs:
            yield job.key, judge_round(self, job)


def judge_round(proofs: Verifies, job: RoundJob) -> Finding | ProofRejected | Unable:
    """`judged` for a round."""
    verify = partial(proofs.verify_round, job.statement, job.sealed_shares)
    return judged(lambda _, *data: verify(*data), job.statement, job.ciphertext, job.proof)


class Proofs(Protocol):
    """What a party needs of the proof system.

    Verification raises ProofRejected, and Unable where nothing can be said. That of many proofs gives
    outcomes as they are ready, in any order, each under its job's key; it takes jobs as it gets to them, so
    their bytes need not all be in memory.
    """

    def prove_enrolment(
        self, statement: EnrolmentStatement, features: Signed, labels: Signed, rng: ByteSource
    ) -> tuple[bytes, bytes, bytes]:
        """(proof, dataset root, dataset secret)."""
        ...

    def verify_enrolment(self, statement: EnrolmentStatement, proof: bytes) -> bytes:
        """The dataset root."""
        ...

    def prove_round(
        self,
        statement: RoundStatement,
        secret: bytes,
        rng: ByteSource,
        progress: Callable[[str], None],
        seal: Seal,
        noise_seed: bytes = b"",
    ) -> ProvedRound:
        """Trains, encrypts and proves; `progress` is told each phase as it begins, `seal` is called once."""
        ...

    def noise_root(
        self, config: RoundConfig, rows: int, seed: bytes, counting: Counting | None = None
    ) -> bytes:
        """The root of the commitment to the secret words of noise that follow from a seed of 32 bytes.

        counting: what a round counts, None where it trains.
        """
        ...

    def prove_counts(
        self,
        statement: CountingStatement,
        counts: Signed,
        rng: ByteSource,
        progress: Callable[[str], None],
        seal: Seal,
        noise_seed: bytes = b"",
    ) -> ProvedRound:
        """Encrypts counts, int64 (length,), and proves, as `prove_round` does."""
        ...

    def prove_evaluation(
        self,
        statement: EvaluationStatement,
        secret: bytes,
        rng: ByteSource,
        progress: Callable[[str], None],
        seal: Seal,
        noise_seed: bytes = b"",
        publish: bool = False,
    ) -> ProvedRound:
        """Counts on the records in the secret of a dataset, and proves; `publish`: and shows the counts."""
        ...

    def verify_round(
        self, statement: UploadStatement, sealed_shares: Digests, ciphertext: bytes, proof: bytes
    ) -> Finding:
        """The next dataset root and the binding of the key shares."""
        ...

    def verify_enrolments(
        self, jobs: Iterable[EnrolmentJob]
    ) -> Iterator[tuple[str, bytes | ProofRejected | Unable]]:
        """Outcomes of `verify_enrolment`."""
        ...

    def verify_rounds(
        self, jobs: Iterable[RoundJob]
    ) -> Iterator[tuple[str, Finding | ProofRejected | Unable]]:
        """Outcomes of `verify_round`."""
        ...

    def records_of(self, secret: bytes) -> tuple[Signed, Signed]:
        """Features and labels in the secret of a dataset."""
        ...

    def share_is_bound(self, binding: bytes, share: bytes, holder: int) -> bool:
        """Whether an opened share is the one that the proof commits to for this holder.

        False if it is malformed.
        """
        ...

    def share_values(self, share: bytes) -> NDArray[np.uint64]:
        """The share's vector, F-array (4096,)."""
        ...


class RelationProofs(OneByOne):
    """The relations themselves."""

    def prove_enrolment(
        self, statement: EnrolmentStatement, features: Signed, labels: Signed, rng: ByteSource
    ) -> tuple[bytes, bytes, bytes]:
        """See Proofs."""
        proof, secret = prove_enrolment(statement, features, labels, rng)
        return proof, secret.root, secret.to_bytes()

    def verify_enrolment(self, statement: EnrolmentStatement, proof: bytes) -> bytes:
        """See Proofs."""
        return verify_enrolment(statement, proof).dataset_root

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
        dataset = DatasetSecret.from_bytes(secret)
        spent = dataset.spend().to_bytes()
        made = prove_round(statement, dataset, rng, _sealing(seal), progress, noise_seed)
        return _proved(made, spent)

    def noise_root(
        self, config: RoundConfig, rows: int, seed: bytes, counting: Counting | None = None
    ) -> bytes:
        """See Proofs."""
        return secret_words_of(config, rows, counting, seed).root

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
        made = prove_counts(statement, counts, rng, _sealing(seal), progress, noise_seed)
        shares = tuple(share.to_bytes() for share in made.shares)
        ciphertext = words_to_bytes(made.ciphertext)
        return ProvedRound(ciphertext, made.sealed_shares, made.proof, shares, b"", b"", b"")

    def prove_evaluation(
        self,
        statement: EvaluationStatement,
        secret: bytes,
        rng: ByteSource,
        progress: Callable[[str], None],
        seal: Seal,
        noise_seed: bytes = b"",
        publish: bool = False,
    ) -> ProvedRound:
        """See Proofs."""
        dataset = DatasetSecret.from_bytes(secret)
        spent = dataset.spend().to_bytes()
        made = prove_evaluation(statement, dataset, rng, _sealing(seal), progress, noise_seed, publish)
        return _proved(made, spent, integers_to_bytes(made.counts))

    def verify_round(
        self, statement: UploadStatement, sealed_shares: Digests, ciphertext: bytes, proof: bytes
    ) -> Finding:
        """See Proofs."""
        length = ciphertext_length(statement.entries)
        words = words_from_bytes(ciphertext, length)
        if words is None:
            expected = f"{length} canonical field elements"
            raise ProofRejected("ciphertext", f"expected {expected}, found {len(ciphertext)} other bytes")
        if isinstance(statement, CountingStatement):
            found = verify_counts(statement, words, sealed_shares, proof)
        elif isinstance(statement, EvaluationStatement):
            found = verify_evaluation(statement, words, sealed_shares, proof)
        else:
            found = verify_round(statement, words, sealed_shares, proof)
        return Finding(found.dataset_root, found.share_binding.to_bytes())

    def records_of(self, secret: bytes) -> tuple[Signed, Signed]:
        """See Proofs."""
        dataset = DatasetSecret.from_bytes(secret)
        return dataset.features, dataset.labels

    def share_is_bound(self, binding: bytes, share: bytes, holder: int) -> bool:
        """See Proofs."""
        try:
            opened = KeyShare.from_bytes(share)
            bound = ShareBinding.from_bytes(binding)
        except ValueError:
            return False
        return opened.holder == holder and bound.matches(holder, opened.values, opened.blind)

    def share_values(self, share: bytes) -> NDArray[np.uint64]:
        """See Proofs."""
        return KeyShare.from_bytes(share).values


def _proved(made: RoundProof | EvaluationProof, spent: bytes, counts: bytes = b"") -> ProvedRound:
    """A proof that has opened a dataset commitment and made another."""
    fresh = made.dataset
    return ProvedRound(
        ciphertext=words_to_bytes(made.ciphertext),
        sealed_shares=made.sealed_shares,
        proof=made.proof,
        shares=tuple(share.to_bytes() for share in made.shares),
        root=fresh.root,
        dataset=fresh.to_bytes(),
        spent=spent,
        counts=counts,
    )


def _sealing(seal: Seal) -> Callable[[tuple[KeyShare, ...]], Digests]:
    return lambda shares: seal(tuple(share.to_bytes() for share in shares))
