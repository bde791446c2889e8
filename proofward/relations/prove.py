"""A hospital's side of a round: train, encrypt, share the key, prove. And everybody's: verify."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import is_canonical, random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import RING_DEGREE, ciphertext_length
from proofward.lattice.sampler import MaskContext
from proofward.layers.clipped_training import ClippedUpdate, clipped_update
from proofward.layers.trace import TrainingTrace
from proofward.layers.training import train
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.proof.verifier import Verified, Verifier
from proofward.relations.encryption import EncryptionWitness
from proofward.relations.key_shares import (
    DIGEST_BYTES,
    Digests,
    KeyShare,
    ShareBinding,
    deal_shares,
)
from proofward.relations.measure import UploadStatement, round_plan
from proofward.relations.noise_seed import NoiseSecret, drawn_noise
from proofward.relations.round_statement import RoundStatement
from proofward.relations.secret import DatasetSecret
from proofward.relations.training_round import RoundWitness, training_round
from proofward.relations.update import UpdateWitness
from proofward.relations.update_rule import UpdateRule

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]
Seal = Callable[[tuple[KeyShare, ...]], Digests]
"""Seals every holder's share and gives the digests of the sealed bytes, empty for a holder that gets none."""


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


@dataclass(frozen=True, slots=True)
class VerifiedRound(Verified):
    """What a verifier learns of a valid round."""

    dataset_root: bytes
    share_binding: ShareBinding
    proof_bytes: int


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

    if secret.root != statement.dataset_root:
        raise WitnessError(
            f"the stored dataset has commitment {secret.root.hex()[:16]}, the statement names "
            f"{statement.dataset_root.hex()[:16]}: use the newest secret"
        )
    secret.spend()
    config = statement.config
    say("train")
    trace, update, submitted = worked_out(statement, secret.features, secret.labels)
    lap("train")
    say("encrypt")
    context = MaskContext(statement.beacon, statement.round)
    noise, message = _noise(statement, noise_seed, submitted)
    encryption = encrypt(context, message, statement.message_bound, rng)
    coefficients = random_field(config.threshold * RING_DEGREE, rng).reshape(config.threshold, RING_DEGREE)
    key = EncryptionWitness(encryption.secret, encryption.error, coefficients)
    lap("encrypt")
    say("prove")
    known = secret.commitment, trace, update, key, noise
    witness = RoundWitness(secret.features, secret.labels, *known)
    prover = Prover(Transcript(statement.transcript(encryption.ciphertext)), round_plan(statement), rng)
    shares: tuple[KeyShare, ...] = ()
    sealed: Digests = ()

    def digests(blinds: list[Ext]) -> Digests:
        nonlocal shares, sealed
        shares = deal_shares(encryption.secret, coefficients, blinds, config.holders)
        sealed = seal(shares)
        return sealed

    proof = prover.run(
        lambda party: _discard(training_round(party, statement, encryption.ciphertext, digests, witness))
    )
    lap("prove")
    for own, phases in (
        (timings, prover.phases.seconds),
        (processor_seconds, prover.phases.processor_seconds),
    ):
        own.update({f"prove: {phase}": seconds for phase, seconds in phases.items()})
    fresh = DatasetSecret(secret.features, secret.labels, prover.committed[1], prover.scheme.openings - 1)
    return RoundProof(encryption.ciphertext, sealed, proof, shares, fresh, timings, processor_seconds)


def worked_out(
    statement: RoundStatement, features: Signed, labels: Signed, batches: Signed | None = None
) -> tuple[TrainingTrace, UpdateWitness | ClippedUpdate, Signed]:
    """The trace of the training on some records, what becomes of it, and U; in the order of the schedule."""
    config, weights, rule = statement.config, statement.initial_weights, statement.rule
    order = statement.schedule() if batches is None else batches
    about = config.model, config.scales, statement.training
    if config.privacy is not None:
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
    if noise.root != statement.noise_root:
        raise WitnessError(
            f"the stored seed of noise has commitment {noise.root.hex()[:16]}, the statement names "
            f"{statement.noise_root.hex()[:16]}"
        )
    return noise, update + drawn_noise(privacy, noise.words, statement.public_words())


def _discard(binding: ShareBinding) -> None:
    """A prover needs no binding."""


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
    check_public_parts(statement, ciphertext, sealed_shares)
    config = statement.config
    verifier = Verifier(challenger, round_plan(statement), proof)
    bindings: list[ShareBinding] = []
    verifier.run(
        lambda party: bindings.append(
            training_round(party, statement, ciphertext, lambda _: sealed_shares, None)
        ),
        config.security_bits,
    )
    root = verifier.commitments[1].root
    return VerifiedRound(root, bindings[0], len(proof), soundness=verifier.soundness)


def check_public_parts(statement: UploadStatement, ciphertext: Array, sealed_shares: Digests) -> None:
    """Raises ProofRejected unless a ciphertext and digests are what the statement is about."""
    holders = statement.config.holders
    expected = (ciphertext_length(statement.entries),)
    if ciphertext.shape != expected or ciphertext.dtype != np.uint64 or not is_canonical(ciphertext):
        found = f"{ciphertext.shape} {ciphertext.dtype}"
        raise ProofRejected("ciphertext", f"expected {expected} canonical uint64, got {found}")
    lengths = {len(digest) for digest in sealed_shares}
    if len(sealed_shares) != holders or not lengths <= {0, DIGEST_BYTES}:
        found = f"{len(sealed_shares)} of {sorted(lengths)} bytes"
        raise ProofRejected(
            "sealed shares", f"expected {holders} digests of 0 or {DIGEST_BYTES} bytes, got {found}"
        )
