"""Runs a demonstration, writes its folder, and prints what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from proofward.cli.run.demos.charts import write_demo_charts
from proofward.cli.run.running.in_process_run import Ended, Unfinished, ended, run_in_process, write_outcome
from proofward.cli.run.words.tables import print_comparison, print_costs, print_outcome
from proofward.engines.attacks.catalogue import VERIFIER, Attack
from proofward.engines.in_process import Dataset, InProcessFederation, Parties, RunResult
from proofward.engines.operations.suggestions import command
from proofward.engines.run_folder import private_of
from proofward.report.audits.run_audit import RunAudit
from proofward.report.comparing.comparison import MethodScores
from proofward.report.comparing.plot import plot_auc
from proofward.report.demonstrations.attack_outcome import judge
from proofward.report.demonstrations.scenario import Scenario
from proofward.report.figures.rows import Rows
from proofward.report.figures.summary import SALIENCY_NAME
from proofward.report.handover.handed_model import METRICS_NAME
from proofward.report.handover.models.model_files import write_files
from proofward.report.measurements import Measurements
from proofward.report.privacy_so_far import how_made
from proofward.report.run_page import FOLDER_NAME, NOT_ASKED, PAGE_NAME, write_page
from proofward.report.run_report import compare_run, metrics, models

PLOT_NAME = "auc.png"
ATTACKER = "hospital-1"


class DemoRun:
    """One demonstration in one folder."""

    def __init__(
        self,
        console: Console,
        folder: Path,
        scenario: Scenario,
        seed: int,
        workers: int | None = None,
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

    def honest(self, charts: bool = False) -> tuple[bool, Mapping[str, object]]:
        """Whether the federation finished, and its metrics.

        charts: whether to measure more for charts; members have to have worked one after another.
        """
        try:
            outcome = self.federate()
        except Unfinished as error:
            self.console.print(f"the federation did not finish: {error}", markup=False)
            return False, {"finished": False, "reason": str(error)}
        report, found = self._write(outcome)
        print_comparison(self.console, found)
        print_costs(self.console, report)
        if charts:
            write_demo_charts(self.console, self.folder, self.scenario, found, self.measured)
        self._say(
            f"run folder: {self.folder}",
            f"what the model does: {self.folder / PAGE_NAME}",
            f"audit it with: {command('audit', self.folder)}",
            self._kept(),
        )
        return True, {"finished": True, **report}

    def attacked(self, attack: Attack) -> tuple[bool, Mapping[str, object]]:
        """Whether the right check refused the attack, and what happened."""
        rows = max(len(records) for records in self.scenario.hospitals.values())
        self.scenario = replace(self.scenario, plan=attack.rules(self.scenario.plan, rows))
        culprit = attack.culprit(ATTACKER, VERIFIER, self.scenario.plan.aggregator)
        self.console.print(f"attack {attack.name}: {culprit}. {attack.what}", markup=False, soft_wrap=True)
        engine, result = self._federate(attack.parties(ATTACKER))
        history = engine.aggregator.history
        if result.finished:
            self._write(ended(engine, result))
        failed = [verdict for verdict in RunAudit(self.folder).run() if not verdict.passed]
        outcome = judge(attack, culprit, result, history, failed)
        print_outcome(self.console, outcome, attack.goes_on)
        self._say(f"run folder: {self.folder}", self._kept())
        return outcome.refused, asdict(outcome)

    @property
    def private(self) -> Path:
        """Where keys and records of the parties are."""
        return private_of(self.folder)

    def _kept(self) -> str:
        shown = ", and a picture of records" if (self._own / SALIENCY_NAME).exists() else ""
        return f"not to be handed over: {self.private} holds the parties' keys and records{shown}"

    @property
    def _own(self) -> Path:
        """Where pictures of records go."""
        return self.private / FOLDER_NAME

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.console.print(line, markup=False, soft_wrap=True)

    def federate(self) -> Ended:
        """Runs an honest federation; raises Unfinished."""
        return ended(*self._federate(Parties()))

    def _federate(self, parties: Parties) -> tuple[InProcessFederation, RunResult]:
        scenario, start = self.scenario, time.perf_counter()
        datasets: dict[str, Dataset] = {
            name: (records.features, records.labels) for name, records in scenario.hospitals.items()
        }
        engine, result = run_in_process(
            self.console,
            self.folder,
            scenario.plan,
            datasets,
            scenario.description,
            self.measured,
            seed=self.randomness,
            parties=parties,
            workers=self.workers,
        )
        self.seconds["federation"] = time.perf_counter() - start
        return engine, result

    def _write(self, outcome: Ended) -> tuple[dict[str, object], dict[str, MethodScores]]:
        """Model, proofs, metrics and pictures."""
        start = time.perf_counter()
        history, objects = outcome.history, outcome.objects
        scenario = self.scenario
        with self.console.status("training the baselines"):
            found = compare_run(scenario, history, objects)
        self.seconds["baselines"] = time.perf_counter() - start
        proofs = write_outcome(self.folder, outcome)
        summary, missing = write_page(
            scenario.setup.model,
            scenario.setup.scales,
            models(history, objects),
            Rows(scenario.held_out, scenario.description),
            title=scenario.plan.federation,
            folder=self.folder,
            private=self._own,
            draw=self.plot,
            made=how_made(history),
        )
        report = metrics(scenario, self.seed, history, found, self.measured, proofs, self.seconds)
        report["held_out"] = summary.to_plain()
        write_files(self.folder, {METRICS_NAME: (json.dumps(report, indent=1) + "\n").encode()})
        if not missing:
            plot_auc(found, self.folder / PLOT_NAME)
        elif missing != NOT_ASKED:
            self.console.print(f"no pictures: {missing}", markup=False)
        return report, found
