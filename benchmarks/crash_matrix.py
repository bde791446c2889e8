"""kill -9 of server, hospital and verifier at persisted steps of a federation on FLARE, then a restart.

    python benchmarks/crash_matrix.py [--smallest] [--cells 4] [--seed 0]

Every cell is a whole run of real processes with mutual TLS on localhost. The party's processes kill
themselves right after the N-th commit to its state (or entry of the ledger), N drawn from the seed; then
`proofward start` is given again, as an operator would. A cell is good when the federation ends with the
model of an undisturbed run, the audit passes, and no member signed two messages in one place.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from _machine import print_result

from proofward.cli.run.demo_flare import read_ledger, terms_of
from proofward.encoding import decode
from proofward.engines.flare.local import SERVER, LocalConsortium
from proofward.federation.history.history import slot
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.database import Database
from proofward.report.run_audit import RunAudit
from proofward.report.scenario import Scenario, make_scenario

HERE = Path(__file__).resolve().parent
SEED = b"crash-matrix"
HOSPITALS, TIMEOUT, DOWN = 3, 300.0, 1.0
ROLES = {"server": "aggregator", "hospital": "hospital-1", "verifier": "verifier-3"}
SITES = {"server": SERVER, "hospital": "hospital-1", "verifier": "observer-0"}
STEPS = {"server": 90, "hospital": 60, "verifier": 60}
"""Steps of the parties in two rounds, at least (the ledger grows faster than members follow it)."""


@dataclass(frozen=True)
class Cell:
    """What became of one kill."""

    role: str
    step: int
    killed: bool
    finished: bool
    same_model: bool
    audit: bool
    one_message_a_slot: bool
    seconds: float
    jobs: int

    @property
    def good(self) -> bool:
        """Whether all that must hold does."""
        return self.killed and self.finished and self.same_model and self.audit and self.one_message_a_slot


def scenario_of(rounds: int) -> Scenario:
    """Three hospitals, which verify too, and one more verifier."""
    return make_scenario("tiny", HOSPITALS, rounds, 0, HOSPITALS + 1)


def run(
    folder: Path, scenario: Scenario, kill: tuple[str, int] | None
) -> tuple[LocalConsortium, bool, float]:
    """A federation of which one party is killed; whether it was, and the seconds that it took."""
    local = LocalConsortium(folder)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local.create(terms_of(scenario, SERVER, deadline=180), scenario.plan.initial_model, records, SEED)
    start, marker = time.perf_counter(), folder / "killed"
    site = ""
    if kill is not None:
        role, step = kill
        site = SITES[role]
        local.environment["PYTHONPATH"] = str(HERE / "killing")
        local.environment["PROOFWARD_KILL"] = f"{ROLES[role]}:{step}:{marker}"

    def revive() -> None:
        process = local.processes.get(site)
        if process is not None and process.poll() is not None and marker.exists():
            time.sleep(DOWN)
            local.start(site)

    try:
        local.start_all()
        local.wait(TIMEOUT, revive)
    finally:
        local.stop_all()
    return local, marker.exists(), time.perf_counter() - start


def one_message_a_slot(local: LocalConsortium) -> bool:
    """Whether no member's outbox or ledger holds two envelopes for one place."""
    said: dict[tuple[str, ...], bytes] = {}
    packets: list[bytes] = []
    database = Database(local.ledger, writable=False)
    try:
        envelopes = [database.entry(position) for position in range(database.size())]
    finally:
        database.close()
    for state in local.folder.glob("kits/*/proofward/members/*/state.sqlite"):
        store = StateStore(state)
        packets += [packet for packet in store.packets() if packet]
        store.close()
    envelopes += [parse(Packet, packet).envelope for packet in packets]
    for data in envelopes:
        envelope = decode(data, Envelope)
        if said.setdefault(slot(envelope), envelope.digest) != envelope.digest:
            return False
    return True


def submissions(local: LocalConsortium) -> int:
    """How often the job was submitted."""
    log = next(local.folder.glob("kits/coordinator*/proofward/log.jsonl"))
    return log.read_text().count('"submitted"')


def cell(role: str, step: int, scenario: Scenario, model: bytes) -> Cell:
    """Runs one cell."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            local, killed, seconds = run(Path(folder), scenario, (role, step))
        except Exception as error:
            print(f"{role} at step {step}: {error}", file=sys.stderr)
            return Cell(role, step, False, False, False, False, False, 0.0, 0)
        rules = local.server.rules
        assert rules is not None
        ended = read_ledger(local.ledger, rules)
        audit = all(verdict.passed for verdict in RunAudit(local.ledger).run())
        return Cell(
            role, step, killed, True, ended.history.model == model, audit, one_message_a_slot(local),
            round(seconds, 1), submissions(local),
        )  # fmt: skip


def main() -> None:
    """Prints the table and the JSON; exit code 1 when a cell is not good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="one cell, one round")
    parser.add_argument("--cells", type=int, default=4, help="kills of each role")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    scenario = scenario_of(1 if options.smallest else 2)
    with tempfile.TemporaryDirectory() as folder:
        local, _, undisturbed = run(Path(folder), scenario, None)
        rules = local.server.rules
        assert rules is not None
        model = read_ledger(local.ledger, rules).history.model
    plan = [("hospital", 20)] if options.smallest else [
        (role, step) for role in ROLES for step in sorted(rng.sample(range(1, STEPS[role]), options.cells))
    ]  # fmt: skip
    cells = []
    print("role      step  killed finished model audit slots seconds jobs", file=sys.stderr)
    for role, step in plan:
        found = cell(role, step, scenario, model)
        cells.append(found)
        marks = [found.killed, found.finished, found.same_model, found.audit, found.one_message_a_slot]
        words = "  ".join("yes" if mark else "NO" for mark in marks)
        print(f"{role:9} {step:4}  {words}  {found.seconds:6.1f} {found.jobs:4}", file=sys.stderr, flush=True)
    print_result(
        "crash_matrix",
        undisturbed_seconds=round(undisturbed, 1),
        cells=[asdict(found) for found in cells],
        good=sum(found.good for found in cells),
    )
    if not all(found.good for found in cells):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
