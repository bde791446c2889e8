"""Small counting rounds and evaluations whose counts have noise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND
from proofward.lattice.sampler import MaskContext
from proofward.layers.networks.network import Network, mlp
from proofward.layers.rules.subgroup import Subgroup
from proofward.proof.prover import Prover
from proofward.relations.proofs.counts_proof import verify_counts
from proofward.relations.proofs.evaluation_proof import verify_evaluation
from proofward.relations.proofs.measure import secret_words_of
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.uploads.count_noise import words_of
from proofward.relations.uploads.noise_seed import NoiseSecret
from tests.proof.cheats import Recorder
from tests.proof.toy import seeded
from tests.relations import counting_cases, evaluation_cases
from tests.relations.cases import NOISE_SEED, Array, Signed

VARIANCE = 90
COUNTS, EVALUATION, CLASSES = "counts", "evaluation", "evaluation of three classes"
LEVELS = "evaluation of three classes and two subgroups"
LAYOUT = ScoreLayout(2, 6, 1, (Subgroup("sign", ("above",), 0),))
OF_THREE = ScoreLayout(3, 4, 1)
GROUPED = replace(OF_THREE, subgroups=(*LAYOUT.subgroups, Subgroup("stain", ("HE", "IHC"), 2)))
LAYOUTS = {EVALUATION: LAYOUT, CLASSES: OF_THREE, LEVELS: GROUPED}
THREE = mlp((5, 4, 3))
Made = Any
"""`Counted` or `Evaluated`."""


def noisy(counting: Counting) -> Counting:
    """The same with noise."""
    return replace(counting, noise=VARIANCE, spends=1)


def secret_of(statement: Any, seed: bytes = NOISE_SEED) -> NoiseSecret:
    """What a hospital makes of a seed for a statement."""
    return secret_words_of(statement.config, statement.rows, statement.counting, seed)


def with_root(statement: Any, counting: Counting) -> Any:
    """The statement about counts with noise, with the root of the usual seed."""
    root = secret_words_of(statement.config, statement.rows, counting, NOISE_SEED).root
    return replace(statement, counting=counting, noise_root=root)


@cache
def honest(kind: str) -> Made:
    """Counts and what is encrypted of them."""
    if kind == COUNTS:
        statement = counting_cases.statement_of()
        return encrypting(counting_cases.counted(statement=with_root(statement, noisy(statement.counting))))
    network = evaluation_cases.MLP if kind == EVALUATION else THREE
    return encrypting(evaluated(network, evaluation_cases.ROWS, LAYOUTS[kind]))


def evaluated(network: Network, rows: int, layout: ScoreLayout) -> Made:
    """An evaluation with noise whose ciphertext is not yet that of it."""
    statement = evaluation_cases.statement_of(network, rows, layout)
    return evaluation_cases.evaluated(with_root(statement, noisy(statement.counting)))


def drawn(statement: Any, noise: NoiseSecret) -> Signed:
    """What some words give."""
    return statement.counting.levels.drawn(noise.words, words_of(statement))  # type: ignore[no-any-return]


def encrypting(made: Made, message: Signed | None = None, noise: NoiseSecret | None = None) -> Made:
    """With the encryption of a message, or of the counts with their noise."""
    about, own = made.statement, noise or secret_of(made.statement)
    told = made.witness.counts + drawn(about, own) if message is None else message
    fresh = encrypt(MaskContext(about.beacon, about.round), told, LARGEST_BOUND - 1, seeded(3))
    key = replace(made.witness.encryption, secret=fresh.secret, error=fresh.error)
    return replace(made, witness=replace(made.witness, encryption=key, noise=own), ciphertext=fresh.ciphertext)


def proof_of(made: Made, prover: type[Prover] = Prover) -> tuple[Array, Any, bytes]:
    """What a prover says."""
    of_counts = isinstance(made, counting_cases.Counted)
    return counting_cases.says(made, prover) if of_counts else evaluation_cases.says(made, prover)


def verified(made: Made, said: tuple[Array, Any, bytes]) -> Any:
    """What a verifier learns; raises ProofRejected."""
    of_counts = isinstance(made, counting_cases.Counted)
    return (verify_counts if of_counts else verify_evaluation)(made.statement, *said)


@cache
def honest_columns(kind: str) -> dict[tuple[int, int], Array]:
    """The columns of an honest proof."""
    proof_of(honest(kind), Recorder)
    return dict(Recorder.last.columns)
