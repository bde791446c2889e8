"""Scripts of which `test_affine_hull` compares the openings: an enrolment, rounds of both kinds, a prediction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from proofward.field.extension import Ext
from proofward.layers.networks.network import mlp
from proofward.layers.rules.subgroup import Subgroup
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter, Plan
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Coins
from proofward.relations.counting_rounds.counting_round import counting_round
from proofward.relations.evaluations.evaluation_round import EvaluationWitness, evaluation_round
from proofward.relations.predictions.inference import InferenceWitness, inference
from proofward.relations.predictions.predict import prove_prediction
from proofward.relations.records.enrolment import EnrolmentStatement, enrolment
from proofward.relations.rules.blocks import blocks_of
from proofward.relations.rules.config import RoundConfig
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.training_rounds.training_round import RoundWitness, training_round
from proofward.relations.uploads.noise_seed import NoiseSecret, secret_columns
from tests.proof.hull import Array
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations import noisy_count_cases
from tests.relations.cases import CONSORTIUM, config, make_case, records, round_witness
from tests.relations.counting_cases import counted
from tests.relations.evaluation_cases import enrolled, evaluated, statement_of
from tests.relations.inference_cases import NETWORKS, public_model, some_records, witness_of
from tests.relations.retelling import Script, dimension, real, simulated

DIGESTS = (b"", b"1" * 32, b"2" * 32)
NOTHING: Any = None
NOTHING_DRAWN = NoiseSecret(NOTHING, NOTHING)
RULES = config(widths=(1, 2), batch=1, steps=1)
ROWS, SPARE = 2, 8
ENROLMENT_CODE = CodeParameters(log_k=5, log_n=7, queries=2, openings=1)
PREDICTION_CODE = CodeParameters(log_k=5, log_n=7, queries=2, openings=1)
ROUND_CODE = CodeParameters(log_k=6, log_n=8, queries=2, openings=1)


@dataclass(frozen=True)
class Instance:
    """A script with witnesses of it, and without one."""

    plan: Plan
    witnesses: dict[str, Script]
    nothing: Script

    @property
    def dimension(self) -> int:
        return dimension(self.plan)

    def real(self, witness: str, prover: type[Prover] = Prover) -> tuple[list[Ext], Array]:
        return real(self.witnesses[witness], self.plan, self.dimension + SPARE, prover)

    def simulated(self, said: list[Ext]) -> Array:
        return simulated(self.nothing, self.plan, self.dimension + SPARE, said)


def enrolment_instance() -> Instance:
    """An enrolment of two records with one feature."""
    statement = EnrolmentStatement(CONSORTIUM, "h1", ROWS, 1, RULES)

    def script(known: Any) -> Script:
        return lambda party: enrolment(party, statement, known) and None

    witnesses = {
        "small": script(records(RULES, ROWS, 1, 3)),
        "large": script(records(RULES, ROWS, 2, 900)),
    }
    return Instance(Counter(Ligero(ENROLMENT_CODE)).run(script(None)), witnesses, script(None))


def round_instance(rules: RoundConfig = RULES) -> Instance:
    """A round of one step on two records, by a network without a hidden layer unless other rules are given."""
    case = make_case(rules, ROWS)
    statement = case.statement
    witness, encryption = round_witness(case, seeded(1))
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", ROWS, rules.model.features, rules)
    known = (case.features, case.labels)

    def enrol(party: Party) -> None:
        enrolment(party, enrolled, known)

    first = Prover(Coins(COINS), Counter(Ligero(ROUND_CODE)).run(enrol), seeded(1))
    enrol(first)
    reopened = replace(witness, previous=first.committed[0])
    if witness.noise is not None:
        columns = secret_columns(blocks_of(rules.model), witness.noise.words)
        words = Ligero(ROUND_CODE).commit(columns, seeded(2))
        reopened = replace(reopened, noise=replace(witness.noise, commitment=words))

    def script(own: Any) -> Script:
        return lambda party: (
            training_round(party, statement, encryption.ciphertext, lambda _: DIGESTS, own) and None
        )

    nothing: Any = None
    absent = RoundWitness(nothing, nothing, nothing, nothing, nothing, nothing, NoiseSecret(nothing, nothing))
    return Instance(Counter(Ligero(ROUND_CODE)).run(script(None)), {"records": script(reopened)}, script(absent))


def counting_instance(noise: bool = False) -> Instance:
    """Counts in two groups, whose sums are within the rows."""
    made = under_round_code(noisy_count_cases.honest(noisy_count_cases.COUNTS)) if noise else counted()

    def script(known: Any) -> Script:
        return lambda party: (
            counting_round(party, made.statement, made.ciphertext, lambda _: DIGESTS, known) and None
        )

    plan = Counter(Ligero(ROUND_CODE)).run(script(None))
    absent = replace(made.witness, counts=NOTHING, encryption=NOTHING, noise=NOTHING_DRAWN)
    return Instance(plan, {"counts": script(made.witness)}, script(absent))


def under_round_code(made: Any) -> Any:
    """With the commitment to its words of noise made again by the small code."""
    words = made.witness.noise.words
    commitment = Ligero(ROUND_CODE).commit(secret_columns([made.statement.counting.block], words), seeded(2))
    noise = replace(made.witness.noise, commitment=commitment)
    return replace(made, witness=replace(made.witness, noise=noise))


def evaluation_instance(noise: bool = False, classes: int = 2) -> Instance:
    """An evaluation of one row of two, by a network without a hidden layer, with a subgroup."""
    network = mlp((1, classes))
    layout = ScoreLayout(classes, 2, 1, (Subgroup("sign", ("above",), 0),))
    if noise:
        made = under_round_code(noisy_count_cases.encrypting(noisy_count_cases.evaluated(network, ROWS, layout)))
    else:
        made = evaluated(statement_of(network, ROWS, layout))
    about, secret = made.statement.config, enrolled(network, ROWS)[1]
    enrolled_as = EnrolmentStatement(CONSORTIUM, "h1", ROWS, 1, about)
    known = (secret.features, secret.labels)

    def enrol(party: Party) -> None:
        enrolment(party, enrolled_as, known)

    first = Prover(Coins(COINS), Counter(Ligero(ROUND_CODE)).run(enrol), seeded(1))
    enrol(first)
    reopened = replace(made.witness, previous=first.committed[0])

    def script(own: Any) -> Script:
        return lambda party: (
            evaluation_round(party, made.statement, made.ciphertext, lambda _: DIGESTS, own) and None
        )

    absent = EvaluationWitness(*[NOTHING] * 7, NOTHING_DRAWN)
    return Instance(Counter(Ligero(ROUND_CODE)).run(script(None)), {"records": script(reopened)}, script(absent))


def prediction_instance() -> Instance:
    """A prediction for two pictures of one window each, by a model that gives all of them one score."""
    network = NETWORKS["window"]
    model = public_model(network, np.zeros(network.parameters, dtype=np.int64))
    made = [prove_prediction(model, some_records(network, ROWS, seed), seeded(seed)) for seed in (1, 2)]
    statement = made[0].statement
    assert np.array_equal(statement.scores, made[1].statement.scores)

    def script(known: Any) -> Script:
        return lambda party: inference(party, statement, known)

    witnesses = {}
    for name, own in zip(("one", "other"), made, strict=True):
        column = own.opening.column(statement.forward_pass)
        commitment = Ligero(PREDICTION_CODE).commit([column], seeded(5))
        witnesses[name] = script(replace(witness_of(own)[1], commitment=commitment))
    nothing: Any = None
    absent = script(InferenceWitness(nothing, nothing, nothing))
    return Instance(Counter(Ligero(PREDICTION_CODE)).run(script(None)), witnesses, absent)
