"""A whole federation that trains a convolutional network with differential privacy, with real proofs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.attacks.hospitals import LeavesOneUnclipped
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.parties.auditor import Auditor
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.relations.rules.config import RoundConfig
from tests.federation.fakes import plan
from tests.relations.private_cases import full_batch, privacy

pytestmark = pytest.mark.slow
DISHONEST, SIDE = "hospital-2", 4
LAYERS = [
    {"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1},
    {"kind": "relu_maxpool2d"},
    {"kind": "linear", "outputs": 2},
]


def pictures(names: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Bright above or below."""
    random, made = np.random.default_rng(3), {}
    for index, name in enumerate(names):
        labels = np.arange(5 + index, dtype=np.int64) % 2
        bright = np.repeat([[1, 0], [0, 1]], SIDE * SIDE // 2, axis=1)[labels]
        made[name] = random.integers(0, 40, bright.shape) + 100 * bright, labels
    return made


def test_a_hospital_that_does_not_clip_one_picture_is_refused_and_nobody_else(tmp_path):
    made = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    old, own = made.config, privacy(clip_bits=-3)
    config = RoundConfig(
        chain((1, SIDE, SIDE), LAYERS), FixedPoint(gradient_range_bits=6), full_batch(8), own.clip_bound,
        old.holders, old.threshold, old.security_bits, old.weak_security_for_tests, privacy=own,
    )  # fmt: skip
    made = replace(made, config=config)
    parties = Parties(hospitals={DISHONEST: LeavesOneUnclipped})
    data = pictures(made.hospitals)
    engine = InProcessFederation(tmp_path, made, data, seed=b"p", parties=parties, workers=1)
    result = engine.run()
    assert result.finished and [(fault.culprit, fault.check) for fault in result.faults] == [
        (DISHONEST, "column queries")
    ]
    accepted = engine.aggregator.history.closed[0].accepted.record.hospitals
    assert accepted == ("hospital-0", "hospital-1", "hospital-3") and result.weights.any()
    verdicts = list(Auditor(tmp_path / "ledger", RelationProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
