"""One round of one hospital: local training, its update, and the update's ciphertext, in one proof.

What is proved: the hospital ran T steps of fixed-point SGD from the public weights W_0 on rows of its enrolled dataset in the order that the beacon draws; the
update of that training, weighted by the enrolled number of rows, clipped and requantised, is what the public ciphertext encrypts; the key of the ciphertext is
shared by the polynomial that the published values are of. The dataset is committed to afresh and proved equal to the earlier commitment.
Hidden: data, weights after W_0, the update, its norm, whether it was clipped, losses and predictions.

Message order: root of the earlier dataset commitment (in the statement), roots of the fresh one and of the witness; equality of the datasets; the lookups;
layer by layer from the input the relation of the ReLU or the head, the rounding of the forward sums, then of the backward sums; the update; the encryption; the
opening. Soundness: the sum of the sources that the script enters, see `RoundStatement.plan`. Hiding: `proof.party`, `proof.opening`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.lattice.sampler import MaskContext
from proofward.layers.linear import LinearRelation, pad_weights
from proofward.layers.model import padded
from proofward.layers.ranges import RangeChecks
from proofward.layers.relu import ReluRelation
from proofward.layers.stack import Gradient, Input, Shape, Units
from proofward.layers.trace import TrainingTrace
from proofward.layers.two_class_head import TwoClassRelation
from proofward.proof.forms import Form, Point
from proofward.proof.lookup import Linear, LookupArgument
from proofward.proof.party import Party
from proofward.proof.tableau import CommittedTableau
from proofward.relations.blocks import blocks_of
from proofward.relations.dataset import DatasetColumns, DatasetShape, SelectedRows
from proofward.relations.encryption import EncryptionRelation, EncryptionWitness, ShareBinding
from proofward.relations.round_statement import RoundStatement
from proofward.relations.update import UpdateRelation, UpdateWitness

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RoundWitness:
    """All that a hospital knows of its round."""

    features: Signed
    labels: Signed
    previous: CommittedTableau
    trace: TrainingTrace
    update: UpdateWitness
    encryption: EncryptionWitness


def training_round(party: Party, statement: RoundStatement, ciphertext: Array, witness: RoundWitness | None) -> ShareBinding:
    """The script."""

    def known() -> RoundWitness:
        assert witness is not None
        return witness

    config, rows = statement.config, statement.rows
    scales, model = config.scales, config.model
    shape = Shape(
        config.training.padded_steps(rows).bit_length() - 1,
        config.training.batch.bit_length() - 1,
    )

    data_shape = DatasetShape(rows, model.widths[0])
    features, labels = (lambda: data_shape.pad_features(known().features)), (lambda: data_shape.pad_labels(known().labels))
    previous = DatasetColumns.declare(party, data_shape, features, labels)
    party.reopen("previous dataset", statement.dataset_root, lambda: known().previous)
    dataset = DatasetColumns.declare(party, data_shape, features, labels)
    party.commit("dataset")

    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, scales.table_bits)
    hidden = [
        ReluRelation.declare(
            party, ranges, scales, shape, f"layer {i + 1}", padded(width).bit_length() - 1, lambda i=i: known().trace.hidden[i]
        )
        for i, width in enumerate(model.widths[1:-1])
    ]
    head = TwoClassRelation.declare(party, ranges, scales, shape, lambda: known().trace.head)
    blocks = blocks_of(model)
    update = UpdateRelation.declare(party, ranges, config, rows, blocks, lambda: known().update)
    encryption = EncryptionRelation.declare(party, ranges, blocks, config.threshold, lambda: known().encryption)
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    previous.assert_equal(party, dataset)
    lookups.prove()
    selected = SelectedRows(dataset, statement.schedule())
    layers = linear_relations(statement, shape, selected, hidden, head)
    for index, relation in enumerate(hidden):
        relation.prove(party)
        _prove_rounding(party, shape, scales.weight_bits, layers[index], Linear(((1, relation.pre_activation),)), relation.remainder)
        _prove_backward_rounding(party, shape, scales.weight_bits, layers[index + 1], relation)
    head.prove(party, scales, lambda point, claim: selected.assert_labels(party, point, claim))
    step, sample = _split(shape, party.challenges(shape.log_samples))
    claim = _rounded(Linear(((1, head.logit_difference),)), head.remainder, scales.weight_bits, (*step, *sample))
    layers[-1].prove_forward(party, step, sample, TwoClassRelation.difference_units(), claim)
    update.prove(party, layers, config.training.steps(rows))
    return encryption.prove(party, MaskContext(statement.beacon, statement.round), ciphertext, update.updates)


def linear_relations(
    statement: RoundStatement, shape: Shape, selected: SelectedRows, hidden: list[ReluRelation], head: TwoClassRelation
) -> list[LinearRelation]:
    """The linear layers, joined to the columns that they read and whose gradients they have."""
    inputs: list[Input] = [selected, *(relation.activation for relation in hidden)]
    gradients: list[Gradient] = [*(relation.delta for relation in hidden), head]
    config = statement.config
    return [
        LinearRelation(shape, *pad_weights(weights, biases), config.training.rate, config.scales.activation_bits, x, g)
        for (weights, biases), x, g in zip(config.model.unflatten(statement.initial_weights), inputs, gradients, strict=True)
    ]


def _split(shape: Shape, point: Point) -> tuple[Point, Point]:
    return point[: shape.log_steps], point[shape.log_steps :]


def _rounded(quotient: Linear, remainder: Linear, bits: int, point: Point) -> Form:
    """The exact sum that was rounded: 2^fw Q + R - 2^(fw-1)."""
    return quotient.at(point) * (1 << bits) + remainder.at(point) - (1 << (bits - 1))


def _prove_rounding(party: Party, shape: Shape, bits: int, layer: LinearRelation, quotient: Linear, remainder: Linear) -> None:
    """Z + 2^(fw-1) = 2^fw Q + R at one random point; log(size) / |E|."""
    point = party.challenges(quotient.log_size)
    party.soundness.add("forward sums", "Schwartz-Zippel", len(point))
    step, sample = _split(shape, point[: shape.log_samples])
    claim = _rounded(quotient, remainder, bits, point)
    layer.prove_forward(party, step, sample, Units.at(point[shape.log_samples :]), claim)


def _prove_backward_rounding(party: Party, shape: Shape, bits: int, above: LinearRelation, relation: ReluRelation) -> None:
    """Z_back + 2^(fw-1) = 2^fw G + R' at one random point; log(size) / |E|."""
    point = party.challenges(relation.gradient.log_size)
    party.soundness.add("backward sums", "Schwartz-Zippel", len(point))
    step, sample = _split(shape, point[: shape.log_samples])
    claim = _rounded(Linear(((1, relation.gradient),)), relation.gradient_remainder, bits, point)
    above.prove_backward(party, step, sample, point[shape.log_samples :], claim)
