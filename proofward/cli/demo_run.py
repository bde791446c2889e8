"""Runs a demonstration, writes its folder, and prints what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console

from proofward.cli.live import LiveTable
from proofward.cli.tables import print_comparison, print_costs, print_outcome
from proofward.engines.attacks.catalogue import VERIFIER, Attack
from proofward.engines.in_process import Dataset, InProcessFederation, Parties, RunResult, Signed
from proofward.federation.history.history import History
from proofward.federation.messages.events import Event
from proofward.federation.messages.refusal import Refusal
from proofward.federation.storage.objects import Objects
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import make_directory
from proofward.report.attack_outcome import judge
from proofward.report.comparison import MethodScores
from proofward.report.measurements import Measurements
from proofward.report.model_files import model_files, write_files
from proofward.report.other_settings import other_settings
from proofward.report.plot import PlotUnavailable, plot_auc
from proofward.report.proof_file import PROOFS_NAME, proof_files
from proofward.report.run_audit import LEDGER_NAME, RunAudit
from proofward.report.run_report import compare_run, metrics
from proofward.report.scenario import Scenario

METRICS_NAME, PLOT_NAME = "metrics.json", "auc.png"
ATTACKER = "hospital-1"


class Unfinished(Exception):
    """The federation did not come to its end: why."""


@dataclass(frozen=True)
class Ended:
    """What is left of a finished run: its ledger's meaning, its objects, the last model's weights."""

    history: History
    objects: Objects
    weights: Signed


class DemoRun:
    """One demonstration in one folder."""

    def __init__(
        self,
        console: Console,
        folder: Path,
        scenario: Scenario,
        seed: int,
        workers: int = 1,
        plot: bool = True,
        repeatable: bool = False,
    ) -> None:
        self.console = console
        self.folder = folder
        self.scenario = scenario
        self.seed = seed
        self.workers = workers
        self.plot = plot
        self.randomness = f"proofward/demo/{seed}".encode() if repeatable else None
        self.measured = Measurements()
        self.seconds: dict[str, float] = {}

    def honest(self) -> tuple[bool, Mapping[str, object]]:
        """Whether the federation finished, and its metrics."""
        try:
            ended = self.federate()
        except Unfinished as error:
            self.console.print(f"the federation did not finish: {error}", markup=False)
            return False, {"finished": False, "reason": str(error)}
        report, found = self._write(ended)
        print_comparison(self.console, found)
        print_costs(self.console, report)
        self.console.print(f"run folder: {self.folder}", markup=False, soft_wrap=True)
        self.console.print(f"audit it with: proofward audit {self.folder}", markup=False, soft_wrap=True)
        return True, {"finished": True, **report}

    def attacked(self, attack: Attack) -> tuple[bool, Mapping[str, object]]:
        """Whether the right check refused the attack, and what happened."""
        culprit = attack.culprit(ATTACKER, VERIFIER, self.scenario.plan.aggregator)
        self.console.print(f"attack {attack.name}: {culprit}. {attack.what}", markup=False, soft_wrap=True)
        engine, result = self._federate(attack.parties(ATTACKER))
        history = engine.aggregator.history
        if result.finished:
            self._write(_ended(engine, result))
        failed = [verdict for verdict in RunAudit(self.folder).run() if not verdict.passed]
        outcome = judge(attack, culprit, result, history, failed)
        print_outcome(self.console, outcome, attack.goes_on)
        self.console.print(f"run folder: {self.folder}", markup=False, soft_wrap=True)
        return outcome.refused, asdict(outcome)

    def federate(self) -> Ended:
        """Runs an honest federation; raises Unfinished."""
        return _ended(*self._federate(Parties()))

    def _federate(self, parties: Parties) -> tuple[InProcessFederation, RunResult]:
        scenario, start = self.scenario, time.perf_counter()
        datasets: dict[str, Dataset] = {
            name: (records.features, records.labels) for name, records in scenario.hospitals.items()
        }
        watchers = [self.measured.observe]

        def observe(event: Event) -> None:
            for watcher in watchers:
                watcher(event)

        if differences := other_settings(self.folder / LEDGER_NAME, scenario.plan):
            raise click.UsageError(f"{self.folder} holds a run with other settings: {differences}")
        try:
            make_directory(self.folder)
            engine = InProcessFederation(
                self.folder,
                scenario.plan,
                datasets,
                seed=self.randomness,
                observe=observe,
                network=self.measured,
                parties=parties,
                workers=self.workers,
            )
        except (LedgerError, Refusal) as error:
            raise click.UsageError(f"{self.folder} holds a run with other settings: {error}") from error
        except OSError as error:
            raise click.UsageError(f"{self.folder}: {error.strerror}") from error
        try:
            with LiveTable(self.console, engine.rules) as table:
                watchers.append(table.observe)
                result = engine.run()
        except KeyboardInterrupt:
            self.console.print(f"interrupted; go on with the same options and --run {self.folder}")
            raise
        self.seconds["federation"] = time.perf_counter() - start
        return engine, result

    def _write(self, ended: Ended) -> tuple[dict[str, object], dict[str, MethodScores]]:
        """Model, proofs, metrics and plot."""
        start = time.perf_counter()
        history, objects = ended.history, ended.objects
        scenario = self.scenario
        with self.console.status("training the baselines"):
            found = compare_run(scenario, history, objects)
        self.seconds["baselines"] = time.perf_counter() - start
        proofs = dict(proof_files(history, objects))
        make_directory(self.folder / PROOFS_NAME)
        write_files(self.folder, proofs)
        write_files(self.folder, model_files(history.rules, ended.weights))
        report = metrics(scenario, self.seed, history, found, self.measured, proofs, self.seconds)
        write_files(self.folder, {METRICS_NAME: (json.dumps(report, indent=1) + "\n").encode()})
        if self.plot:
            try:
                plot_auc(found, self.folder / PLOT_NAME)
            except PlotUnavailable as error:
                self.console.print(f"no plot: {error}", markup=False)
        return report, found


def _ended(engine: InProcessFederation, result: RunResult) -> Ended:
    if not result.finished:
        reasons = [result.stopped, *result.halted.values(), *(refusal for _, refusal in result.refusals)]
        raise Unfinished(
            next((str(reason) for reason in reasons if reason is not None), "nobody could go on")
        )
    return Ended(engine.aggregator.history, engine.aggregator.objects, result.weights)
