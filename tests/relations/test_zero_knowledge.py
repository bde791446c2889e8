"""Enrolment and round: simulated conversations are accepted, and real ones are as uniform as those."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from proofward.field.goldilocks import random_field
from proofward.lattice.parameters import RING_DEGREE
from proofward.layers.rules.model import FixedPoint
from proofward.proof.commitment.ligero.simulated import OpenedColumns, SimulatedTableau
from proofward.proof.errors import ProofRejected
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import check_round, prove_round, verify_round
from proofward.relations.records.enrolment import check_enrolment, enrolment, enrolment_plan, verify_enrolment
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training_round import RoundWitness, training_round
from proofward.relations.uploads.noise_seed import NoiseSecret
from tests.proof.identities import identities_hold
from tests.proof.tableaux import code_of, tableau_rows
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS, Sample, differences, flaws
from tests.relations.cases import Case, config, make_case, round_witness, sealed
from tests.relations.noise_cases import private_case
from tests.relations.pooled_cases import pooled_rules

COUNT = 16
DIGESTS = (b"", b"1" * 32, b"2" * 32)


def simulated_enrolment(case: Case, seed: int, coins: bytes = COINS) -> bytes:
    """A conversation without records."""
    party = Simulator(Coins(coins), enrolment_plan(case.enrolment), seeded(seed))
    return party.run(lambda own: enrolment(own, case.enrolment, None))


def simulated_round(case: Case, seed: int, coins: bytes = COINS) -> tuple[RoundStatement, np.ndarray, bytes]:
    """A round without records, training or key, about a ciphertext of uniform words."""
    rng, plan = seeded(seed), round_plan(case.statement)
    previous = SimulatedTableau(tableau_rows(plan)[0], code_of(plan).n, rng)
    statement = replace(case.statement, dataset_root=previous.tree.root)
    ciphertext = random_field(case.result.ciphertext.size, rng)
    nothing = cast(Any, None)
    noise = None
    if case.config.privacy is not None:
        words = SimulatedTableau(tableau_rows(plan)[2], code_of(plan).n, rng)
        statement = replace(statement, noise_root=words.tree.root)
        noise = NoiseSecret(nothing, cast(Any, words))
    witness = RoundWitness(nothing, nothing, cast(Any, previous), nothing, nothing, nothing, noise)
    party = Simulator(Coins(coins), plan, rng)
    told = party.run(lambda own: training_round(own, statement, ciphertext, lambda _: DIGESTS, witness))  # type: ignore[arg-type,return-value]
    return statement, ciphertext, told


def test_a_simulated_enrolment_is_accepted(case: Case) -> None:
    told = simulated_enrolment(case, 1)
    # but for the number of siblings, which depends on the queries
    assert len(told) == pytest.approx(len(case.enrolment_proof), rel=0.03)
    assert check_enrolment(case.enrolment, told, Coins(COINS)).soundness_bits >= 40
    for coins in (b"", b"other coins"):
        with pytest.raises(ProofRejected):
            check_enrolment(case.enrolment, told, Coins(coins))
    with pytest.raises(ProofRejected):
        verify_enrolment(case.enrolment, told)


def test_a_simulated_round_is_accepted(case: Case) -> None:
    statement, ciphertext, told = simulated_round(case, 1)
    assert len(told) == pytest.approx(len(case.result.proof), rel=0.03)
    verified = check_round(statement, ciphertext, DIGESTS, told, Coins(COINS))
    assert verified.soundness_bits >= 40
    for coins in (b"", b"other coins"):
        with pytest.raises(ProofRejected):
            check_round(statement, ciphertext, DIGESTS, told, Coins(coins))
    with pytest.raises(ProofRejected):
        verify_round(statement, ciphertext, DIGESTS, told)


def assert_simulated(case: Case) -> None:
    """A round without a witness is accepted with the coins that it was made for, and as long as a real one."""
    statement, ciphertext, told = simulated_round(case, 1)
    assert len(told) == pytest.approx(len(case.result.proof), rel=0.03)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    with pytest.raises(ProofRejected):
        check_round(statement, ciphertext, DIGESTS, told, Coins(b"other coins"))


def test_a_simulated_round_with_noise_is_accepted() -> None:
    assert_simulated(private_case())


def test_a_simulated_round_with_ranges_of_single_layers_is_accepted() -> None:
    scales = FixedPoint(activation_ranges=(8, 11), gradient_ranges=(9, 4))
    case = make_case(config(widths=(4, 3, 3, 2), scales=scales, batch=2, steps=2), rows=4, spread=1000)
    assert_simulated(case)


@pytest.mark.slow
def test_a_simulated_round_of_a_pooled_network_is_accepted() -> None:
    case = make_case(pooled_rules((1, 5, 4), outputs=2, kernel=2, batch=2, steps=2), rows=4)
    assert_simulated(case)


@pytest.mark.slow
def test_real_and_simulated_columns_agree_with_all_polynomials(case: Case) -> None:
    """What a simulator may not miss: the identities that tie opened columns to p and q in real proofs."""
    plan, known = enrolment_plan(case.enrolment), (case.features, case.labels)

    def enrol(party: Party, witness: Any = None) -> None:
        enrolment(party, case.enrolment, witness)

    real = Prover(Coins(COINS), plan, seeded(1)).run(lambda party: enrol(party, known))
    for told in (real, simulated_enrolment(case, 1)):
        assert identities_hold(told, enrol, plan)

    witness, encryption = round_witness(case, seeded(1))

    def prove(party: Party) -> None:
        training_round(party, case.statement, encryption.ciphertext, lambda _: DIGESTS, witness)

    real = Prover(Coins(COINS), round_plan(case.statement), seeded(2)).run(prove)
    simulated = simulated_round(case, 1)
    for statement, ciphertext, told in ((case.statement, encryption.ciphertext, real), simulated):

        def script(party: Party, about: Any = statement, words: Any = ciphertext) -> None:
            training_round(party, about, words, lambda _: DIGESTS, None)

        assert identities_hold(told, script, round_plan(statement))


@pytest.mark.parametrize("left_out", ["agree_with_linear_polynomial", "agree_with_quotient"])
def test_detects_a_simulator_that_leaves_out_an_identity(
    case: Case, left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenedColumns, left_out, lambda columns, claims: None)
    told = simulated_enrolment(case, 1)
    assert not identities_hold(
        told, lambda party: enrolment(party, case.enrolment, None), enrolment_plan(case.enrolment)
    )


def enrolment_sample(case: Case, first: int) -> Sample:
    plan = enrolment_plan(case.enrolment)
    known = (case.features, case.labels)
    told = [
        Prover(Coins(COINS), plan, seeded(first + i)).run(lambda own: enrolment(own, case.enrolment, known))
        for i in range(COUNT)
    ]
    return Sample.of(told, lambda party: enrolment(party, case.enrolment, None), plan)


@pytest.fixture(scope="module")
def two_datasets() -> tuple[Case, Case]:
    """Small records, and others near the ends of the range with the other labels."""
    rules = config(security=20, clip=64)
    small, large = make_case(rules, seed=1, spread=3), make_case(rules, seed=2, spread=900)
    assert not (small.labels == large.labels).all()
    return small, large


@pytest.mark.slow
def test_enrolments_of_two_datasets_are_alike(two_datasets: tuple[Case, Case]) -> None:
    small, large = two_datasets
    told = [simulated_enrolment(small, 900 + i) for i in range(COUNT)]
    plan = enrolment_plan(small.enrolment)
    simulated = Sample.of(told, lambda party: enrolment(party, small.enrolment, None), plan)
    one, two = enrolment_sample(small, 0), enrolment_sample(large, 100)
    for sample in (simulated, one, two):
        assert flaws(sample) == {}
    assert differences(one, two) == {}
    assert differences(one, simulated) == {}


def round_sample(case: Case, first: int) -> Sample:
    """Rounds of a case, each under a fresh key and on a fresh commitment, that of the reopened one excepted."""
    statement, plan = case.statement, round_plan(case.statement)
    witness, encryption = round_witness(case, seeded(first))

    def script(party, known):  # type: ignore[no-untyped-def]
        training_round(party, statement, encryption.ciphertext, lambda _: DIGESTS, known)

    told = []
    for i in range(COUNT):
        rng = seeded(first + 1 + i)
        coefficients = random_field(case.config.threshold * RING_DEGREE, rng).reshape(-1, RING_DEGREE)
        known = replace(witness, encryption=replace(witness.encryption, coefficients=coefficients))
        told.append(Prover(Coins(COINS), plan, rng).run(lambda own: script(own, known)))
    return Sample.of(told, lambda own: script(own, None), plan)


def fresh(sample: Sample) -> Sample:
    """Without the reopened tableau, which is one and the same in all rounds of the sample."""
    return Sample(
        {kind: words for kind, words in sample.kinds.items() if not kind.endswith("previous dataset")}
    )


@pytest.mark.slow
def test_rounds_of_two_datasets_are_alike(two_datasets: tuple[Case, Case]) -> None:
    samples = [fresh(round_sample(case, 100 * i)) for i, case in enumerate(two_datasets)]
    for sample in samples:
        assert len(sample.kinds) > 50
        assert flaws(sample) == {}
    assert differences(*samples) == {}


@pytest.mark.slow
def test_key_shares_are_uniform(case: Case) -> None:
    """Shares of one holder over proofs of one key are uniform words: with t of them the key is still hidden."""
    shares = [prove_round(case.statement, case.secret, seeded(3000 + i), sealed).shares[0] for i in range(8)]
    values = Sample({"shares": np.stack([share.values for share in shares])})
    assert flaws(values) == {}
    blinds = {(share.blind.c0, share.blind.c1) for share in shares}
    assert len(blinds) == 8
