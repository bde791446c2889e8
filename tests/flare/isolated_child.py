"""A federation whose kits lie in a folder named to hurt, with modules planted in them; two sites die and come back.

    python -P isolated_child.py FOLDER PYTHON

Run with the Python of an installation, which all sites use but one: that one uses PYTHON, of another
installation. Prints what became of it as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import proofward
from proofward.cli.run.demo_sites import terms_of
from proofward.engines.flare.supervisor import flare_processes
from proofward.engines.local import SERVER, LocalConsortium
from proofward.report.run_audit import RunAudit
from proofward.report.scenario import make_scenario

NAME = 'it\'s "her" $HOME & {x} %d \\n `id` ünï;#'
PLANTED = ("json.py", "numpy.py", "torch.py", "nvflare/__init__.py", "proofward/__init__.py",
           "proofward/federation/__init__.py", "proofward/json.py")  # fmt: skip
ELSEWHERE, VICTIMS, PATIENCE = "hospital-0", ("hospital-0", "hospital-1"), 3000.0
CAMPUS = {"hospital-2": "hospital-1"}
"""Whose members are at another's site: each site is three processes."""
OTHER = ("/bin/sh", "-c", 'shift; exec "$0" "$@"')
"""Runs a command with the interpreter that follows in place of its own."""


def plant(kit: Path, told: Path) -> None:
    """Modules that tell when they are imported, under names that FLARE and ProofWard import."""
    for name in PLANTED:
        path = kit / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(told)!r}, 'a').write(__file__ + chr(10))\nraise ImportError('planted')\n")


def pythons(kit: Path) -> list[str]:
    """The interpreters of a kit's processes."""
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in flare_processes(kit)]
    return sorted({command.split(b"\0")[0].decode() for command in commands})


def main(folder: Path, other: str) -> None:
    """Sets up, runs, kills and restarts."""
    scenario = make_scenario("tiny", 3, 1, 5, 3)
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local = LocalConsortium(folder / NAME)
    local.site_options[VICTIMS[1]] = ("--verification-workers", "0")  # the other one has processes of its own
    usual = terms_of(scenario, SERVER)
    seats = tuple(replace(seat, site=CAMPUS.get(seat.site, seat.site)) for seat in usual.seats)
    local.create(replace(usual, seats=seats), scenario.plan.initial_model, records)
    told = folder / "imported"
    for kit in local.kits.values():
        plant(kit, told)
    local.environment["PYTHONPATH"] = ":/local/custom:"  # as FLARE's own script would have it
    local.prefixes[ELSEWHERE] = (*OTHER, other)
    log, killed = local.server.root / "log.jsonl", {}

    def kill_once() -> None:
        if not killed and log.exists() and '"round-opened"' in log.read_text():
            for victim in VICTIMS:
                killed[victim] = pythons(local.kits[victim])
                local.kill(victim)
                local.start(victim)

    try:
        local.start_all()
        local.wait(PATIENCE, kill_once)
    finally:
        local.stop_all()
    kept = (local.kits[local.coordinator] / "proofward" / "log.jsonl").read_text().splitlines()
    print(
        json.dumps(
            {
                "package": str(Path(proofward.__file__).parent),
                "path": sys.path,
                "killed": killed,
                "imported": told.read_text() if told.exists() else "",
                "submitted": sum(json.loads(line)["kind"] == "submitted" for line in kept),
                "sound": all(verdict.passed for verdict in RunAudit(local.ledger).run()),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
