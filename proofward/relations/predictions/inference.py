"""A prediction: what a public model says of committed records, in one proof.

What is proved: the records of the commitment are in the inputs' range, everything else in its padded column
is 0, and the model's forward pass, as training computes it, gives each of them its public scores: of two
classes the rounded difference of the logits, of more the rounded logits (`layers.heads.head`). Hidden: the
records and all values of hidden layers.

Messages:
    root of the committed records (in the statement), root of the witness
    the lookups; of virtual columns the values where they end
    the zeros of the padding
    layer by layer from the input: the forward sums, at the points that the lookups of their remainders ended
    at, with what joins them (`joined_layers`); the last layer's likewise, with the public scores for what is
    rounded
    for each hidden layer its activations, at the points of all claims before

Uniqueness: as in training (`layers.activations.relu`), by induction over the layers. A score D is the
rounding of its integer z (a logit, or z = Z[1] - Z[0]), since R = z + 2^(fw-1) - 2^fw D is looked up in
[0, 2^fw), and neither |z| nor 2^fw |D| reaches 2^62 (`inference_statement`). Records behind the last are
zeros, whose scores everybody knows; classes that there are not have the logit 0.

Soundness: the sum of the sources that the script enters, see `inference_plan`.
How it hides: `proof.party`, `proof.commitment.contract`; the commitment is opened by one proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from proofward.field.multilinear import evaluate
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.columns.stack import Shape
from proofward.proof.commitment.contract import Committed
from proofward.proof.forms import Column, Form, Point
from proofward.proof.lookup import LinearCombination, LookupArgument
from proofward.proof.party import Party
from proofward.relations.networks.forward_relation import ForwardRelation, PassWitness
from proofward.relations.predictions.inference_statement import InferenceStatement
from proofward.relations.records.record_parts import Terms, part_inputs
from proofward.relations.records.zero_padding import Kept, assert_zero_outside

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class InferenceWitness:
    """What is hidden: the records' column, its commitment, and the exact sums of all layers, padded.

    own: those that a layer of a shortcut makes itself, by its index.
    """

    column: Array
    commitment: Committed
    sums: list[Signed]
    own: Mapping[int, Signed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordsColumn:
    """The committed records, of which the parts are Inputs of layers."""

    column: Column
    log_records: int

    def whole(self, party: Party) -> Array:
        return party.values(self.column).reshape(1 << self.log_records, -1)

    def assert_terms(self, party: Party, samples: Point, terms: Terms, claim: Form) -> None:
        for factor, point in terms:
            claim = claim - self.column.at((*samples, *point)) * factor
        party.assert_zero(claim)


@dataclass(frozen=True, slots=True)
class PublicScores:
    """The scores over (record, score), which everybody knows."""

    party: Party
    statement: InferenceStatement

    @property
    def log_size(self) -> int:
        about = self.statement.forward_pass
        return about.log_records + about.model.head.scored.log_size

    def at(self, point: Point) -> Form:
        """The multilinear extension of the scores."""
        return Form.of(self.party.public(lambda: evaluate(self.statement.padded_scores, point)))

    def values(self, of: Callable[[Column], Array]) -> Array:
        """The scores as an F-array."""
        del of
        return self.statement.padded_scores


def inference(party: Party, statement: InferenceStatement, witness: InferenceWitness | None) -> None:
    """The script; `witness` is a prover's."""

    def known() -> InferenceWitness:
        assert witness is not None
        return witness

    about = statement.forward_pass
    model, scales, shape = about.model, about.scales, Shape(0, about.log_records)
    size = about.log_records + model.record.log_size
    records = RecordsColumn(party.declare("records", size, lambda: known().column), about.log_records)
    party.reopen("records", statement.commitment, lambda: known().commitment)

    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, scales.table_bits)
    low, _ = scales.input_range
    ranges.require(LinearCombination(((1, records.column),), -low), scales.activation_range_bits)

    passed = ForwardRelation.declare(ranges, about, lambda: PassWitness(known().sums, known().own))
    head = Rounding.declare(
        ranges,
        "head",
        model.last_rounding(scales).divisor,
        PublicScores(party, statement),
        lambda: model.head.scored_sums(known().sums[-1]),
    )
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    lookups.prove()
    kept = Kept(about.records, about.log_records, model.record.sides, model.record.block)
    assert_zero_outside(party, records.column, kept)
    point, claim = head.claim
    sample, score = point[: shape.log_batch], point[shape.log_batch :]
    logits, inputs = model.head.scored_logits(score), part_inputs(records, model.record)
    passed.prove(party, statement.weights, inputs, sample, logits, claim)
