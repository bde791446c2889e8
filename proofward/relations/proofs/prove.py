"""A hospital's side of a round: train, encrypt, share the key, prove. And everybody's: verify."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.layers.gradient_clipping.clipped_training import ClippedUpdate, clipped_update
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.local_training.training import train
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.upload import Dealer, Rng, Seal, VerifiedRound, checked, encrypted
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.rules.update_rule import UpdateRule
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training_round import RoundWitness, training_round
from proofward.relations.training_rounds.update import UpdateWitness
from proofward.relations.uploads.key_shares import Digests, KeyShare, discard
from proofward.relations.uploads.noise_seed import NoiseSecret, drawn_noise

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RoundProof:
    """A hospital's round.

    Public: ciphertext, digests of the sealed shares, proof. Secret: the holders' shares, and what is kept of
    the fresh dataset commitment. `timings` are seconds of the clock, by phase as `processor_seconds` are.
    """

    ciphertext: Array
    sealed_shares: Digests
    proof: bytes
    shares: tuple[KeyShare, ...]
    dataset: DatasetSecret
    timings: dict[str, float]
    processor_seconds: dict[str, float]


def prove_round(
    statement: RoundStatement,
    secret: DatasetSecret,
    rng: Rng,
    seal: Seal,
    progress: Callable[[str], None] | None = None,
    noise_seed: bytes = b"",
) -> RoundProof:
    """Trains and proves; spends one opening of the secret.

    Args:
        statement: What the round says in public.
        secret: That of the hospital's newest dataset commitment.
        rng: Randomness, such as `os.urandom`.
        seal: Encrypts the shares of the key for their holders. It is called once, after the witness is
            committed and before the verifier's first challenge about it.
        progress: Is told the name of each phase.
        noise_seed: 32 bytes of which the noise is drawn, where the rules have differential privacy.

    Raises:
        OpeningsExhausted: The commitment has been opened as often as it may be.
        WitnessError: The training or the noise does not fit the statement.
    """
    say = progress or (lambda phase: None)
    clock, processor = time.perf_counter(), time.process_time()
    timings: dict[str, float] = {}
    processor_seconds: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal clock, processor
        now, worked = time.perf_counter(), time.process_time()
        timings[name], processor_seconds[name] = now - clock, worked - processor
        clock, processor = now, worked

    secret.open_under(statement.dataset_root)
    config = statement.config
    say("train")
    trace, update, submitted = worked_out(statement, secret.features, secret.labels)
    lap("train")
    say("encrypt")
    noise, message = _noise(statement, noise_seed, submitted)
    ciphertext, key = encrypted(statement, message, statement.message_bound, rng)
    lap("encrypt")
    say("prove")
    known = secret.commitment, trace, update, key, noise
    witness = RoundWitness(secret.features, secret.labels, *known)
    prover = Prover(Transcript(statement.transcript(ciphertext)), round_plan(statement), rng)
    dealer = Dealer(key, config.holders, seal)
    proof = prover.run(lambda party: discard(training_round(party, statement, ciphertext, dealer, witness)))
    lap("prove")
    for own, phases in (
        (timings, prover.phases.seconds),
        (processor_seconds, prover.phases.processor_seconds),
    ):
        own.update({f"prove: {phase}": seconds for phase, seconds in phases.items()})
    fresh = DatasetSecret(secret.features, secret.labels, prover.committed[1], prover.scheme.openings - 1)
    return RoundProof(ciphertext, dealer.sealed, proof, dealer.shares, fresh, timings, processor_seconds)


def worked_out(
    statement: RoundStatement, features: Signed, labels: Signed, batches: Signed | None = None
) -> tuple[TrainingTrace, UpdateWitness | ClippedUpdate, Signed]:
    """The trace of the training on some records, what becomes of it, and U; in the order of the schedule."""
    config, weights, rule = statement.config, statement.initial_weights, statement.rule
    order = statement.schedule() if batches is None else batches
    about = config.model, config.scales, statement.training
    if config.privacy is not None and not config.privacy.of_hospitals:
        clipped = clipped_update(*about, config.privacy, weights, features, labels, order)
        return clipped.trace, clipped, clipped.update
    assert isinstance(rule, UpdateRule)
    trained = train(*about, weights, features, labels, order, trace=True)
    assert trained.trace is not None
    multiplier, submitted = rule.submit(trained.update)
    return trained.trace, UpdateWitness(trained.update, submitted, multiplier), submitted


def _noise(
    statement: RoundStatement, seed: bytes, update: npt.NDArray[np.int64]
) -> tuple[NoiseSecret | None, npt.NDArray[np.int64]]:
    """What the noise is drawn from, and what is encrypted: the update and its noise."""
    privacy = statement.config.privacy
    if privacy is None:
        return None, update
    noise = NoiseSecret.of(statement.config, statement.rows, seed)
    noise.check_root(statement.noise_root)
    return noise, update + drawn_noise(privacy, noise.words, statement.public_words())


def verify_round(
    statement: RoundStatement, ciphertext: Array, sealed_shares: Digests, proof: bytes
) -> VerifiedRound:
    """What a verifier learns of a valid round.

    Args:
        statement: What the round says in public.
        ciphertext: The encrypted update.
        sealed_shares: Digests of the sealed shares of its key.
        proof: The bytes.

    Raises:
        ProofRejected: The bytes do not prove the statement about this ciphertext and these shares.
    """
    challenger = Transcript(statement.transcript(ciphertext))
    return check_round(statement, ciphertext, sealed_shares, proof, challenger)


def check_round(
    statement: RoundStatement,
    ciphertext: Array,
    sealed_shares: Digests,
    proof: bytes,
    challenger: Challenger,
) -> VerifiedRound:
    """`verify_round` against any challenger."""
    public = ciphertext, sealed_shares
    verifier, binding = checked(training_round, statement, round_plan, *public, proof, challenger)
    root = verifier.commitments[1].root
    return VerifiedRound(root, binding, len(proof), soundness=verifier.soundness)
