"""Dishonest hospitals in rounds whose counts are proved: each makes the model look better than it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from proofward.engines.attacks.forger import Columns, Forger
from proofward.federation.history.proving.proof_jobs import ProvedRound
from proofward.federation.history.sharing.complaints import Sealed
from proofward.federation.messages.basics.values import words_to_bytes
from proofward.federation.parties.hospital import Hospital
from proofward.field.goldilocks import random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND, RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.proof.party import Party
from proofward.proof.transcript import Transcript
from proofward.relations.evaluations.evaluation_round import EvaluationWitness, evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.evaluation_proof import counted, opened_by, sample_classes
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.uploads.encryption import EncryptionWitness
from proofward.relations.uploads.key_shares import Digests

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]


def forge_evaluation(
    statement: EvaluationStatement,
    secret: DatasetSecret,
    digests: Digests,
    rng: Rng,
    features: Signed,
    labels: Signed,
) -> tuple[Array, bytes]:
    """(ciphertext, proof) of the true statement for counts of other records; `digests` of any shares."""

    def run(records: Signed, told: Signed, honest: Columns | None) -> tuple[Array, bytes, Columns]:
        threshold = statement.config.threshold
        forward, counts = counted(statement, records, told)
        made = encrypt(MaskContext(statement.beacon, statement.round), counts, LARGEST_BOUND - 1, rng)
        coefficients = random_field(threshold * RING_DEGREE, rng).reshape(threshold, RING_DEGREE)
        witness = EvaluationWitness(
            records,
            told,
            secret.commitment,
            forward,
            sample_classes(statement, told),
            counts,
            EncryptionWitness(made.secret, made.error, coefficients),
        )
        words = made.ciphertext
        forger = Forger(Transcript(statement.transcript(words)), evaluation_plan(statement), rng, honest)

        def script(party: Party) -> None:
            evaluation_round(party, statement, words, lambda _: digests, witness)

        return words, forger.run(script), forger.columns

    _, _, honest = run(secret.features, secret.labels, None)
    words, proof, _ = run(features, labels, honest)
    return words, proof


class _Flatters(Hospital):
    """Proves the true statement as well as it can from other records."""

    def prove_evaluation(self, statement: EvaluationStatement, secret: bytes) -> tuple[ProvedRound, Sealed]:
        """An honest evaluation, with ciphertext and proof exchanged for the forgery's."""
        made, sealed = super().prove_evaluation(statement, secret)
        known, rng = DatasetSecret.from_bytes(secret), self.source("forgery", statement.beacon)
        about, honest = opened_by(statement, made.proof)
        words, forged = forge_evaluation(about, known, made.sealed_shares, rng, *self._told(about, known))
        proof = made.proof[: len(made.proof) - len(honest)] + forged
        return replace(made, ciphertext=words_to_bytes(words), proof=proof), sealed

    def _told(self, statement: EvaluationStatement, known: DatasetSecret) -> tuple[Signed, Signed]:
        """Features and labels of what it counts."""
        raise NotImplementedError


class ForgetsOneError(_Flatters):
    """Counts one record as if the model were right about it, though it is not, and forges a proof."""

    def _told(self, statement: EvaluationStatement, known: DatasetSecret) -> tuple[Signed, Signed]:
        return known.features, self._flattering(statement, known)

    @staticmethod
    def _flattering(statement: EvaluationStatement, known: DatasetSecret) -> Signed:
        """Its labels, but for the first of the part that the model has wrong (of none, the first)."""
        labels, chosen, config = known.labels.copy(), statement.selection, statement.config
        sums = counted(statement, known.features, labels)[0].sums[-1][: len(chosen)]
        head, rounding = config.model.head, config.model.last_rounding(config.scales)
        taken = head.chosen(head.scores(head.takes.unpad(sums), rounding))
        wrong = np.flatnonzero(taken != labels[chosen])
        place = wrong[0] if wrong.size else 0
        row = int(chosen[place])
        labels[row] = taken[place] if wrong.size else (labels[row] + 1) % head.classes
        return labels


class MovesToAnotherLevel(_Flatters):
    """Counts one record as one of another level of a subgroup than it is of, and forges a proof."""

    def _told(self, statement: EvaluationStatement, known: DatasetSecret) -> tuple[Signed, Signed]:
        """One record of the part is turned in the feature of the first level."""
        features, (subgroup, *_) = known.features.copy(), statement.layout.subgroups
        row, own = int(statement.selection[0]), features[:, subgroup.position]
        own[row] = -1 if own[row] > 0 else 1
        return features, known.labels


class CountsAnotherPart(Hospital):
    """Counts other rows than its validation part, those that another beacon would have drawn."""

    def prove_evaluation(self, statement: EvaluationStatement, secret: bytes) -> tuple[ProvedRound, Sealed]:
        """An honest proof of another statement."""
        other = replace(statement, validation_beacon=bytes(reversed(statement.validation_beacon)))
        return super().prove_evaluation(other, secret)
