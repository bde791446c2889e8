"""Enrolment: a commitment to a dataset, proved well-formed.

What is proved: the committed features of the first `rows` rows are in range, their labels are 0 or 1, and
everything else in the padded columns is 0, so
the dataset has `rows` labelled rows of `features` features. Message order: roots (dataset, witness), the
lookups, V a point, one sumcheck each for the zeros of
X and of Y, the opening. Soundness and hiding: see `proof.party` and `proof.opening`; a function of the
statement computes the bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import lift, zeros
from proofward.field.multilinear import eq_table, evaluate
from proofward.layers.errors import ConfigurationError
from proofward.layers.ranges import RangeChecks
from proofward.layers.stack import plain_weights
from proofward.layers.training import check_records
from proofward.proof.counter import Counter, Plan
from proofward.proof.forms import Column, Form
from proofward.proof.lookup import Linear, LookupArgument
from proofward.proof.party import Party, Tables
from proofward.proof.prover import Prover
from proofward.proof.soundness import choose_code
from proofward.proof.transcript import Challenger, Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.config import OPENINGS, RoundConfig
from proofward.relations.dataset import DatasetColumns, DatasetShape
from proofward.relations.secret import DatasetSecret
from proofward.relations.statement import digest_of

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Rng = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class EnrolmentStatement:
    """What an enrolment says in public: the consortium's rules (32 byte digest), who enrols, how many rows
    and features.
    """

    consortium: bytes
    hospital: str
    rows: int
    features: int
    config: RoundConfig

    def __post_init__(self) -> None:
        if len(self.consortium) != 32:
            raise ConfigurationError("consortium", "32 bytes", f"{len(self.consortium)} bytes")
        if self.features != self.config.model.widths[0]:
            raise ConfigurationError("features", str(self.config.model.widths[0]), self.features)
        self.config.training.steps(self.rows)
        self.config.norm_bounds(self.rows)

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

    def plan(self) -> Plan:
        """The measures of the proof; raises SoundnessBelowPolicy where the policy cannot be met."""
        code = choose_code(self.config.committed_values(self.rows), self.config.security_bits, OPENINGS)
        plan = Counter(code).run(lambda party: enrolment(party, self, None))
        plan.soundness.require(self.config.security_bits)
        return plan


@dataclass(frozen=True, slots=True)
class VerifiedEnrolment:
    """What a verifier learns: the dataset's root and the proven bits."""

    dataset_root: bytes
    soundness_bits: float


def enrolment(party: Party, statement: EnrolmentStatement, witness: tuple[Signed, Signed] | None) -> None:
    """The script; `witness` is (features, labels), a prover's."""
    shape = DatasetShape(statement.rows, statement.features)

    def known() -> tuple[Signed, Signed]:
        assert witness is not None
        return witness

    scales = statement.config.scales
    dataset = DatasetColumns.declare(
        party, shape, lambda: shape.pad_features(known()[0]), lambda: shape.pad_labels(known()[1])
    )
    party.commit("dataset")
    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, scales.table_bits)
    ranges.require(Linear(((1, dataset.features),), -scales.input_range[0]), scales.activation_range_bits)
    ranges.require(Linear(((1, dataset.labels),)), 1)
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    lookups.prove()

    def padding_rows() -> Marks:
        return np.arange(1 << shape.log_rows) >= shape.rows

    def padding_entries() -> Marks:
        units = np.arange(1 << shape.log_features) >= shape.features
        return (padding_rows()[:, None] | units[None, :]).reshape(-1)

    _assert_zero_where(party, dataset.features, padding_entries)
    _assert_zero_where(party, dataset.labels, padding_rows)


def _assert_zero_where(party: Party, column: Column, where: Callable[[], Marks]) -> None:
    """The column is 0 at the marked entries: sum of eq(r, x) [marked](x) column(x) = 0 at a random r."""
    point = party.challenges(column.log_size)
    weights = zeros(0)
    if party.evaluates_public:
        weights = eq_table(point) * where().astype(np.uint64)
    party.soundness.add("zeros of the padding", "Schwartz-Zippel", column.log_size)
    reduced = party.sumcheck(
        Form.of(0), plain_weights(column.log_size), lambda: Tables([(weights, lift(party.values(column)))])
    )
    public = party.public(lambda: evaluate(weights, reduced.point))
    party.assert_zero(reduced.claim - column.at(reduced.point) * public)


def prove_enrolment(
    statement: EnrolmentStatement, features: Signed, labels: Signed, rng: Rng
) -> tuple[bytes, DatasetSecret]:
    """A proof and the secret that later rounds need; features int64 (n, d) at scale fa, labels int64 (n,).
    Raises ConfigurationError for bad data.
    """
    config = statement.config
    check_records(config.model, config.scales, features, labels)
    if len(labels) != statement.rows:
        raise ConfigurationError("rows", str(statement.rows), len(labels))
    prover = Prover(Transcript(statement.transcript()), statement.plan(), rng)
    proof = prover.run(lambda party: enrolment(party, statement, (features, labels)))
    return proof, DatasetSecret(features, labels, prover.committed[0], OPENINGS - 1)


def verify_enrolment(statement: EnrolmentStatement, proof: bytes) -> VerifiedEnrolment:
    """Raises ProofRejected unless the bytes prove the statement."""
    return check_enrolment(statement, proof, Transcript(statement.transcript()))


def check_enrolment(statement: EnrolmentStatement, proof: bytes, challenger: Challenger) -> VerifiedEnrolment:
    """`verify_enrolment` against any challenger."""
    verifier = Verifier(challenger, statement.plan(), proof)
    verifier.run(lambda party: enrolment(party, statement, None), statement.config.security_bits)
    return VerifiedEnrolment(verifier.tableaux[0].root, verifier.soundness.bits)
