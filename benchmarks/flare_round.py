"""Seconds of a round on FLARE beside the same round in one process: what the engine adds to our own work.

    python benchmarks/flare_round.py [--smallest]

Three hospitals that also verify, one verifier more, a server; mutual TLS on localhost; breast cancer records,
MLP 30-32-2. Both engines draw everything from the same seed, so that they compute the same: the models are
compared. In one process the parties work one after another on the same cores: its round is the work itself.
The first round is left out, since it waits for what is imported and compiled.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from _machine import print_result
from _sites import fewest_processes, terms
from crash_matrix import SEED

from proofward.cli.run.demos.sites import read_ledger
from proofward.engines.in_process import InProcessFederation
from proofward.engines.local import LocalConsortium
from proofward.federation.messages.events import Event
from proofward.federation.messages.records.catalogue import RoundClosed
from proofward.report.audits.run_audit import RunAudit
from proofward.report.demonstrations.scenario import Scenario, make_scenario

HOSPITALS, TIMEOUT = 3, 1800.0


def in_process(scenario: Scenario, folder: Path) -> tuple[list[float], bytes]:
    """Seconds of each round, and the last model's digest."""
    closed = [time.perf_counter()]

    def observe(event: Event) -> None:
        if (event.kind, event.subject) == ("recorded", "enrolment-closed"):
            closed[0] = time.perf_counter()
        elif (event.kind, event.subject) == ("recorded", RoundClosed.kind):
            closed.append(time.perf_counter())

    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    engine = InProcessFederation(folder, scenario.plan, records, seed=SEED, observe=observe)
    assert engine.run().finished
    return [after - before for before, after in pairwise(closed)], engine.aggregator.history.model


def on_flare(scenario: Scenario, folder: Path, smallest: bool) -> tuple[list[float], bytes, float, bool]:
    """Seconds of each round, the last model's digest, seconds in all, whether the audit passes."""
    local = LocalConsortium(folder)
    if smallest:
        fewest_processes(local)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    start = time.perf_counter()
    local.create(terms(scenario, smallest), scenario.plan.initial_model, records, SEED)
    try:
        local.start_all()
        local.wait(TIMEOUT)
    finally:
        local.stop_all()
    seconds = time.perf_counter() - start
    lines = map(json.loads, (local.server.root / "log.jsonl").read_text().splitlines())
    times = [
        datetime.fromisoformat(line["time"]).timestamp()
        for line in lines
        if line["kind"] == "recorded" and line["subject"] in ("enrolment-closed", RoundClosed.kind)
    ]
    rules = local.server.rules
    assert rules is not None
    model = read_ledger(local.ledger, rules).history.model
    audit = all(verdict.passed for verdict in RunAudit(local.ledger).run())
    return [after - before for before, after in pairwise(times)], model, seconds, audit


def main() -> None:
    """Runs both; exit code 1 when the models differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="two rounds of the tiny preset")
    options = parser.parse_args()
    preset, rounds = ("tiny", 2) if options.smallest else ("wdbc", 6)
    scenario = make_scenario(preset, HOSPITALS, rounds, 0, HOSPITALS + 1)
    folder = Path(tempfile.mkdtemp())
    try:
        flare, model, seconds, audit = on_flare(scenario, folder / "flare", options.smallest)
        own, expected = in_process(scenario, folder / "in-process")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    outside, inside = statistics.median(flare[1:]), statistics.median(own[1:])
    print_result(
        "flare_round",
        preset=preset,
        rounds=rounds,
        same_model=model == expected,
        audit_passes=audit,
        seconds_from_provisioning_to_the_end=round(seconds, 1),
        seconds_a_round={"flare": round(outside, 2), "one process": round(inside, 2)},
        engine_overhead_seconds_a_round=round(outside - inside, 2),
        rounds_on_flare=[round(value, 2) for value in flare],
        rounds_in_one_process=[round(value, 2) for value in own],
    )
    if model != expected or not audit:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
