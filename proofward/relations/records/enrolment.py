"""Enrolment: a commitment to a dataset, proved well-formed.

What is proved: the committed features of the first `rows` rows are in range, their labels are 0 or 1 (or of
three and more classes the bits of exactly one), and everything else in the padded columns is 0, so the
dataset has `rows` labelled rows of `features` features.

Messages: roots of the dataset and of the witness; the lookups; for X and for Y a point of the verifier and
one sumcheck for the zeros; of several classes a point of the rows; the opening. Soundness and hiding: see
`proof.party` and `proof.commitment.contract`; `enrolment_plan` computes the bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import check_records
from proofward.proof.counter import Counter, Plan
from proofward.proof.lookup import LinearCombination, LookupArgument
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Challenger, Transcript
from proofward.proof.verifier import Verified, Verifier
from proofward.relations.records.dataset import DatasetColumns, DatasetShape
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.statement import digest_of

Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class EnrolmentStatement:
    """What an enrolment says in public.

    Attributes:
        consortium: 32 bytes, the digest of its rules.
        hospital: The name of who enrols.
        rows: How many, a number that the rules admit.
        features: How many each row has, those of the model.
        config: The rules of every round.
    """

    consortium: bytes
    hospital: str
    rows: int
    features: int
    config: RoundConfig

    def __post_init__(self) -> None:
        if len(self.consortium) != 32:
            raise ConfigurationError("consortium", "32 bytes", f"{len(self.consortium)} bytes")
        if self.features != self.config.model.features:
            raise ConfigurationError("features", str(self.config.model.features), self.features)
        self.config.check_rows(self.rows)

    def transcript(self) -> bytes:
        """The bytes that bind a proof to this statement."""
        return digest_of(
            "enrolment",
            self.consortium,
            self.config.digest(),
            self.hospital.encode(),
            self.rows,
            self.features,
        )


@dataclass(frozen=True, slots=True)
class VerifiedEnrolment(Verified):
    """What a verifier learns: the dataset's root."""

    dataset_root: bytes


def enrolment(party: Party, statement: EnrolmentStatement, witness: tuple[Signed, Signed] | None) -> None:
    """The script; `witness` is (features, labels), a prover's."""
    model = statement.config.model
    shape = DatasetShape(statement.rows, model.record, model.head.labels)

    def known() -> tuple[Signed, Signed]:
        assert witness is not None
        return witness

    scales = statement.config.scales
    dataset = DatasetColumns.declare(
        party,
        shape,
        lambda: shape.pad_features(known()[0]),
        lambda: shape.pad_labels(model.head.encode(known()[1])),
    )
    party.commit("dataset")
    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, scales.table_bits)
    for column in dataset.features:
        ranges.require(
            LinearCombination(((1, column),), -scales.input_range[0]), scales.activation_range_bits
        )
    ranges.require(LinearCombination(((1, dataset.labels),)), 1)
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    lookups.prove()
    dataset.assert_padded(party)
    dataset.assert_one_class(party)


def enrolment_plan(statement: EnrolmentStatement) -> Plan:
    """The measures of an enrolment's proof; raises SoundnessBelowPolicy where the policy cannot be met."""
    return _plan(statement.config, statement.rows, statement.features)


@lru_cache(maxsize=64)
def _plan(config: RoundConfig, rows: int, features: int) -> Plan:
    """They depend on nothing else: neither the consortium nor the hospital's name changes the script."""
    statement = EnrolmentStatement(bytes(32), "", rows, features, config)
    counter = Counter(config.scheme(rows), config.security_bits)
    plan = counter.run(lambda party: enrolment(party, statement, None))
    plan.soundness.require(config.security_bits)
    return plan


def prove_enrolment(
    statement: EnrolmentStatement, features: Signed, labels: Signed, rng: Rng
) -> tuple[bytes, DatasetSecret]:
    """A proof and the secret that later rounds need.

    Args:
        statement: What the enrolment says in public.
        features: int64 (n, d) at scale fa.
        labels: int64 (n,), numbers of classes.
        rng: Randomness, such as `os.urandom`.

    Raises:
        ConfigurationError: Records that do not fit the statement.
    """
    config = statement.config
    check_records(config.model, config.scales, features, labels)
    if len(labels) != statement.rows:
        raise ConfigurationError("rows", str(statement.rows), len(labels))
    prover = Prover(Transcript(statement.transcript()), enrolment_plan(statement), rng)
    proof = prover.run(lambda party: enrolment(party, statement, (features, labels)))
    return proof, DatasetSecret(features, labels, prover.committed[0], prover.scheme.openings - 1)


def verify_enrolment(statement: EnrolmentStatement, proof: bytes) -> VerifiedEnrolment:
    """What a verifier learns of a valid enrolment, its dataset's root.

    Args:
        statement: What the enrolment says in public.
        proof: The bytes.

    Raises:
        ProofRejected: The bytes do not prove the statement.
    """
    return check_enrolment(statement, proof, Transcript(statement.transcript()))


def check_enrolment(statement: EnrolmentStatement, proof: bytes, challenger: Challenger) -> VerifiedEnrolment:
    """`verify_enrolment` against any challenger."""
    verifier = Verifier(challenger, enrolment_plan(statement), proof)
    verifier.run(lambda party: enrolment(party, statement, None), statement.config.security_bits)
    return VerifiedEnrolment(verifier.commitments[0].root, soundness=verifier.soundness)
