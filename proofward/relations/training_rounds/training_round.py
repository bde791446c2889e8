"""One round of one hospital: local training, its update, and the update's ciphertext, in one proof.

What is proved: the hospital ran T steps of fixed-point SGD from the public weights W_0 on rows of its
enrolled dataset in the order that the beacon draws. The update of that training, weighted by the enrolled
number of rows, clipped and rounded, is what the public ciphertext encrypts; with differential privacy, its
sum with the noise that is drawn from secret words of which the statement has the root. The key of the
ciphertext is shared by the polynomial that the published values are of, and its sealed shares are those of
that polynomial or fail their check. The dataset is committed to afresh and proved equal to the earlier
commitment.

Hidden: data, weights after W_0, the update, its norm, whether it was clipped, losses and predictions.

Messages:
    root of the earlier dataset commitment (in the statement), roots of the fresh one and of the witness; with
        privacy that of the noise words (in the statement) before that of the witness
    the digests of the sealed shares and the values of the sharing polynomial     (uploads/key_shares.py)
    equality of the datasets
    the lookups; of virtual columns the values where they end
    layer by layer from the input: the forward sums, then the backward sums; the head
    the update                                                                    (training_rounds/update.py)
        or, with differential privacy, the sum of clipped gradients       (training_rounds/private_update.py)
    the ring equation of the ciphertext                                           (uploads/encryption.py)
    the opening

Soundness: the sum of the sources that the script enters, see `relations.proofs.measure.round_plan`.
How it hides: `proof.party`, `proof.commitment.contract`, `relations.uploads.key_shares`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.lattice.sampler import MaskContext
from proofward.layers.affine_layers.affine import AffineRelation
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.columns.stack import Shape
from proofward.layers.gradient_clipping.clipped_training import ClippedUpdate
from proofward.layers.local_training.trace import TrainingTrace
from proofward.proof.commitment.contract import Committed
from proofward.proof.lookup import LookupArgument
from proofward.proof.party import Party
from proofward.relations.records.dataset import DatasetColumns, DatasetShape, SelectedRows
from proofward.relations.rules.blocks import Block, blocks_of
from proofward.relations.rules.clipped_rule import ClippedRule
from proofward.relations.rules.noise_levels import NoiseLevels
from proofward.relations.training_rounds.private_update import PrivateUpdate
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training import TrainingRelation
from proofward.relations.training_rounds.update import UpdateRelation, UpdateWitness
from proofward.relations.uploads.encryption import EncryptionRelation, EncryptionWitness
from proofward.relations.uploads.key_shares import Digests, ShareBinding, bind_shares
from proofward.relations.uploads.noise import NoiseRelation
from proofward.relations.uploads.noise_seed import NoiseSecret

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RoundWitness:
    """All that a hospital knows of its round."""

    features: Signed
    labels: Signed
    previous: Committed
    trace: TrainingTrace
    update: UpdateWitness | ClippedUpdate
    encryption: EncryptionWitness
    noise: NoiseSecret | None = None


def training_round(
    party: Party,
    statement: RoundStatement,
    ciphertext: Array,
    digests: Callable[[list[Ext]], Digests],
    witness: RoundWitness | None,
) -> ShareBinding:
    """The script; `digests` are those of the sealed shares, see `bind_shares`."""

    def known() -> RoundWitness:
        assert witness is not None
        return witness

    config, rows, model = statement.config, statement.rows, statement.config.model
    data_shape = DatasetShape(rows, model.record, model.head.labels)
    previous, dataset = DatasetColumns.committed_afresh(
        party,
        data_shape,
        statement.dataset_root,
        lambda: data_shape.pad_features(known().features),
        lambda: data_shape.pad_labels(model.head.encode(known().labels)),
        lambda: known().previous,
    )
    blocks = blocks_of(model)
    noise = None
    if config.privacy is not None:
        noise = NoiseRelation.reopen(
            party,
            NoiseLevels.of_updates(config.privacy),
            blocks,
            statement.noise_root,
            statement.public_words,
            lambda: known().noise,
        )

    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, config.scales.table_bits)
    training = TrainingRelation.declare(ranges, statement, lambda: known().trace)
    update = declare_update(ranges, statement, training.shape, blocks, lambda: known().update)
    messages = update.updates if noise is None else noise.added_to(ranges, update.updates)
    encryption = EncryptionRelation.declare(
        ranges, blocks, config.threshold, ciphertext, messages, lambda: known().encryption,
        by_cubes=noise is not None,
    )  # fmt: skip
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    binding = bind_shares(party, encryption.coefficients, config.holders, digests)
    previous.assert_equal(party, dataset)
    lookups.prove()
    training.prove(
        party,
        SelectedRows(dataset, cache(statement.schedule)),
        lambda layers: prove_update(party, update, statement, layers),
    )
    encryption.prove(party, MaskContext(statement.beacon, statement.round))
    return binding


def declare_update(
    ranges: RangeChecks,
    statement: RoundStatement,
    shape: Shape,
    blocks: list[Block],
    witness: Callable[[], UpdateWitness | ClippedUpdate],
) -> UpdateRelation | PrivateUpdate:
    """What the training is turned into: its clipped update, or the sum of clipped gradients."""
    rule = statement.rule

    def of_update() -> UpdateWitness:
        own = witness()
        assert isinstance(own, UpdateWitness)
        return own

    def of_gradients() -> ClippedUpdate:
        own = witness()
        assert isinstance(own, ClippedUpdate)
        return own

    if isinstance(rule, ClippedRule):
        return PrivateUpdate.declare(ranges, rule, shape, blocks, of_gradients)
    return UpdateRelation.declare(ranges.party, ranges, rule, blocks, of_update)


def prove_update(
    party: Party,
    update: UpdateRelation | PrivateUpdate,
    statement: RoundStatement,
    layers: list[AffineRelation],
) -> None:
    """All claims on the layers' gradients that the update makes."""
    if isinstance(update, PrivateUpdate):
        update.prove(party, layers)
        return
    config = statement.config
    update.prove(party, layers, config.training.steps_for(statement.rows), config.model.update_units)
