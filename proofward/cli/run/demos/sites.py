"""The demonstration as processes that an engine connects: hospitals that verify too, a verifier, a server."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.run.demos.run import DemoRun
from proofward.cli.run.running.in_process_run import Ended, Unfinished
from proofward.cli.run.running.live import LiveTable
from proofward.engines.contract import Engine, home_of
from proofward.engines.remote.agreement.terms import Seat, Terms
from proofward.engines.run_folder import RunFolder
from proofward.federation.history.history import History
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.consortium.rules import (
    AGGREGATOR,
    HOSPITAL,
    VERIFIER,
    Rules,
)
from proofward.federation.messages.consortium.usual import UPLOAD_SLOT, usual_abandonments
from proofward.federation.messages.events import Event
from proofward.federation.storage.objects import Objects
from proofward.ledger.database import Database
from proofward.ledger.files import make_directory
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME
from proofward.report.demonstrations.scenario import Scenario
from proofward.report.handover.models.model_files import write_files
from proofward.report.measurements import Measurements

if TYPE_CHECKING:
    from proofward.engines.local import LocalConsortium

CONSORTIUM, LEDGER, OBSERVER = "consortium", "ledger", "observer"
DEADLINE = 120
SECONDS_A_ROUND, SECONDS_TO_BEGIN = 120.0, 300.0


def terms_of(
    scenario: Scenario, server: str, deadline: int = DEADLINE, upload_slot: int = UPLOAD_SLOT
) -> Terms:
    """Verifier i sits at hospital i; those beyond at a site that holds no data."""
    plan, config = scenario.plan, scenario.plan.config
    hospitals, verifiers = plan.hospitals, plan.verifiers
    sites = [*hospitals, *(f"{OBSERVER}-{number}" for number in range(len(verifiers) - len(hospitals)))]
    seats = [Seat(plan.aggregator, AGGREGATOR, server)]
    seats += [Seat(name, HOSPITAL, name) for name in hospitals]
    seats += [Seat(name, VERIFIER, site) for name, site in zip(verifiers, sites, strict=False)]
    return Terms.of(
        config,
        federation=plan.federation,
        seats=tuple(sorted(seats, key=lambda seat: seat.member)),
        accepting_verdicts=plan.accepting_verdicts,
        minimum_updates=plan.minimum_updates,
        abandonments=plan.abandonments or usual_abandonments(len(hospitals)),
        rounds=plan.rounds,
        initial_model=hashlib.sha256(plan.initial_model).digest() if plan.initial_model else b"",
        deadline=deadline,
        upload_slot=upload_slot,
    )


class SitesDemoRun(DemoRun):
    """One demonstration: RUN.private/consortium holds kits and logs, RUN/ledger what an audit needs."""

    def __init__(self, *arguments: Any, engine: Engine, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.engine = engine

    def federate(self) -> Ended:
        """See DemoRun."""
        from proofward.engines.local import SERVER, LocalConsortium, LocalFailure

        if (self.private / CONSORTIUM).exists():
            raise click.UsageError(f"{self.private} holds a run of several processes; choose another folder")
        make_directory(self.folder)
        private = RunFolder(self.folder).private
        scenario, start = self.scenario, time.perf_counter()
        local = LocalConsortium(private / CONSORTIUM, engine=self.engine)
        records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
        local.options = ("--verification-workers", "0")  # one machine has no cores to spare for each site
        terms = terms_of(scenario, SERVER)
        local.create(terms, scenario.plan.initial_model, records, self.randomness)
        self.seconds["provisioning"] = time.perf_counter() - start
        start = time.perf_counter()
        try:
            local.start_all()
            self._watch(local, _rules(local, terms))
        except LocalFailure as error:
            raise Unfinished(str(error)) from error
        finally:
            local.stop_all()
        self.seconds["federation"] = time.perf_counter() - start
        shutil.move(local.ledger, self.folder / LEDGER)
        write_files(self.folder, scenario.description.files())
        rules = local.server.rules
        assert rules is not None
        return read_ledger(self.folder / LEDGER, rules)

    def _watch(self, local: LocalConsortium, rules: Rules) -> None:
        events = EventTail([home_of(kit) / "log.jsonl" for kit in local.kits.values()], self.measured)
        self.measured.clock = lambda: events.now
        self.console.print(
            f"{len(local.kits)} processes start; logs are in {local.folder}/kits", markup=False
        )
        with LiveTable(self.console, rules) as table:
            watchers = (self.measured.observe, table.observe)
            allowed = SECONDS_TO_BEGIN + SECONDS_A_ROUND * rules.rounds
            local.wait(allowed, lambda: events.feed(watchers))


def _rules(local: LocalConsortium, terms: Terms) -> Rules:
    from proofward.engines.remote.agreement.home import Home

    keys = {}
    for kit in local.kits.values():
        home = Home(home_of(kit))
        keys.update({seat.member: home.key(seat.member).public.raw for seat in home.seats})
    return terms.rules(keys)


def read_ledger(folder: Path, rules: Rules) -> Ended:
    """A finished federation's ledger; nothing in it is verified here: that is the audit's business."""
    history, store = History(rules), ObjectStore(folder / OBJECTS_NAME, create=False)
    database = Database(folder, writable=False)
    try:
        for position in range(database.size()):
            history.apply(database.entry(position))
    finally:
        database.close()
    objects = Objects(store.get, rules.aggregator)
    weights = integers_from_bytes(objects.get(history.model), rules.config.model.parameters)
    assert weights is not None
    return Ended(history, objects, weights)


class EventTail:
    """Events from the parties' logs, as they are written; `now` is the time of the present one."""

    def __init__(self, paths: Sequence[Path], measured: Measurements) -> None:
        from proofward.engines.operations.metrics import Tail

        self.now = 0.0
        self._books = {"traffic sent": measured.sent, "traffic received": measured.received}
        self._tails = [Tail(path) for path in paths]

    def feed(self, watchers: Sequence[Callable[[Event], None]]) -> None:
        """Hands what is new to all watchers."""
        lines = [json.loads(data) for tail in self._tails for data in tail.lines()]
        for line in sorted(lines, key=lambda line: str(line["time"])):
            self.now = datetime.fromisoformat(line["time"]).timestamp()
            if (book := self._books.get(line["kind"])) is not None:
                book[line["party"], line["round"]] += line["bytes"]
                continue
            refusal = None
            if "culprit" in line and "expected" in line:
                refusal = Refusal(line["check"], line["culprit"], line["expected"], line["actual"])
            event = Event(
                line.get("party", ""),
                line["kind"],
                line.get("round", 0),
                line.get("attempt", 0),
                line.get("subject", ""),
                line.get("seconds", 0.0),
                line.get("outcome", ""),
                refusal,
            )
            for watch in watchers:
                watch(event)
