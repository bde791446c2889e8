"""Target of the tamper benchmark from a federation that proves what it counts: an evaluation's proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from _live_targets import upload_target
from _targets import FEW, VERIFIER, Intercepting, Target

from proofward.data.synthetic import make_synthetic
from proofward.encoding import decode
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.history.proving.statements import upload_statement
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.messages.wire import MAX_WIRE_BYTES, Packet
from proofward.layers.rules.subgroup import Subgroup
from proofward.models import preset
from proofward.relations.evaluations.evaluation_round import evaluation_round
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.rules.config import RoundConfig
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout

LAYOUT = ScoreLayout(2, 8, 1, (Subgroup("feature 1", ("above",), 0),))
ROWS = 16


def evaluation_targets(directory: Path) -> Iterator[Target]:
    """The proof of one hospital's counts, by level too, with rows of a patient left out."""
    network = Intercepting(FEW[1], Upload.kind)
    engine = _federation(directory, network)
    engine.run(lambda: engine.aggregator.history.phase == UPLOAD and bool(network.kept))
    history, objects = engine.aggregator.history, engine.aggregator.objects
    packet = decode(network.kept[0], Packet, max_bytes=MAX_WIRE_BYTES)
    statement = upload_statement(
        history, FEW[1], lambda: model_weights(history, objects, history.round.model)
    )
    yield upload_target("evaluation proof", packet, statement, evaluation_plan, evaluation_round)


def _federation(directory: Path, network: Intercepting) -> InProcessFederation:
    """Three hospitals whose first round evaluates the first model, patients of two records."""
    setup = preset("tiny")
    training = replace(setup.training, validation_share=500_000)
    config = RoundConfig(
        setup.model, setup.scales, training, setup.clip_bound, len(FEW), 1, most_rows=2 * ROWS
    )
    counting = counting_of(LAYOUT, (1,), proved=True, left_out=1)
    least = usual_updates(len(FEW), 1)
    plan = Plan("tamper", FEW, (VERIFIER,), 1, least, 2, config, counting=(counting,))
    records = [make_synthetic(ROWS + index, 4, index, setup.scales) for index in range(len(FEW))]
    data = {
        name: (own.features, own.labels, np.arange(len(own), dtype=np.int64) // 2)
        for name, own in zip(FEW, records, strict=True)
    }
    return InProcessFederation(directory, plan, data, seed=b"tamper", network=network)
