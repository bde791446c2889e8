"""A hospital's side of a counting round: encrypt, share the key, prove. And everybody's: verify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.layers.errors import ConfigurationError
from proofward.proof.errors import WitnessError
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.counting_round import CountingWitness, counting_round
from proofward.relations.counting_statement import CountingStatement
from proofward.relations.encryption import EncryptionWitness
from proofward.relations.key_shares import Digests, KeyShare, ShareBinding, deal_shares
from proofward.relations.measure import counting_plan
from proofward.relations.prove import Rng, Seal, VerifiedRound, check_public_parts

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CountsProof:
    """A hospital's counts. Public: ciphertext, digests of the sealed shares, proof. Secret: the shares."""

    ciphertext: Array
    sealed_shares: Digests
    proof: bytes
    shares: tuple[KeyShare, ...]


def prove_counts(
    statement: CountingStatement,
    counts: Signed,
    rng: Rng,
    seal: Seal,
    progress: Callable[[str], None] | None = None,
) -> CountsProof:
    """Encrypt and prove; raises WitnessError for counts that the statement does not admit.

    `seal` is called once, as `prove.prove_round` calls it.
    """
    say = progress or (lambda phase: None)
    counting, config = statement.counting, statement.config
    try:
        counting.check_counts(counts, statement.rows)
    except ConfigurationError as error:
        raise WitnessError(str(error)) from error
    say("encrypt")
    made = encrypt(MaskContext(statement.beacon, statement.round), counts, counting.bound, rng)
    coefficients = random_field(config.threshold * RING_DEGREE, rng).reshape(config.threshold, RING_DEGREE)
    say("prove")
    witness = CountingWitness(counts, EncryptionWitness(made.secret, made.error, coefficients))
    prover = Prover(Transcript(statement.transcript(made.ciphertext)), counting_plan(statement), rng)
    dealt: list[tuple[tuple[KeyShare, ...], Digests]] = []

    def digests(blinds: list[Ext]) -> Digests:
        shares = deal_shares(made.secret, coefficients, blinds, config.holders)
        dealt.append((shares, seal(shares)))
        return dealt[-1][1]

    proof = prover.run(
        lambda party: _discard(counting_round(party, statement, made.ciphertext, digests, witness))
    )
    ((shares, sealed),) = dealt
    return CountsProof(made.ciphertext, sealed, proof, shares)


def _discard(binding: ShareBinding) -> None:
    """A prover needs no binding."""


def verify_counts(
    statement: CountingStatement, ciphertext: Array, sealed_shares: Digests, proof: bytes
) -> VerifiedRound:
    """Raises ProofRejected unless the bytes prove the statement about this ciphertext and these shares."""
    challenger = Transcript(statement.transcript(ciphertext))
    return check_counts(statement, ciphertext, sealed_shares, proof, challenger)


def check_counts(
    statement: CountingStatement,
    ciphertext: Array,
    sealed_shares: Digests,
    proof: bytes,
    challenger: Challenger,
) -> VerifiedRound:
    """`verify_counts` against any challenger. The dataset root stays what it was."""
    check_public_parts(statement, ciphertext, sealed_shares)
    verifier = Verifier(challenger, counting_plan(statement), proof)
    bindings: list[ShareBinding] = []
    verifier.run(
        lambda party: bindings.append(
            counting_round(party, statement, ciphertext, lambda _: sealed_shares, None)
        ),
        statement.config.security_bits,
    )
    return VerifiedRound(statement.dataset_root, bindings[0], len(proof), soundness=verifier.soundness)
