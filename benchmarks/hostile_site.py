"""A site with a valid certificate forges, replays, floods and asks for a second unmasking, on FLARE.

    python benchmarks/hostile_site.py [--smallest]

Three hospitals, which also verify, and a site that has everything a verifier has and misbehaves with it in
every phase. Printed: every attack and the host's answers. Good is a run in which the honest sites finish all
rounds with a ledger that passes the audit, no attack was recorded as anything but a refusal, and what was
signed with the site's own key stands in the ledger as its fault.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from _machine import print_result
from _sites import fewest_processes, terms
from crash_matrix import HERE, scenario_of

from proofward.cli.run.demos.sites import read_ledger
from proofward.engines.local import LocalConsortium
from proofward.federation.history.faults import faults
from proofward.report.audits.run_audit import RunAudit

SITE, CULPRIT, DEADLINE, TIMEOUT = "observer-0", "verifier-3", 12, 1800.0
HARMLESS = ("declined", "no answer", "no proper answer", "recorded; 0 recorded twice")


def main() -> None:
    """Runs it once; exit code 1 when something was believed that should not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="one round")
    options = parser.parse_args()
    scenario = scenario_of(1 if options.smallest else 2)
    folder = Path(tempfile.mkdtemp())
    findings = folder / "findings.jsonl"
    local = LocalConsortium(folder / "consortium")
    if options.smallest:
        fewest_processes(local)
    start = time.perf_counter()
    try:
        records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
        agreed = terms(scenario, options.smallest, deadline=DEADLINE)
        local.create(agreed, scenario.plan.initial_model, records)
        python_path = str(HERE)
        local.environments[SITE] = {
            "PYTHONPATH": f"{HERE / 'hostile'}:{python_path}",
            "PROOFWARD_HOSTILE": "yes",
            "PROOFWARD_FINDINGS": str(findings),
        }
        try:
            local.start_all()
            local.wait(TIMEOUT)
        finally:
            local.stop_all()
        rules = local.server.rules
        assert rules is not None
        history = read_ledger(local.ledger, rules).history
        answers: dict[str, Counter[str]] = {}
        for line in map(json.loads, findings.read_text().splitlines()):
            answers.setdefault(line["attack"], Counter())[line["answer"]] += 1
        believed = [
            f"{name}: {answer}" for name, found in answers.items() for answer in found
            if name != "a flood" and not answer.startswith("declined") and not answer.endswith(HARMLESS)
        ]  # fmt: skip
        recorded = Counter(refusal.check for refusal in history.refusals if refusal.culprit == CULPRIT)
        others = sorted({fault.culprit for fault in faults(history)} - {CULPRIT})
        audit = all(verdict.passed for verdict in RunAudit(local.ledger).run())
        for name, found in answers.items():
            print(
                f"{name:32} {'; '.join(f'{count} x {answer}' for answer, count in found.items())}",
                file=sys.stderr,
            )
        good = (
            audit and not believed and not others and len(history.closed) == rules.rounds and bool(recorded)
        )
        print_result(
            "hostile_site",
            rounds_closed=len(history.closed),
            audit_passes=audit,
            seconds=round(time.perf_counter() - start, 1),
            attacks={name: dict(found) for name, found in answers.items()},
            refusals_in_the_ledger=dict(recorded),
            faults_of_others=others,
            believed=believed,
            good=good,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
