"""A whole federation that protects hospitals: whole updates with noise are summed, and who adds none is named."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.engines.attacks.hospitals import SkipsNoise
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.beacon import first_model
from proofward.federation.parties.auditor import Auditor, _in_words
from proofward.layers.averaging.weighting import ALL_ALIKE
from proofward.layers.rules.privacy import HOSPITAL, Privacy
from proofward.relations.uploads.noise_seed import drawn_noise
from tests.federation.fakes import datasets, plan

PRIVACY = Privacy(0, 1000, releases=2, records_a_patient=1, colluders=1, inverse_delta=10**5, granularity=HOSPITAL)
LIAR = "hospital-2"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Five hospitals with real proofs, one of which adds no noise to its update."""
    folder, made = tmp_path_factory.mktemp("hospitals"), plan(hospitals=5, verifiers=1, rounds=1, threshold=1)
    config = replace(made.config, weighting=ALL_ALIKE, privacy=PRIVACY, clip_bound=PRIVACY.clip_bound, least_rows=0, most_rows=0)
    made, drawn, updates = replace(made, config=config), [], []
    honestly = RelationProofs.prove_round

    def noting(privacy, words, public):
        drawn.append(drawn_noise(privacy, words, public))
        return drawn[-1]

    def proving(proofs, statement, *known, **others):
        from proofward.relations.proofs.prove import worked_out

        updates.append((statement.hospital, worked_out(statement, *datasets(made)[statement.hospital])[2]))
        return honestly(proofs, statement, *known, **others)

    with (
        mock.patch("proofward.relations.proofs.prove.drawn_noise", noting),
        mock.patch.object(RelationProofs, "prove_round", proving),
    ):
        parties = Parties(hospitals={LIAR: SkipsNoise})
        engine = InProcessFederation(folder, made, datasets(made), seed=b"s", parties=parties, workers=1)
        return engine, engine.run(), drawn, updates, folder


@pytest.mark.slow
def test_who_adds_no_noise_is_refused_and_named_and_nobody_else(attacked):
    engine, result, _, _, folder = attacked
    assert result.finished and {(fault.culprit, fault.check) for fault in result.faults} == {(LIAR, "column queries")}
    assert [str(own) for own in Auditor(folder / "ledger", RelationProofs()).run() if not own.passed] == []
    assert engine.aggregator.history.releases == {name: 1 for name in engine.hospitals if name != LIAR}
    assert "for each hospital with all its records" in _in_words(engine.rules)


@pytest.mark.slow
def test_the_model_moves_by_the_mean_of_updates_and_noise_all_of_one_weight(attacked):
    engine, result, drawn, updates, _ = attacked
    config, history = engine.rules.config, engine.aggregator.history
    weights = integers_from_bytes(first_model(engine.rules, history.sharing.beacon), config.model.parameters)
    assert [name for name, _ in updates] == list(engine.hospitals) and len(drawn) == 5
    pairs = zip(updates, drawn, strict=True)
    total = sum(update + noise for (name, update), noise in pairs if name != LIAR)
    assert np.abs(total).max() > 1000
    mean = [(2 * (int(own) << 24) + (4 << 10)) // (8 << 10) for own in total]  # k = 24 bits, M = 2^10
    assert result.weights.tolist() == [int(own) + step for own, step in zip(weights, mean, strict=True)]
