"""Dishonest hospitals in rounds whose counts have noise: one adds none, one draws it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from proofward.engines.attacks.forger import Columns, Forger
from proofward.federation.history.proving.proof_jobs import ProvedRound
from proofward.federation.history.sharing.complaints import Sealed
from proofward.federation.messages.basics.values import integers_from_bytes, words_to_bytes
from proofward.federation.parties.equipment.counting import secret_name
from proofward.federation.parties.hospital import Hospital
from proofward.field.goldilocks import random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND, RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.proof.party import Party
from proofward.proof.transcript import Transcript
from proofward.relations.counting_rounds.counting_round import CountingWitness, counting_round
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.evaluations.evaluation_round import EvaluationWitness, evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.evaluation_proof import counted, opened_by, sample_classes
from proofward.relations.proofs.measure import UploadStatement, plan_of, secret_words_of
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.uploads.count_noise import words_of
from proofward.relations.uploads.encryption import EncryptionWitness
from proofward.relations.uploads.key_shares import Digests
from proofward.relations.uploads.noise_seed import SEED_BYTES, NoiseSecret

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]
Statement = CountingStatement | EvaluationStatement


def drawn(statement: Statement, noise: NoiseSecret) -> Signed:
    """The noise that some words give in an attempt."""
    assert statement.counting.levels is not None
    return statement.counting.levels.drawn(noise.words, words_of(statement))


def forge_noise(
    statement: Statement,
    counts: Signed,
    secret: DatasetSecret | None,
    committed: NoiseSecret,
    told: tuple[NoiseSecret, Signed],
    digests: Digests,
    rng: Rng,
) -> tuple[Array, bytes]:
    """(ciphertext, proof) of the true statement for true counts and false noise; `digests` of any shares.

    committed: the words whose root is in the statement. told: those that it proves with, and what it adds.
    """

    def run(noise: NoiseSecret, added: Signed, honest: Columns | None) -> tuple[Array, bytes, Columns]:
        threshold, message = statement.config.threshold, counts + added
        made = encrypt(MaskContext(statement.beacon, statement.round), message, LARGEST_BOUND - 1, rng)
        coefficients = random_field(threshold * RING_DEGREE, rng).reshape(threshold, RING_DEGREE)
        key, words = EncryptionWitness(made.secret, made.error, coefficients), made.ciphertext
        forger = Forger(Transcript(statement.transcript(words)), plan_of(statement), rng, honest)

        def script(party: Party) -> None:
            if isinstance(statement, CountingStatement):
                witness = CountingWitness(counts, key, noise)
                counting_round(party, statement, words, lambda _: digests, witness)
                return
            assert secret is not None
            own = EvaluationWitness(
                secret.features,
                secret.labels,
                secret.commitment,
                counted(statement, secret.features, secret.labels)[0],
                sample_classes(statement, secret.labels),
                counts,
                key,
                noise,
            )
            evaluation_round(party, statement, words, lambda _: digests, own)

        return words, forger.run(script), forger.columns

    _, _, honest = run(committed, drawn(statement, committed), None)
    words, proof, _ = run(*told, honest)
    return words, proof


class _ForgesNoise(Hospital):
    """Counts rightly, and forges a proof of another noise."""

    def prove_upload(self, statement: UploadStatement) -> tuple[ProvedRound, Sealed]:
        """An honest upload, with ciphertext and proof exchanged for the forgery's where counts have noise."""
        made, sealed = super().prove_upload(statement)
        seed = self.noise_seed(statement)
        if seed is None or not isinstance(statement, CountingStatement | EvaluationStatement):
            return made, sealed
        counting, rng = statement.counting, self.source("forgery", statement.beacon)
        known, about, header = None, statement, b""
        kept = made.counts or self.state.secrets.get(secret_name(statement.round)) or b""
        counts = integers_from_bytes(kept, counting.length)
        assert counts is not None
        if isinstance(statement, EvaluationStatement):
            stored = self.state.secrets.get(f"dataset/{statement.dataset_root.hex()}")
            assert stored is not None
            known = DatasetSecret.from_bytes(stored)
            about, honest = opened_by(statement, made.proof)
            header = made.proof[: len(made.proof) - len(honest)]
        committed = secret_words_of(about.config, about.rows, counting, seed)
        told = self.told(about, committed, rng)
        words, proof = forge_noise(about, counts, known, committed, told, made.sealed_shares, rng)
        return replace(made, ciphertext=words_to_bytes(words), proof=header + proof), sealed

    def told(self, statement: Statement, committed: NoiseSecret, rng: Rng) -> tuple[NoiseSecret, Signed]:
        """The words that it proves with, and what it adds."""
        raise NotImplementedError


class SkipsCountNoise(_ForgesNoise):
    """Encrypts its counts as they are."""

    def told(self, statement: Statement, committed: NoiseSecret, rng: Rng) -> tuple[NoiseSecret, Signed]:
        """No noise."""
        return committed, np.zeros(statement.counting.length, dtype=np.int64)


class DrawsCountNoiseAgain(_ForgesNoise):
    """Draws the noise of its counts from another seed than the one that it has committed to."""

    def told(self, statement: Statement, committed: NoiseSecret, rng: Rng) -> tuple[NoiseSecret, Signed]:
        """Fresh words."""
        seed = rng(SEED_BYTES)
        other = secret_words_of(statement.config, statement.rows, statement.counting, seed)
        return other, drawn(statement, other)
