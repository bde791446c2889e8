"""Whole federations whose rounds clip the gradient of each record: what is summed, and who does not clip."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.engines.attacks.hospitals import LeavesUnclipped, ScalesUpdate
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.run_folder import RunFolder
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.beacon import first_model
from proofward.federation.parties.auditor import Auditor
from proofward.layers.gradient_clipping.clipped_training import clipped_update
from proofward.layers.rules.schedule import schedule
from proofward.relations.rules.config import RoundConfig
from proofward.relations.uploads.noise_seed import drawn_noise, public_words
from tests.federation.fakes import datasets, plan
from tests.relations.private_cases import full_batch, privacy, private_rules

pytestmark = pytest.mark.slow
UNCLIPPED, SCALED = "hospital-1", "hospital-2"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Six hospitals with real proofs: one does not clip, one scales its update."""
    folder = tmp_path_factory.mktemp("private")
    made = plan(hospitals=6, verifiers=1, rounds=1, threshold=1)
    old, own = made.config, privacy(clip_bits=1)
    config = RoundConfig(
        old.model, old.scales, full_batch(), own.clip_bound, old.holders, old.threshold,
        old.security_bits, old.weak_security_for_tests, privacy=own,
    )  # fmt: skip
    made = replace(made, config=config)
    parties = Parties(hospitals={UNCLIPPED: LeavesUnclipped, SCALED: ScalesUpdate})
    drawn: dict[bytes, np.ndarray] = {}

    def noting(privacy, words, public):
        drawn[public.tobytes()] = drawn_noise(privacy, words, public)
        return drawn[public.tobytes()]

    with mock.patch("proofward.relations.proofs.prove.drawn_noise", noting):
        engine = InProcessFederation(folder, made, datasets(made), seed=b"s", parties=parties, workers=1)
        return engine, engine.run(), datasets(made), drawn, folder


def test_who_does_not_clip_is_refused_and_named_and_nobody_else(attacked):
    engine, result, _, _, folder = attacked
    assert result.finished and {fault.culprit for fault in result.faults} == {UNCLIPPED, SCALED}
    assert {fault.check for fault in result.faults} == {"column queries"}
    accepted = engine.aggregator.history.closed[0].accepted.record.hospitals
    assert accepted == ("hospital-0", "hospital-3", "hospital-4", "hospital-5")
    verdicts = list(Auditor(folder / "ledger", RelationProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []


def test_the_model_takes_one_step_along_the_mean_of_clipped_gradients_and_noise(attacked):
    engine, result, data, drawn, _ = attacked
    config, history = engine.rules.config, engine.aggregator.history
    closed = history.closed[0]
    weights = integers_from_bytes(first_model(engine.rules, history.sharing.beacon), config.model.parameters)
    total, rows, clipped = np.zeros_like(weights), 0, 0
    for name in closed.accepted.record.hospitals:
        features, labels = data[name]
        order = schedule(closed.beacon, name, len(labels), config.training)
        assert sorted(order[0][: len(labels)]) == list(range(len(labels)))
        about = config.model, config.scales, config.training, config.privacy
        own = clipped_update(*about, weights, features, labels, order)
        shared = public_words(engine.rules.digest, 1, closed.attempt, name, closed.beacon, len(weights))
        noise = drawn[shared.tobytes()]
        assert np.abs(noise).max() > 1000
        total, rows = total + own.update + noise, rows + len(labels)
        clipped += int((own.clipped.shortfall[: len(labels)] > 0).sum())
    assert 0 < clipped < rows
    mean = [round_half_up(int(entry) << 24, rows << 10) for entry in total]
    step = [round_half_up(entry * 12 * 16, 1 << (10 - 1)) for entry in mean]  # k = 24 - 6 - 8, C = 2
    expected = [int(weight) - own for weight, own in zip(weights, step, strict=True)]
    assert result.weights.tolist() == expected and any(step)


def round_half_up(value: int, divisor: int) -> int:
    return (2 * value + divisor) // (2 * divisor)


@pytest.mark.parametrize(("widths", "zeros"), [((5, 2), True), ((5, 4, 2), False)])
def test_one_layer_starts_from_zeros_and_several_do_not(tmp_path, widths, zeros):
    config = private_rules(widths)
    made = replace(plan(hospitals=3, verifiers=1, rounds=1, threshold=1), config=config)
    weights = integers_from_bytes(first_model(RunFolder(tmp_path).rules(made), bytes(32)), config.model.parameters)
    assert (not weights.any()) is zeros
