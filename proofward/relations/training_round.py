"""One round of one hospital: local training, its update, and the update's ciphertext, in one proof.

What is proved: the hospital ran T steps of fixed-point SGD from the public weights W_0 on rows of its
enrolled dataset in the order that the beacon draws; the
update of that training, weighted by the enrolled number of rows, clipped and requantised, is what the public
ciphertext encrypts; the key of the ciphertext is
shared by the polynomial that the published values are of. The dataset is committed to afresh and proved equal
to the earlier commitment.
Hidden: data, weights after W_0, the update, its norm, whether it was clipped, losses and predictions.

Message order: root of the earlier dataset commitment (in the statement), roots of the fresh one and of the
witness; equality of the datasets; the lookups;
layer by layer from the input the relation of the ReLU or the head, the rounding of the forward sums, then of
the backward sums; the update; the encryption; the
opening. Soundness: the sum of the sources that the script enters, see `RoundStatement.plan`. Hiding:
`proof.party`, `proof.opening`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.lattice.sampler import MaskContext
from proofward.layers.ranges import RangeChecks
from proofward.layers.trace import TrainingTrace
from proofward.proof.lookup import LookupArgument
from proofward.proof.party import Party
from proofward.proof.tableau import CommittedTableau
from proofward.relations.blocks import blocks_of
from proofward.relations.dataset import DatasetColumns, DatasetShape, SelectedRows
from proofward.relations.encryption import EncryptionRelation, EncryptionWitness, ShareBinding
from proofward.relations.round_statement import RoundStatement
from proofward.relations.training import TrainingRelation
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


def training_round(
    party: Party, statement: RoundStatement, ciphertext: Array, witness: RoundWitness | None
) -> ShareBinding:
    """The script."""

    def known() -> RoundWitness:
        assert witness is not None
        return witness

    config, rows, model = statement.config, statement.rows, statement.config.model
    data_shape = DatasetShape(rows, model.widths[0])
    features, labels = (
        (lambda: data_shape.pad_features(known().features)),
        (lambda: data_shape.pad_labels(known().labels)),
    )
    previous = DatasetColumns.declare(party, data_shape, features, labels)
    party.reopen("previous dataset", statement.dataset_root, lambda: known().previous)
    dataset = DatasetColumns.declare(party, data_shape, features, labels)
    party.commit("dataset")

    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, config.scales.table_bits)
    training = TrainingRelation.declare(ranges, statement, lambda: known().trace)
    blocks = blocks_of(model)
    update = UpdateRelation.declare(party, ranges, config, rows, blocks, lambda: known().update)
    encryption = EncryptionRelation.declare(
        party, ranges, blocks, config.threshold, lambda: known().encryption
    )
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    previous.assert_equal(party, dataset)
    lookups.prove()
    steps = config.training.steps_for(rows)
    training.prove(
        party,
        SelectedRows(dataset, statement.schedule()),
        lambda layers: update.prove(party, layers, steps),
    )
    return encryption.prove(party, MaskContext(statement.beacon, statement.round), ciphertext, update.updates)
