"""Sites in network namespaces lose their link in the middle of a round, for 30 s; the federation goes on.

    sudo python benchmarks/network_cut.py [--smallest] [--seconds 30]

Every party is in a namespace of its own (`ip netns`, a bridge between them), so the cut is a real one:
packets are dropped, no connection is closed. Cut are one hospital, then the server, which all lose. Needs
root and iproute2; elsewhere it says so and ends with code 0. The model must be that of a run without cuts.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _machine import print_result
from _sites import fewest_processes, terms
from crash_matrix import SEED, one_message_a_slot, scenario_of, undisturbed

from proofward.cli.run.demos.sites import read_ledger
from proofward.engines.contract import Network
from proofward.engines.local import LocalConsortium
from proofward.report.audits.run_audit import RunAudit

SERVER, PORT, TIMEOUT, ROUNDS = "pw-server.test", 8002, 1800.0, 3
BRIDGE, SUBNET, HOSTS = "pwbridge", "10.213.77", Path("/etc/netns")


def ip(*words: str) -> None:
    """Runs `ip`; raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def possible() -> bool:
    """Whether this process may make namespaces, a bridge and links between them."""
    try:
        with namespaces(["probe"]):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def namespaces(names: list[str]) -> Iterator[dict[str, str]]:
    """A namespace a name, all on one bridge, in which SERVER is the first one's address; their names."""
    spaces = {name: f"pw-{number}" for number, name in enumerate(names)}
    ip("link", "add", BRIDGE, "type", "bridge")
    try:
        ip("link", "set", BRIDGE, "up")
        for number, space in enumerate(spaces.values()):
            ip("netns", "add", space)
            ip("link", "add", f"pwv{number}", "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", f"pwv{number}", "master", BRIDGE, "up")
            ip("-n", space, "addr", "add", f"{SUBNET}.{number + 1}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "link", "set", "lo", "up")
            (HOSTS / space).mkdir(parents=True, exist_ok=True)
            (HOSTS / space / "hosts").write_text(f"127.0.0.1 localhost\n{SUBNET}.1 {SERVER}\n")
        yield spaces
    finally:
        for number, space in enumerate(spaces.values()):
            subprocess.run(["ip", "link", "delete", f"pwv{number}"], capture_output=True, check=False)
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, check=False)
            shutil.rmtree(HOSTS / space, ignore_errors=True)
        subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True, check=False)


def federation(
    cuts: list[tuple[int, int]], seconds: float, rounds: int, smallest: bool = False
) -> dict[str, object]:
    """One federation with cuts: (party's number, entries in the ledger after which it is cut)."""
    scenario = scenario_of(rounds)
    sites = [SERVER, *scenario.hospitals, "observer-0"]
    folder = Path(tempfile.mkdtemp())
    local = LocalConsortium(folder, Network(SERVER, PORT))
    if smallest:
        fewest_processes(local)
    try:
        records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
        agreed = terms(scenario, smallest, SERVER, deadline=180)
        local.create(agreed, scenario.plan.initial_model, records, SEED)
        with namespaces(sites) as spaces:
            for name in local.kits:
                local.prefixes[name] = ("ip", "netns", "exec", spaces.get(name, spaces[SERVER]))
            log, pending, cut_at = local.server.root / "log.jsonl", list(cuts), []

            def watch() -> None:
                entries = log.read_text().count('"recorded"') if log.exists() else 0
                if pending and entries >= pending[0][1]:
                    number, _ = pending.pop(0)
                    ip("link", "set", f"pwv{number}", "down")
                    time.sleep(seconds)
                    ip("link", "set", f"pwv{number}", "up")
                    cut_at.append({"site": sites[number], "after_entries": entries, "seconds": seconds})

            start = time.perf_counter()
            try:
                local.start_all()
                local.wait(TIMEOUT, watch)
            finally:
                local.stop_all()
        rules = local.server.rules
        assert rules is not None
        return {
            "cuts": cut_at,
            "seconds": round(time.perf_counter() - start, 1),
            "model": read_ledger(local.ledger, rules).history.model.hex(),
            "audit_passes": all(verdict.passed for verdict in RunAudit(local.ledger).run()),
            "one_message_a_slot": one_message_a_slot(local),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Runs a federation without cuts and one with them; exit code 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="one cut of 3 s; the model of one process")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    if not possible():
        print("network namespaces need root and iproute2: nothing was run", file=sys.stderr)
        print_result("network_cut", run=False)
        return
    rounds = 1 if options.smallest else ROUNDS
    plans = [(2, 20)] if options.smallest else [(2, 40), (0, 100)]
    if options.smallest:  # all parties in one process make the same model
        quiet: dict[str, object] = {"model": undisturbed(scenario_of(rounds), True)[0].hex()}
    else:
        quiet = federation([], 0.0, rounds)
    cut = federation(plans, 3.0 if options.smallest else options.seconds, rounds, options.smallest)
    good = cut["model"] == quiet["model"] and bool(cut["audit_passes"]) and bool(cut["one_message_a_slot"])
    print_result("network_cut", run=True, undisturbed=quiet, disturbed=cut, good=good)
    if not good or len(list(cut["cuts"])) != len(plans):  # type: ignore[call-overload]
        raise SystemExit(1)


if __name__ == "__main__":
    main()
