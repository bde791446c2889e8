"""The same federation on the real proofs: exactly federated averaging, and cheats are refused."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.beacon import first_model
from proofward.federation.parties.auditor import Auditor
from proofward.layers.local_training.training import train
from proofward.layers.rules.schedule import schedule
from tests.federation.fakes import datasets, plan

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("remembered")]

ATTACKER = "hospital-1"


def averaged(agreed, data, weights, rounds):
    """Federated averaging in the clear, with the batches that the rounds' beacons drew."""
    config = agreed.config
    for closed in rounds:
        total, weight = np.zeros_like(weights), 0
        shift = config.weight_shift(max(len(labels) for _, labels in data.values()))
        for name in closed.accepted.record.hospitals:
            features, labels = data[name]
            order = schedule(closed.beacon, name, len(labels), config.training)
            update = train(
                config.model, config.scales, config.training, weights, features, labels, order
            ).update
            rule = config.update_rule(len(labels), shift)
            total += rule.submit(update)[1]
            weight += rule.weight
        weights, _ = config.model_rule.following(weights, (), total, weight)
    return weights


def test_the_model_is_that_of_federated_averaging(tmp_path):
    agreed = plan(hospitals=3, verifiers=1, rounds=2, threshold=1)
    data = datasets(agreed)
    engine = InProcessFederation(tmp_path, agreed, data, seed=b"s", workers=2)
    result = engine.run()
    assert result.finished and result.refusals == [] and result.faults == []
    history = engine.aggregator.history
    first = integers_from_bytes(first_model(engine.rules, history.sharing.beacon), 30)
    assert (result.weights == averaged(agreed, data, first, history.closed)).all()
    verdicts = list(Auditor(tmp_path / "ledger", RelationProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
    assert sum(verdict.check == "round-proof" for verdict in verdicts) == 6


@pytest.mark.parametrize(
    "name",
    [
        "flipped-labels",
        "skipped-training",
        "scaled-update",
        "wrong-row-count",
        "chosen-batches",
        "copied-proof",
        "swapped-ciphertext",
        "wrong-key-share",
    ],
)
def test_proofs_stop_a_dishonest_hospital(tmp_path, name):
    agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", parties=ATTACKS[name].parties(ATTACKER)
    )
    result = engine.run()
    assert result.finished and {fault.culprit for fault in result.faults} == {ATTACKER}
    assert ATTACKER not in engine.aggregator.history.closed[0].accepted.record.hospitals
    failed = [
        verdict for verdict in Auditor(tmp_path / "ledger", RelationProofs()).run() if not verdict.passed
    ]
    assert failed == []
