"""Targets of the tamper benchmark from federations whose rounds count: entries, and a proof of counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _live_targets import upload_target
from _targets import VERIFIER, Intercepting, Target, of_each_kind

from proofward.encoding import decode
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.history.proving.statements import counting_statement
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.messages.wire import MAX_WIRE_BYTES, Packet
from proofward.federation.parties.equipment.counting import CountingTask
from proofward.relations.counting_rounds.counting_round import counting_round
from proofward.relations.proofs.measure import counting_plan
from proofward.relations.rules.counting import Counting, untrained

COUNTERS = tuple(f"hospital-{index}" for index in range(3))
ASKED = Counting("ages", "what every entry counts", 6, 10, (1,), (3, 3), 3)


def counting_targets(directory: Path, seen: set[str]) -> Iterator[Target]:
    """Entries of the kinds that only rounds of counts have, and the proof of one hospital's counts."""
    closed = _federation(directory / "closed", Intercepting("", ""))
    if not closed.run().finished:
        raise RuntimeError("the federation that counts did not finish")
    yield from of_each_kind(closed, seen)
    network = Intercepting(COUNTERS[1], Upload.kind)
    engine = _federation(directory / "live", network)
    engine.run(lambda: engine.aggregator.history.phase == UPLOAD and bool(network.kept))
    packet = decode(network.kept[0], Packet, max_bytes=MAX_WIRE_BYTES)
    statement = counting_statement(engine.aggregator.history, COUNTERS[1], ASKED)
    yield upload_target("counts proof", packet, statement, counting_plan, counting_round)


def _federation(directory: Path, network: Intercepting) -> InProcessFederation:
    """Three hospitals that count once; the first publishes its own counts."""
    config = untrained(len(COUNTERS), 1)
    least = usual_updates(len(COUNTERS), 1)
    plan = Plan("tamper", COUNTERS, (VERIFIER,), 1, least, 1, config, counting=(ASKED,))
    counts = dict.fromkeys(COUNTERS, _own_counts)
    return InProcessFederation(
        directory, plan, {}, seed=b"tamper", network=network, counts=counts, publishing=COUNTERS[:1]
    )


def _own_counts(task: CountingTask) -> np.ndarray:
    return np.array([4, 3, 0, 0, 5, 0], dtype=np.int64)
