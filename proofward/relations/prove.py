"""A hospital's side of a round: train, encrypt, share the key, prove. And everybody's: verify."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.encoding import MalformedMessage
from proofward.field.extension import Ext
from proofward.field.goldilocks import is_canonical, random_field, to_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.lattice.shamir import share
from proofward.layers.aggregation import clipped_multiplier, quantise_update, squared_norm
from proofward.layers.training import train
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.forms import PAD, ZERO, pad_key
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.config import OPENINGS
from proofward.relations.encryption import EncryptionWitness, ShareBinding
from proofward.relations.round_statement import RoundStatement
from proofward.relations.secret import DatasetSecret
from proofward.relations.training_round import RoundWitness, training_round
from proofward.relations.update import UpdateWitness

Array = npt.NDArray[np.uint64]
Rng = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class KeyShare:
    """What one holder gets: the key's share, F (4096,), and the blind of its public functional."""

    holder: int
    values: Array
    blind: Ext

    def to_bytes(self) -> bytes:
        return self.holder.to_bytes(4, "little") + self.blind.to_bytes() + self.values.astype("<u8").tobytes()

    @staticmethod
    def from_bytes(data: bytes) -> KeyShare:
        """Inverse of `to_bytes`; raises MalformedMessage."""
        if len(data) != 20 + 8 * RING_DEGREE:
            raise MalformedMessage("key share", f"{20 + 8 * RING_DEGREE} bytes", f"{len(data)} bytes")
        words = np.frombuffer(data[4:], dtype="<u8").astype(np.uint64)
        if not is_canonical(words):
            raise MalformedMessage("key share", "elements below P", "a larger word")
        return KeyShare(int.from_bytes(data[:4], "little"), words[2:].copy(), Ext.from_bytes(data[4:20]))


@dataclass(frozen=True, slots=True)
class RoundProof:
    """A hospital's round: public ciphertext and proof, the holders' shares, and the secret of the fresh
    dataset commitment.
    """

    ciphertext: Array
    proof: bytes
    shares: list[KeyShare]
    dataset: DatasetSecret
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class VerifiedRound:
    """What a verifier learns of a valid round."""

    dataset_root: bytes
    share_binding: ShareBinding
    soundness_bits: float
    proof_bytes: int


def prove_round(
    statement: RoundStatement, secret: DatasetSecret, rng: Rng, progress: Callable[[str], None] | None = None
) -> RoundProof:
    """Train and prove. Spends one opening of `secret`; raises OpeningsExhausted, OutOfRange (training left
    its ranges) or WitnessError.
    """
    say = progress or (lambda phase: None)
    clock = time.perf_counter()
    timings: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        timings[name], clock = now - clock, now

    if secret.root != statement.dataset_root:
        raise WitnessError(
            f"dataset commitment {secret.root.hex()[:16]}, statement {statement.dataset_root.hex()[:16]}"
        )
    secret.spend()
    config = statement.config
    say("train")
    trained = train(
        config.model,
        config.scales,
        config.training,
        statement.initial_weights,
        secret.features,
        secret.labels,
        statement.schedule(),
        trace=True,
    )
    assert trained.trace is not None
    multiplier = clipped_multiplier(trained.update, statement.rows, config.clip_bound, config.scales)
    update = UpdateWitness(
        trained.update, quantise_update(trained.update, multiplier, config.scales), multiplier
    )
    if (
        multiplier < statement.rows << 10
        and squared_norm(update.update) < config.norm_bounds(statement.rows)[1] ** 2
    ):
        raise WitnessError(
            "clipping cannot reach the bound to within rounding: the update's norm is above 64"
        )
    lap("train")
    say("encrypt")
    encryption = encrypt(MaskContext(statement.beacon, statement.round), update.update, rng)
    coefficients = random_field(config.threshold * RING_DEGREE, rng).reshape(config.threshold, RING_DEGREE)
    encryption_witness = EncryptionWitness(encryption.secret, encryption.error, coefficients)
    lap("encrypt")
    say("prove")
    witness = RoundWitness(
        secret.features, secret.labels, secret.tableau, trained.trace, update, encryption_witness
    )
    prover = Prover(Transcript(statement.transcript(encryption.ciphertext)), statement.plan(), rng)
    bindings: list[ShareBinding] = []
    proof = prover.run(
        lambda party: bindings.append(training_round(party, statement, encryption.ciphertext, witness))
    )
    blinds = [prover.pad(pad_key(PAD, bindings[0].first_pad + d)) for d in range(config.threshold + 1)]
    values = share(to_field(encryption.secret.astype(np.int64)), coefficients, config.holders)
    shares = [KeyShare(holder, values[holder], _blind(blinds, holder)) for holder in range(config.holders)]
    lap("prove")
    timings.update({f"prove: {phase}": seconds for phase, seconds in prover.seconds.items()})
    fresh = DatasetSecret(secret.features, secret.labels, prover.committed[1], OPENINGS - 1)
    return RoundProof(encryption.ciphertext, proof, shares, fresh, timings)


def _blind(blinds: list[Ext], holder: int) -> Ext:
    """The blind polynomial at a holder's point."""
    value = ZERO
    for coefficient in reversed(blinds):
        value = value * (holder + 1) + coefficient
    return value


def verify_round(statement: RoundStatement, ciphertext: Array, proof: bytes) -> VerifiedRound:
    """Raises ProofRejected unless the bytes prove the statement about this ciphertext."""
    return check_round(statement, ciphertext, proof, Transcript(statement.transcript(ciphertext)))


def check_round(
    statement: RoundStatement, ciphertext: Array, proof: bytes, challenger: Challenger
) -> VerifiedRound:
    """`verify_round` against any challenger."""
    expected = (statement.config.model.parameters,)
    if ciphertext.shape != expected or ciphertext.dtype != np.uint64 or not is_canonical(ciphertext):
        raise ProofRejected(
            "ciphertext", f"expected {expected} canonical uint64, got {ciphertext.shape} {ciphertext.dtype}"
        )
    verifier = Verifier(challenger, statement.plan(), proof)
    bindings: list[ShareBinding] = []
    verifier.run(
        lambda party: bindings.append(training_round(party, statement, ciphertext, None)),
        statement.config.security_bits,
    )
    return VerifiedRound(verifier.tableaux[1].root, bindings[0], verifier.soundness.bits, len(proof))
