"""The forger proves what is true, so that what it is refused for is what it cheats about."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.engines.attacks.forger import Cheat, forge_round, random_update, scaled
from proofward.layers.networks.initial_weights import initial_weights
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement
from tests.federation.fakes import datasets, plan

DIGESTS = (b"", b"1" * 32, b"2" * 32)


@pytest.fixture(scope="module")
def enrolled():
    """The statement of a first round and the secret behind it."""
    agreed, rng = plan(hospitals=3, threshold=1), np.random.default_rng(5).bytes
    config: RoundConfig = agreed.config
    features, labels = datasets(agreed)["hospital-0"]
    enrolment = EnrolmentStatement(bytes(32), "hospital-0", len(labels), 4, config)
    _, secret = prove_enrolment(enrolment, features, labels, rng)
    statement = RoundStatement(
        consortium=bytes(32),
        config=config,
        round=1,
        attempt=0,
        hospital="hospital-0",
        rows=len(labels),
        weight_shift=config.weight_shift(len(labels)),
        beacon=b"b" * 32,
        dataset_root=secret.root,
        initial_weights=initial_weights(config.model, config.scales, b"test"),
    )
    return statement, secret, rng


@pytest.mark.slow
def test_without_a_cheat_the_forger_is_an_honest_prover(enrolled):
    statement, secret, rng = enrolled
    ciphertext, proof = forge_round(statement, secret, DIGESTS, rng, Cheat())
    assert verify_round(statement, ciphertext, DIGESTS, proof).dataset_root != secret.root


@pytest.mark.parametrize("name", ["features", "all labels", "one label", "batches", "random", "scaled"])
def test_every_cheat_gets_to_the_opened_columns_and_no_further(enrolled, name):
    statement, secret, rng = enrolled
    one = secret.labels.copy()
    one[statement.schedule()[0, 0]] ^= 1
    cheat = {
        "features": Cheat(features=np.roll(secret.features, 1, axis=1)),
        "all labels": Cheat(labels=1 - secret.labels),
        "one label": Cheat(labels=one),
        "batches": Cheat(batches=np.roll(statement.schedule(), 1, axis=1)[::-1]),
        "random": Cheat(change=random_update(statement, rng)),
        "scaled": Cheat(change=scaled(10)),
    }[name]
    ciphertext, proof = forge_round(statement, secret, DIGESTS, rng, cheat)
    with pytest.raises(ProofRejected) as refused:
        verify_round(statement, ciphertext, DIGESTS, proof)
    assert refused.value.check == "column queries"
