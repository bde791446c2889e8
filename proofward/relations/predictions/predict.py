"""Proving what a model says of records, and verifying it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.layers.basics.layout import padded
from proofward.layers.local_training.training import check_records, forward_pass, magnitude
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint
from proofward.proof.commitment.contract import Committed
from proofward.proof.counter import Counter, Plan
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.proof.verifier import Verified, Verifier
from proofward.relations.predictions.inference import InferenceWitness, inference
from proofward.relations.predictions.inference_statement import SECURITY_BITS, ForwardPass, InferenceStatement

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class RecordsOpening:
    """What opens a commitment to records: features int64 (n, d) at scale fa, and the salt of 32 bytes."""

    features: Signed
    salt: bytes

    def column(self, about: ForwardPass) -> Array:
        """The records as a flat F-array, padded."""
        full = np.zeros((padded(about.records), about.model.record.padded_size), dtype=np.int64)
        full[: about.records] = about.model.record.pad(self.features)
        return to_field(full.reshape(-1))

    def commit(self, about: ForwardPass) -> Committed:
        """The commitment: all that hides it is drawn from the salt by SHAKE-256."""
        return about.scheme.commit([self.column(about)], _expanded(self.salt))

    def opens(self, statement: InferenceStatement) -> bool:
        """Whether the statement's commitment is to these records."""
        about = statement.forward_pass
        if self.features.shape != (about.records, about.model.features):
            return False
        return self.commit(about).root == statement.commitment


@dataclass(frozen=True, slots=True)
class ProvedPrediction:
    """Public: statement and proof. Secret: the opening of the commitment."""

    statement: InferenceStatement
    proof: bytes
    opening: RecordsOpening


@dataclass(frozen=True, slots=True)
class VerifiedPrediction(Verified):
    """What a verifier learns besides the statement."""

    proof_bytes: int


@dataclass(frozen=True, kw_only=True)
class PublicModel:
    """The model of a prediction, see `InferenceStatement`."""

    consortium: bytes
    round: int
    description: bytes
    model: Network
    scales: FixedPoint
    weights: Signed

    def says(self, commitment: bytes, scores: Signed) -> InferenceStatement:
        """The statement that it gives the committed records these scores; raises a TrainingError."""
        return InferenceStatement(**vars(self), commitment=commitment, scores=scores)


def prove_prediction(model: PublicModel, features: Signed, rng: Rng) -> ProvedPrediction:
    """Predict, commit and prove, of records int64 (n, d) at scale fa.

    Raises a TrainingError for records or a model that no proof can be about, and SoundnessBelowPolicy.
    """
    check_records(model.model, model.scales, features, np.zeros(len(features), dtype=np.int64))
    about = ForwardPass(
        model=model.model,
        scales=model.scales,
        records=len(features),
        largest_weight=magnitude(model.weights),
    )
    plan = inference_plan(about)
    opening = RecordsOpening(features, rng(SALT_BYTES))
    whole = np.zeros((padded(len(features)), features.shape[1]), dtype=np.int64)
    whole[: len(features)] = features
    passed = forward_pass(model.model, model.scales, model.weights, whole)
    sums = passed.sums
    head, rounding = model.model.head, model.model.last_rounding(model.scales)
    scores = head.scores(head.takes.unpad(sums[-1]), rounding)[: len(features)]
    commitment = opening.commit(about)
    statement = model.says(commitment.root, scores)
    witness = InferenceWitness(opening.column(about), commitment, sums, passed.own)
    prover = Prover(Transcript(statement.transcript()), plan, rng)
    proof = prover.run(lambda party: inference(party, statement, witness))
    return ProvedPrediction(statement, proof, opening)


def verify_prediction(statement: InferenceStatement, proof: bytes) -> VerifiedPrediction:
    """Raises ProofRejected unless the bytes prove the statement."""
    return check_prediction(statement, proof, Transcript(statement.transcript()))


def check_prediction(
    statement: InferenceStatement, proof: bytes, challenger: Challenger
) -> VerifiedPrediction:
    """`verify_prediction` against any challenger."""
    verifier = Verifier(challenger, inference_plan(statement.forward_pass), proof)
    verifier.run(lambda party: inference(party, statement, None), SECURITY_BITS)
    return VerifiedPrediction(len(proof), soundness=verifier.soundness)


@lru_cache(maxsize=16)
def inference_plan(about: ForwardPass) -> Plan:
    """The measures of a prediction's proof; raises SoundnessBelowPolicy where the policy cannot be met.

    Weights and scores count by their sizes only.
    """
    weights = np.zeros(about.model.parameters, dtype=np.int64)
    weights[0] = about.largest_weight
    statement = InferenceStatement(
        consortium=bytes(32),
        round=0,
        description=bytes(32),
        model=about.model,
        scales=about.scales,
        weights=weights,
        commitment=bytes(32),
        scores=np.zeros((about.records, *about.model.head.scored.axes), dtype=np.int64),
    )
    plan = Counter(about.scheme, SECURITY_BITS).run(lambda party: inference(party, statement, None))
    plan.soundness.require(SECURITY_BITS)
    return plan


def _expanded(salt: bytes) -> Rng:
    """A source of random bytes that everybody who has the salt can run again."""
    count = 0

    def rng(length: int) -> bytes:
        nonlocal count
        count += 1
        prefix = b"proofward/record-commitment/v1" + salt + count.to_bytes(8, "little")
        return hashlib.shake_256(prefix).digest(length)

    return rng
