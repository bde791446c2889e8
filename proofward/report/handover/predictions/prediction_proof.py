"""A proved prediction as two files: what it says with its proof, and what opens its commitment.

The first is for whoever has the model's file; it names records by their order only. The second holds the
records and is as secret as they are.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.federation.history.proving.judging import Unable, judged
from proofward.federation.messages.basics.field_types import Digest
from proofward.federation.messages.basics.values import integers_from_bytes, integers_to_bytes
from proofward.layers.basics.errors import TrainingError
from proofward.layers.basics.plain import MOST_CLASSES
from proofward.layers.rules.model import Int64Array
from proofward.ledger.reading import NotReadable, read_regular
from proofward.proof.errors import ProofRejected
from proofward.relations.predictions.inference_statement import (
    MOST_RECORDS,
    InferenceStatement,
    network_bytes,
)
from proofward.relations.predictions.predict import (
    SALT_BYTES,
    PublicModel,
    RecordsOpening,
    VerifiedPrediction,
    prove_prediction,
    verify_prediction,
)
from proofward.relations.rules.limits import MOST_DATASET_ENTRIES
from proofward.report.handover.models.exported_model import ExportedModel

MAX_FILE_BYTES = 64 << 20
MAX_OPENING_BYTES = 8 * MOST_DATASET_ENTRIES + 1024
HEADER_BYTES = 64
"""The kind of a record stands among so many first bytes."""
OPENING_SUFFIX = ".opening"
Scores = Annotated[bytes, Length(8, 8 * MOST_RECORDS * MOST_CLASSES)]


@dataclass(frozen=True)
class PredictionProof:
    """All that a proved prediction says in public, and the proof.

    consortium, round, model: whose, and the digest by which the ledger names it. description: digest of what
    inputs and outputs mean. commitment: to the records. scores: int64, record by record, 8 bytes each.
    """

    kind: ClassVar[str] = "proofward-prediction-proof"
    consortium: Digest
    round: Annotated[int, Range(0, (1 << 32) - 1)]
    model: Digest
    description: Digest
    commitment: Digest
    scores: Scores
    proof: Annotated[bytes, Length(0, MAX_FILE_BYTES)]

    @cached_property
    def data(self) -> bytes:
        """Canonical bytes."""
        return encode(self)

    @property
    def results(self) -> Int64Array:
        """The scores of all records, one after another; raises ProofRejected."""
        values = integers_from_bytes(self.scores, len(self.scores) // 8)
        if values is None:
            raise ProofRejected("scores", f"expected 8 bytes for each, found {len(self.scores)}")
        return values

    def statement(self, model: ExportedModel) -> InferenceStatement:
        """What is claimed, about this model; raises ProofRejected where it is another, or nothing can be."""
        public = public_model(model)
        for name, said, found in (
            ("consortium", self.consortium, public.consortium),
            ("model", self.model, model.digest),
            ("description", self.description, public.description),
        ):
            if said != found:
                words = f"the proof is about {said.hex()}, the model's file has {found.hex()}"
                raise ProofRejected(name, words)
        if self.round != public.round:
            raise ProofRejected("round", f"the proof names {self.round}, the model's file {public.round}")
        scores, axes = self.results, public.model.head.scored.axes
        if len(scores) % (each := math.prod(axes)):
            raise ProofRejected("scores", f"expected {each} for each record, found {len(scores)}")
        try:
            return public.says(self.commitment, scores.reshape(-1, *axes))
        except TrainingError as error:
            raise ProofRejected("statement", str(error)) from error

    def verify(self, model: ExportedModel) -> VerifiedPrediction:
        """Raises ProofRejected, naming the check, unless the prediction is this model's.

        Raises Unable where nothing can be told.
        """
        outcome = judged(verify_prediction, self.statement(model), self.proof)
        if isinstance(outcome, ProofRejected | Unable):
            raise outcome
        return outcome


@dataclass(frozen=True)
class _StoredOpening:
    """features: int64 (records, features of each), row-major, 8 bytes little endian each."""

    kind: ClassVar[str] = "proofward-prediction-opening"
    records: Annotated[int, Range(1, MOST_RECORDS)]
    features: Annotated[bytes, Length(8, MAX_OPENING_BYTES)]
    salt: Annotated[bytes, Length(SALT_BYTES)]


def public_model(model: ExportedModel) -> PublicModel:
    """The model as a statement has it."""
    plain = model.to_plain()
    meaning = {name: plain[name] for name in ("features", "images", "classes") if name in plain}
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return PublicModel(
        consortium=model.origin.consortium,
        round=model.origin.round,
        description=hashlib.sha256(b"proofward/described-inputs/v1" + text.encode()).digest(),
        model=model.model,
        scales=model.scales,
        weights=model.weights,
    )


def named(model: ExportedModel) -> dict[str, bytes]:
    """Digests of all that a prediction follows from besides its inputs: other than these is another model.

    model: of the weights alone, by which the ledger names them. network: of the layers and the scales.
    description: of what inputs and outputs mean.
    """
    network = b"proofward/described-network/v1" + network_bytes(model.model, model.scales)
    return {
        "model": model.digest,
        "network": hashlib.sha256(network).digest(),
        "description": public_model(model).description,
    }


def proved_prediction(
    model: ExportedModel, inputs: Int64Array, rng: Callable[[int], bytes]
) -> tuple[PredictionProof, bytes]:
    """The proof of what the model says of inputs (n, features), and the bytes that open its commitment.

    Raises a TrainingError, or SoundnessBelowPolicy, where no proof can be about them.
    """
    made = prove_prediction(public_model(model), inputs, rng)
    statement = made.statement
    file = PredictionProof(
        consortium=statement.consortium,
        round=statement.round,
        model=statement.model_digest,
        description=statement.description,
        commitment=statement.commitment,
        scores=integers_to_bytes(statement.scores.reshape(-1)),
        proof=made.proof,
    )
    opened = integers_to_bytes(made.opening.features.reshape(-1))
    return file, encode(_StoredOpening(len(inputs), opened, made.opening.salt))


def is_prediction_proof(data: bytes) -> bool:
    """Whether the bytes begin as a proved prediction does."""
    return PredictionProof.kind.encode() in data[:HEADER_BYTES]


def load_prediction_proof(path: Path) -> PredictionProof:
    """The proved prediction at `path`, which a user names; raises ProofRejected for anything else."""
    try:
        return read_prediction_proof(read_regular(path, MAX_FILE_BYTES, follow=True))
    except NotReadable as error:
        raise ProofRejected("file", f"expected {error.expected}, found {error.actual}") from error


def read_prediction_proof(data: bytes) -> PredictionProof:
    """The proved prediction in these bytes; raises ProofRejected for any others."""
    try:
        return decode(data, PredictionProof, max_bytes=MAX_FILE_BYTES)
    except MalformedMessage as error:
        raise ProofRejected("file", str(error)) from error


def check_opening(data: bytes, statement: InferenceStatement) -> RecordsOpening:
    """The records to which the statement's commitment is; raises ProofRejected for bytes of others."""
    try:
        stored = decode(data, _StoredOpening, max_bytes=MAX_OPENING_BYTES)
    except MalformedMessage as error:
        raise ProofRejected("opening", str(error)) from error
    about = statement.forward_pass
    values = integers_from_bytes(stored.features, about.records * about.model.features)
    low, high = about.scales.input_range
    if stored.records != about.records or values is None or values.min() < low or values.max() > high:
        expected = f"{about.records} records of {about.model.features} values in [{low}, {high}]"
        raise ProofRejected("opening", f"expected {expected}, found others")
    opening = RecordsOpening(np.ascontiguousarray(values.reshape(about.records, -1)), stored.salt)
    if not opening.opens(statement):
        raise ProofRejected("opening", "the commitment is to other records, or was made with another salt")
    return opening
