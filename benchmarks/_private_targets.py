"""Targets of the tamper benchmark from private federations: their entries, and the proof of a round."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from _live_targets import upload_target
from _targets import VERIFIER, Intercepting, Target, of_each_kind

from proofward.data.synthetic import make_synthetic
from proofward.encoding import decode
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.history.proving.statements import round_statement
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.messages.wire import MAX_WIRE_BYTES, Packet
from proofward.layers.rules.model import Training
from proofward.layers.rules.privacy import Privacy
from proofward.models import preset
from proofward.relations.proofs.measure import round_plan
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.training_round import training_round

PRIVATE = tuple(f"hospital-{index}" for index in range(3))
PRIVACY = Privacy(0, 1000, releases=2, records_a_patient=1, colluders=1, inverse_delta=10**5)


def private_targets(directory: Path, seen: set[str]) -> Iterator[Target]:
    """Entries of the kinds that only private rounds have, and the proof of one hospital's round."""
    closed = _federation(directory / "closed", Intercepting("", ""))
    if not closed.run().finished:
        raise RuntimeError("the private federation did not finish")
    yield from of_each_kind(closed, seen)
    network = Intercepting(PRIVATE[1], Upload.kind)
    engine = _federation(directory / "live", network)
    engine.run(lambda: engine.aggregator.history.phase == UPLOAD and bool(network.kept))
    history, objects = engine.aggregator.history, engine.aggregator.objects
    packet = decode(network.kept[0], Packet, max_bytes=MAX_WIRE_BYTES)
    statement = round_statement(history, PRIVATE[1], model_weights(history, objects, history.round.model))
    yield upload_target("private round proof", packet, statement, round_plan, training_round)


def _federation(directory: Path, network: Intercepting) -> InProcessFederation:
    """Three hospitals, one round of one clipped step with noise."""
    setup = preset("tiny")
    training = Training(rate=12, batch=16, steps=1, full_batch=True)
    config = RoundConfig(
        setup.model, setup.scales, training, PRIVACY.clip_bound, len(PRIVATE), 1, privacy=PRIVACY
    )
    plan = Plan("tamper", PRIVATE, (VERIFIER,), 1, usual_updates(len(PRIVATE), 1), 1, config)
    records = [make_synthetic(8 + index, 4, index, setup.scales) for index in range(len(PRIVATE))]
    data = {name: (own.features, own.labels) for name, own in zip(PRIVATE, records, strict=True)}
    return InProcessFederation(directory, plan, data, seed=b"tamper", network=network)
