"""A hospital's side of a counting round: encrypt, share the key, prove. And everybody's: verify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.errors import WitnessError
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.relations.counting_rounds.counting_round import CountingWitness, counting_round
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.proofs.measure import counting_plan
from proofward.relations.proofs.upload import Dealer, Rng, Seal, VerifiedRound, checked, encrypted
from proofward.relations.uploads.count_noise import noisy
from proofward.relations.uploads.key_shares import Digests, KeyShare, discard

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
    noise_seed: bytes = b"",
) -> CountsProof:
    """Encrypt and prove; raises WitnessError for counts or a seed that the statement does not admit.

    `seal` is called once, as `prove.prove_round` calls it; `noise_seed` is 32 bytes where counts have noise.
    """
    say = progress or (lambda phase: None)
    counting, config = statement.counting, statement.config
    try:
        counting.check_counts(counts, statement.rows)
    except ConfigurationError as error:
        raise WitnessError(str(error)) from error
    say("encrypt")
    plan = counting_plan(statement)
    noise, message = noisy(statement, counts, plan.scheme, noise_seed)
    ciphertext, key = encrypted(statement, message, counting.message_bound, rng)
    say("prove")
    witness, dealer = CountingWitness(counts, key, noise), Dealer(key, config.holders, seal)
    prover = Prover(Transcript(statement.transcript(ciphertext)), plan, rng)
    proof = prover.run(lambda party: discard(counting_round(party, statement, ciphertext, dealer, witness)))
    return CountsProof(ciphertext, dealer.sealed, proof, dealer.shares)


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
    public = ciphertext, sealed_shares
    verifier, binding = checked(counting_round, statement, counting_plan, *public, proof, challenger)
    return VerifiedRound(statement.dataset_root, binding, len(proof), soundness=verifier.soundness)
