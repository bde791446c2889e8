"""kill -9 of server, hospital and verifier at persisted steps of a federation on FLARE, then a restart.

    python benchmarks/crash_matrix.py [--smallest] [--cells 4] [--seed 0] [--role server] [--install wheel]

Every cell is a whole run of real processes with mutual TLS on localhost. The party's processes kill
themselves right after the N-th commit to its state (or entry of the ledger). `proofward status` has to say so
at every site that it concerns: at the killed one, and at all others when it is the server that they cannot
reach. Then `proofward start` is given again, as an operator would. The undisturbed run counts the steps of
each role, and N is drawn from the seed, one from each of as many equal parts of their first 85 % as there are
cells: from the enrolment into the last round, not in its very end. A cell is good when the federation ends
with the model of an undisturbed run, the audit passes, and no member signed two messages in one place. The
folder has a space in its name; with `--install wheel` all processes have the package from a wheel, in an
environment without the source. The smallest size has one cell and one round; its step is a known one, and the
undisturbed model comes from the same federation in this process, with the same randomness.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from _installed import EDITABLE, WHEEL, installed, run_again
from _machine import print_result
from _sites import fewest_processes, terms

from proofward.cli.run.demos.sites import read_ledger
from proofward.encoding import decode
from proofward.engines.in_process import InProcessFederation
from proofward.engines.local import SERVER, LocalConsortium
from proofward.engines.operations.isolation import interpreter, isolated
from proofward.federation.history.state.slots import slot
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.database import Database
from proofward.report.audits.run_audit import RunAudit
from proofward.report.demonstrations.scenario import Scenario, make_scenario

HERE = Path(__file__).resolve().parent
SEED = b"crash-matrix"
HOSPITALS, TIMEOUT, TOLD = 3, 1800.0, 400.0
ROLES = {"server": "aggregator", "hospital": "hospital-1", "verifier": "verifier-3"}
SITES = {"server": SERVER, "hospital": "hospital-1", "verifier": "observer-0"}
HALF = {"server": 39, "hospital": 28, "verifier": 22}
"""Steps of a federation of one round, halfway."""
SURE = 0.85
"""Share of the counted steps from which kills are drawn: a busy machine commits in fewer, larger steps."""


@dataclass(frozen=True)
class Cell:
    """What became of one kill.

    after: round and kind of the ledger's last entry when the death was noticed. of_steps: the role's steps in
    the undisturbed run.
    """

    role: str
    step: int
    of_steps: int
    after: str
    killed: bool
    told: bool
    told_seconds: float
    finished: bool
    same_model: bool
    audit: bool
    one_message_a_slot: bool
    seconds: float
    jobs: int

    @property
    def good(self) -> bool:
        """Whether all that must hold does."""
        ended = self.finished and self.same_model and self.audit and self.one_message_a_slot
        return self.killed and self.told and ended


@dataclass
class Death:
    """What was seen of one: after which entry, whether all sites that it concerns said so, and how soon."""

    after: str = ""
    told: bool = False
    told_seconds: float = 0.0


def scenario_of(rounds: int) -> Scenario:
    """Three hospitals, which verify too, and one more verifier."""
    return make_scenario("tiny", HOSPITALS, rounds, 0, HOSPITALS + 1)


def last_recorded(local: LocalConsortium) -> str:
    """Round and kind of the last entry that the server has logged."""
    log = local.server.root / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    entries = [line for line in lines if '"recorded"' in line and line.endswith("}")]
    if not entries:
        return "nothing"
    last = json.loads(entries[-1])
    return f"{last['round']}/{last['subject']}"


def says(local: LocalConsortium, site: str, check: str) -> bool:
    """Whether `proofward status` of a site ends with 1 and names this problem."""
    kit = local.kits[site].resolve()
    command = [*interpreter("-m", "proofward", "status", str(kit)), "--json"]
    environment = isolated(os.environ, kit)
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    problems = {problem["check"] for problem in json.loads(run.stdout)["problems"]}
    return run.returncode == 1 and check in problems


def wait_until_told(local: LocalConsortium, killed: str, death: Death) -> None:
    """Asks every site that the death concerns until it says so, or for TOLD seconds."""
    start = time.perf_counter()
    left = {killed: "not-running"}
    if killed == SERVER:
        left |= {site: "unreachable" for site in local.kits if site != SERVER}
    while left and time.perf_counter() - start < TOLD:
        left = {site: check for site, check in left.items() if not says(local, site, check)}
    death.told, death.told_seconds = not left, round(time.perf_counter() - start, 1)
    if left:
        print(f"nothing said by {', '.join(left)}", file=sys.stderr)


def run(
    folder: Path, scenario: Scenario, kill: tuple[str, int] | None, smallest: bool = False
) -> tuple[LocalConsortium, Death, float]:
    """A federation of which one party is killed; what was seen of it, and the seconds.

    Without a kill the parties' steps are counted, see `steps_of`.
    """
    local = LocalConsortium(folder)
    if smallest:
        fewest_processes(local)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    agreed = terms(scenario, smallest, deadline=180)
    local.create(agreed, scenario.plan.initial_model, records, SEED)
    start, marker = time.perf_counter(), folder / "killed"
    site, death = "", Death()
    local.environment["PYTHONPATH"] = str(HERE / "killing")
    if kill is not None:
        role, step = kill
        site = SITES[role]
        local.environment["PROOFWARD_KILL"] = f"{ROLES[role]}:{step}:{marker}"
    else:
        counted = (f"{member}:0:{folder / role}" for role, member in ROLES.items())
        local.environment["PROOFWARD_KILL"] = ";".join(counted)

    def revive() -> None:
        process = local.processes.get(site)
        if process is not None and process.poll() is not None and marker.exists():
            if not death.after:
                death.after = last_recorded(local)
                wait_until_told(local, site, death)
            local.start(site)

    try:
        local.start_all()
        local.wait(TIMEOUT, revive)
    finally:
        local.stop_all()
    if marker.exists() and not death.after:
        death.after = "the end"
    return local, death, time.perf_counter() - start


def steps_of(folder: Path) -> dict[str, int]:
    """Commits of each role in the undisturbed run in this folder."""
    return {role: (folder / role).stat().st_size for role in ROLES}


def drawn(steps: int, cells: int, rng: random.Random) -> list[int]:
    """One step from each of `cells` equal parts of the steps."""
    most = int(SURE * steps)
    if most < cells:
        raise SystemExit(f"expected at least {cells} steps to draw from, the undisturbed run has {most}")
    return [rng.randint(most * part // cells + 1, most * (part + 1) // cells) for part in range(cells)]


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


def cell(role: str, step: int, steps: int, scenario: Scenario, model: bytes, smallest: bool) -> Cell:
    """Runs one cell."""
    with tempfile.TemporaryDirectory(prefix="crash matrix ") as folder:
        try:
            local, death, seconds = run(Path(folder), scenario, (role, step), smallest)
        except Exception as error:
            print(f"{role} at step {step}: {error}", file=sys.stderr)
            return Cell(role, step, steps, "", False, False, 0.0, False, False, False, False, 0.0, 0)
        rules = local.server.rules
        assert rules is not None
        ended = read_ledger(local.ledger, rules)
        audit = all(verdict.passed for verdict in RunAudit(local.ledger).run())
        return Cell(
            role, step, steps, death.after, bool(death.after), death.told, death.told_seconds, True,
            ended.history.model == model, audit, one_message_a_slot(local), round(seconds, 1),
            submissions(local),
        )  # fmt: skip


def undisturbed(scenario: Scenario, smallest: bool) -> tuple[bytes, dict[str, int], float]:
    """The model of a run without a kill, the steps of each role in it, and its seconds."""
    with tempfile.TemporaryDirectory(prefix="crash matrix ") as name:
        folder = Path(name)
        if smallest:
            start = time.perf_counter()
            records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
            federation = InProcessFederation(folder / "run", scenario.plan, records, seed=SEED)
            federation.run()
            steps = {role: 2 * half for role, half in HALF.items()}
            return federation.aggregator.history.model, steps, time.perf_counter() - start
        local, _, seconds = run(folder, scenario, None)
        rules = local.server.rules
        assert rules is not None
        return read_ledger(local.ledger, rules).history.model, steps_of(folder), seconds


def main() -> None:
    """Prints the table and the JSON; exit code 1 when a cell is not good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="one cell, one round")
    parser.add_argument("--cells", type=int, default=4, help="kills of each role")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--role", choices=list(ROLES), action="append", help="who is killed; all if left out")
    parser.add_argument("--install", choices=[EDITABLE, WHEEL], default=installed())
    options = parser.parse_args()
    if (code := run_again(__file__, options.install)) is not None:
        raise SystemExit(code)
    rng = random.Random(options.seed)
    scenario = scenario_of(1 if options.smallest else 2)
    model, steps, seconds = undisturbed(scenario, options.smallest)
    roles = options.role or (["hospital"] if options.smallest else list(ROLES))
    plan = [(role, HALF[role]) for role in roles] if options.smallest else [
        (role, step) for role in roles for step in drawn(steps[role], options.cells, rng)
    ]  # fmt: skip
    cells = []
    print("role      step  killed told finished model audit slots seconds jobs after", file=sys.stderr)
    for role, step in plan:
        found = cell(role, step, steps[role], scenario, model, options.smallest)
        cells.append(found)
        marks = [found.killed, found.told, found.finished, found.same_model, found.audit]
        marks.append(found.one_message_a_slot)
        words = "  ".join("yes" if mark else "NO" for mark in marks)
        rest = f"{found.seconds:6.1f} {found.jobs:4}  {found.after}"
        print(f"{role:9} {step:4}  {words}  {rest}", file=sys.stderr, flush=True)
    print_result(
        "crash_matrix",
        install=installed(),
        undisturbed_seconds=round(seconds, 1),
        steps=steps,
        cells=[asdict(found) for found in cells],
        good=sum(found.good for found in cells),
    )
    if not all(found.good for found in cells):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
