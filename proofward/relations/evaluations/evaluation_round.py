"""One hospital's histogram of scores on its validation part, and its ciphertext, in one proof.

What is proved: the public ciphertext encrypts, entry by entry, the counts that `score_counts` has of
    the rows of the validation part of the committed dataset, without the public number left out at each end,
    the forward pass of the round's public model on them, in the integers of training, and
    their labels in that dataset.
Of subgroups it encrypts the counts of each level of which there are enough records, by the features of the
dataset that say of which level a record is (`level_codes`, `told_levels`). It encrypts nothing behind the
last count. With noise each count is encrypted as its sum with the noise that is drawn from secret words, of
which the statement has the root (`noise`, `count_noise`). The key of the ciphertext is shared by the
polynomial that the published values are of, and its sealed shares are those of that polynomial or fail their
check. The dataset is committed to afresh and proved equal to the earlier commitment.

Hidden: data, scores, bins, and the counts, unless the statement has them: then they are proved to be those
that are encrypted.

Messages:
    root of the earlier dataset commitment (in the statement), roots of the fresh one and of the witness; with
        noise that of its words (in the statement) before that of the witness
    the digests of the sealed shares and the values of the sharing polynomial     (uploads/key_shares.py)
    equality of the datasets
    the lookups; of virtual columns the values where they end, of the samples' classes among them
    verifier: a point of the samples, where scores are looked at                  (evaluations/score_bins.py)
    of three and more classes the division by the sum of exponentials             (evaluations/class_bins.py)
    the forward pass                                                           (networks/forward_relation.py)
    the labels                                                                    (records/dataset.py)
    of subgroups the features of levels, and what is told        (evaluations/level_codes.py, level_counts.py)
    the ring equation of the ciphertext                                           (uploads/encryption.py)
    verifier: where counts are published, a point of each block             (evaluations/published_counts.py)
    the opening

The samples are the counted rows in the order of the ring, and records of zeros without a label up to a power
of two, which the public selection of rows makes: no row of the dataset is selected there.

Soundness: the sum of the sources that the script enters, see `relations.proofs.measure.evaluation_plan`. Why
the counts are these and no others: `score_bins` and `class_bins` for the bins, `score_histogram` and
`class_histogram` for their numbers.
How it hides: `proof.party`, `proof.commitment.contract`, `relations.uploads.key_shares`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.lattice.sampler import MaskContext
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.proof.commitment.contract import Committed
from proofward.proof.lookup import LookupArgument
from proofward.proof.party import Party
from proofward.relations.evaluations.counted_scores import KnownScores, counted_scores
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.evaluations.levels_of_subgroups import LevelsOfSubgroups
from proofward.relations.evaluations.published_counts import prove_published
from proofward.relations.networks.forward_relation import ForwardRelation, PassWitness
from proofward.relations.records.dataset import DatasetColumns, DatasetShape, SelectedRows
from proofward.relations.uploads.count_noise import CountNoise, reopened
from proofward.relations.uploads.encryption import EncryptionRelation, EncryptionWitness
from proofward.relations.uploads.key_shares import Digests, ShareBinding, bind_shares
from proofward.relations.uploads.noise_seed import NoiseSecret

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EvaluationWitness:
    """All that a hospital knows: its records, the forward pass and the classes of all samples, and a key.

    counts: the whole vector, of which those of subgroups' levels are committed to.
    """

    features: Signed
    labels: Signed
    previous: Committed
    forward: PassWitness
    classes: Signed
    counts: Signed
    encryption: EncryptionWitness
    noise: NoiseSecret | None = None


def evaluation_round(
    party: Party,
    statement: EvaluationStatement,
    ciphertext: Array,
    digests: Callable[[list[Ext]], Digests],
    witness: EvaluationWitness | None,
) -> ShareBinding:
    """The script; `digests` are those of the sealed shares, see `bind_shares`."""

    def known() -> EvaluationWitness:
        assert witness is not None
        return witness

    config, model, about = statement.config, statement.config.model, statement.forward_pass
    shape = DatasetShape(statement.rows, model.record, model.head.labels)
    previous, dataset = DatasetColumns.committed_afresh(
        party,
        shape,
        statement.dataset_root,
        lambda: shape.pad_features(known().features),
        lambda: shape.pad_labels(model.head.encode(known().labels)),
        lambda: known().previous,
    )
    relation = reopened(party, statement, lambda: known().noise)

    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, config.scales.table_bits)
    forward = ForwardRelation.declare(ranges, about, lambda: known().forward)
    scores = counted_scores(
        ranges, statement, KnownScores(lambda: known().forward.sums[-1], lambda: known().classes)
    )
    selected = SelectedRows(dataset, lambda: statement.selection, 1 << about.log_records)
    levels = LevelsOfSubgroups.declare(ranges, statement, scores, selected, lambda: known().counts)
    blocks = [*scores.blocks, *(own.block for own in levels.counts)]
    encrypted = [*scores.encrypted, *levels.counts]
    if relation is not None:
        noise = CountNoise.declare(ranges, relation)
        encrypted = [noise.added_to(*own) for own in zip(blocks, encrypted, strict=True)]
    encryption = EncryptionRelation.declare(
        ranges, blocks, config.threshold, ciphertext, encrypted, lambda: known().encryption
    )
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    binding = bind_shares(party, encryption.coefficients, config.holders, digests)
    previous.assert_equal(party, dataset)
    lookups.prove()
    point, logits, claim = scores.logits(party)
    forward.prove(party, statement.weights, selected.inputs, point, logits, claim)
    scores.claims.prove(selected)
    levels.prove(party)
    encryption.prove(party, MaskContext(statement.beacon, statement.round))
    if statement.published:
        prove_published(party, blocks, encrypted, statement.published)
    return binding
