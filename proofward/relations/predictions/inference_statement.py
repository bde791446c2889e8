"""The public statement of a proved prediction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import padded
from proofward.layers.basics.plain import integer
from proofward.layers.local_training.training import magnitude, scores
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint
from proofward.proof.commitment.contract import Scheme
from proofward.proof.commitment.registry import SCHEME
from proofward.relations.networks.public_pass import PublicPass
from proofward.relations.rules.statement import digest_of

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

SECURITY_BITS = 100  #: proven bits that every proof of a prediction must have
MOST_RECORDS = 1 << 12  #: of one proof


@dataclass(frozen=True, kw_only=True)
class ForwardPass(PublicPass):
    """That of the records of one prediction."""

    def __post_init__(self) -> None:
        integer("records", self.records, 1, MOST_RECORDS)
        super().__post_init__()

    @property
    def largest_score(self) -> int:
        """No score of a record is larger in magnitude."""
        divisor = self.model.last_rounding(self.scales).divisor.value
        return self.bounds[self.model.depth - 1].sums // divisor + 1

    @cached_property
    def scheme(self) -> Scheme:
        """That of its commitments, each opened by one proof; raises SoundnessBelowPolicy."""
        model, scales = self.model, self.scales
        remainders = Rounding.count(model.last_rounding(scales).divisor, scales)
        of_record = model.record.padded_size + model.head.scored.padded_size * remainders
        of_record += self.hidden_committed
        return SCHEME.choose(padded(self.records) * of_record + (3 << scales.table_bits), SECURITY_BITS, 1)


@dataclass(frozen=True, kw_only=True)
class InferenceStatement:
    """What a proved prediction says in public.

    consortium: 32 bytes, the digest of its rules
    round: of the model, 0 to 2^32 - 1
    description: 32 bytes, the digest of what inputs and outputs mean
    weights: int64 (parameters,), the model
    commitment: 32 bytes, the root of the committed records
    scores: int64 (n,) or (n, classes), at scale 2^fa: `layers.heads.head.Head.scores` of every record
    """

    consortium: bytes
    round: int
    description: bytes
    model: Network
    scales: FixedPoint
    weights: Signed
    commitment: bytes
    scores: Signed

    def __post_init__(self) -> None:
        for name in ("consortium", "description", "commitment"):
            if len(getattr(self, name)) != 32:
                raise ConfigurationError(name, "32 bytes", f"{len(getattr(self, name))} bytes")
        integer("round", self.round, 0, (1 << 32) - 1)
        self.model.check_flat(self.weights)
        expected, found_shape = self.model.head.scored.axes, self.scores.shape
        if self.scores.dtype != np.int64 or not found_shape or found_shape[1:] != expected:
            words = f"int64 array of shape {('n', *expected)}"
            raise ConfigurationError("scores", words, (str(self.scores.dtype), found_shape))
        most, found = self.forward_pass.largest_score, magnitude(self.scores)
        if found > most:
            raise ConfigurationError("scores", f"magnitudes of at most {most}", found)

    @cached_property
    def forward_pass(self) -> ForwardPass:
        """What the measures of the proof depend on."""
        return ForwardPass(
            model=self.model,
            scales=self.scales,
            records=len(self.scores),
            largest_weight=magnitude(self.weights),
        )

    @property
    def model_digest(self) -> bytes:
        """SHA-256 of the model object, by which the ledger names it."""
        return hashlib.sha256(self.weights.astype("<i8").tobytes()).digest()

    @cached_property
    def padded_scores(self) -> Array:
        """The scores as a flat F-array; behind the last record stand those of a record of zeros."""
        count, layout = len(self.scores), self.model.head.scored
        blank = scores(
            self.model, self.scales, self.weights, np.zeros((1, self.model.features), dtype=np.int64)
        )
        full = np.tile(layout.pad(blank.reshape(1, -1)), (padded(count), 1))
        full[:count] = layout.pad(self.scores.reshape(count, -1))
        return to_field(full.reshape(-1))

    def transcript(self) -> bytes:
        """The bytes that bind a proof to this statement."""
        return digest_of(
            "inference",
            self.consortium,
            self.round,
            self.description,
            network_bytes(self.model, self.scales),
            self.model_digest,
            self.commitment,
            len(self.scores),
            self.scores.astype("<i8").tobytes(),
        )


def network_bytes(model: Network, scales: FixedPoint) -> bytes:
    """What is computed with the weights, as a statement binds it."""
    plain = {"model": model.to_dict(), "scales": scales.to_dict()}
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
