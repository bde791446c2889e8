"""Small proved evaluations, honest ones and others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import numpy as np

from proofward.field.goldilocks import random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND, RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.layers.local_training.training import forward_pass
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, mlp
from proofward.proof.commitment.ligero.simulated import SimulatedTableau
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins, Transcript
from proofward.relations.evaluations.evaluation_round import EvaluationWitness, evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.networks.forward_relation import PassWitness
from proofward.relations.proofs.evaluation_proof import counted, sample_classes
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.rules.config import RoundConfig
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.uploads.encryption import EncryptionWitness
from proofward.relations.uploads.key_shares import Digests, deal_shares
from tests.proof.cheats import Recorder
from tests.proof.tableaux import code_of, tableau_rows
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import BEACON, CONSORTIUM, Array, Signed, config, records, sealed

ROWS, SHARE = 13, 400_000
"""Six rows of the part, and two samples that are none."""
LAYOUT = ScoreLayout(2, 6, 1)
"""Twelve cells in a table of sixteen."""
MLP = mlp((5, 4, 2))
DIGESTS = (b"", b"1" * 32, b"2" * 32)
"""Of sealed shares that nobody has sealed."""


def rules(network: Network = MLP, rows: int = ROWS, security: int = 40, **others: Any) -> RoundConfig:
    """Of hospitals with so many rows."""
    made = config(network=network, security=security, batch=2, **others)
    training = replace(made.training, validation_share=SHARE)
    return replace(made, training=training, least_rows=rows, most_rows=rows)


@cache
def enrolled(network: Network = MLP, rows: int = ROWS, security: int = 40) -> tuple[RoundConfig, DatasetSecret]:
    """The rules, and what a hospital keeps of its enrolment."""
    about = rules(network, rows, security)
    features, labels = records(about, rows)
    if (classes := network.head.classes) > 2:
        labels = np.arange(rows, dtype=np.int64) % classes
    statement = EnrolmentStatement(CONSORTIUM, "h1", rows, network.features, about)
    return about, prove_enrolment(statement, features, labels, seeded(1))[1]


def statement_of(
    network: Network = MLP, rows: int = ROWS, layout: ScoreLayout = LAYOUT, left_out: int = 0, security: int = 40
) -> EvaluationStatement:
    """Round 2 of hospital h1, by seeded weights twice as large; left_out: the most at each end."""
    about, secret = enrolled(network, rows, security)
    return EvaluationStatement(
        consortium=CONSORTIUM,
        config=about,
        counting=counting_of(layout, (2,), proved=True, left_out=left_out),
        round=2,
        attempt=0,
        hospital="h1",
        rows=rows,
        beacon=BEACON,
        validation_beacon=b"v" * 32,
        dataset_root=secret.root,
        weights=2 * initial_weights(about.model, about.scales, b"seed"),
    )


@dataclass(frozen=True)
class Evaluated:
    """What a prover has, and the ciphertext of its counts."""

    statement: EvaluationStatement
    witness: EvaluationWitness
    counts: Signed
    ciphertext: Array


def evaluated(
    statement: EvaluationStatement | None = None,
    *,
    secret: DatasetSecret | None = None,
    features: Signed | None = None,
    labels: Signed | None = None,
    rows: Signed | None = None,
    weights: Signed | None = None,
    change: Signed | int = 0,
) -> Evaluated:
    """An evaluation with parts exchanged, its counts those that follow, and then `change` added.

    secret: what the hospital keeps, of another one than `enrolled`. features, labels: of the whole dataset.
    rows: that are counted. weights: of the model.
    """
    about = statement or statement_of()
    secret = secret or enrolled(about.config.model, about.rows, about.config.security_bits)[1]
    x = secret.features if features is None else features
    y = secret.labels if labels is None else labels
    told = replace(about)
    if rows is not None:
        told.__dict__["selection"] = rows
    if weights is not None:
        object.__setattr__(told, "weights", weights)
    forward, counts = counted(told, x, y)
    counts = counts + change
    made = encrypt(MaskContext(about.beacon, about.round), counts, LARGEST_BOUND - 1, seeded(3))
    degree = about.config.threshold
    coefficients = random_field(degree * RING_DEGREE, seeded(4)).reshape(degree, RING_DEGREE)
    key = EncryptionWitness(made.secret, made.error, coefficients)
    classes = sample_classes(told, y)
    witness = EvaluationWitness(x, y, secret.commitment, forward, classes, counts, key)
    return Evaluated(about, witness, counts, made.ciphertext)


def with_sample(made: Evaluated, sample: int, features: Signed) -> Evaluated:
    """The forward pass of other features of one sample."""
    about = made.statement
    chosen = np.zeros((1 << about.forward_pass.log_records, features.size), dtype=np.int64)
    chosen[: len(about.selection)] = made.witness.features[about.selection]
    chosen[sample] = features
    passed = forward_pass(about.config.model, about.config.scales, about.weights, chosen)
    return replace(made, witness=replace(made.witness, forward=PassWitness(passed.sums, passed.own)))


def says(
    made: Evaluated, prover: type[Prover] = Prover, told: Digests | None = None
) -> tuple[Array, Digests, bytes]:
    """Ciphertext, digests of the sealed shares and a proof by any prover: what `verify_evaluation` takes.

    told: the digests, where they are not those of this key's shares.
    """
    about = made.statement
    party = prover(Transcript(about.transcript(made.ciphertext)), evaluation_plan(about), seeded(5))
    dealt: list[Digests] = []

    def digests(blinds):  # type: ignore[no-untyped-def]
        key = made.witness.encryption
        dealt.append(told or sealed(deal_shares(key.secret, key.coefficients, blinds, about.config.holders)))
        return dealt[0]

    proof = party.run(lambda own: evaluation_round(own, about, made.ciphertext, digests, made.witness) and None)
    return made.ciphertext, dealt[0], proof


def simulated(public: EvaluationStatement, size: int) -> tuple[EvaluationStatement, Array, bytes]:
    """An evaluation without records, counts or key, about a ciphertext of so many uniform words."""
    plan, rng = evaluation_plan(public), seeded(1)
    previous = SimulatedTableau(tableau_rows(plan)[0], code_of(plan).n, rng)
    statement = replace(public, dataset_root=previous.tree.root)
    words, nothing = random_field(size, rng), cast(Any, None)
    witness = EvaluationWitness(nothing, nothing, cast(Any, previous), nothing, nothing, nothing, nothing)
    party = Simulator(Coins(COINS), plan, rng)
    told = party.run(lambda own: evaluation_round(own, statement, words, lambda _: DIGESTS, witness) and None)
    return statement, words, told


@cache
def honest_columns() -> dict[tuple[int, int], Array]:
    """The columns of an honest proof."""
    says(evaluated(), Recorder)
    return dict(Recorder.last.columns)
