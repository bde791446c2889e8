"""The live table of a run: what every party is doing, from the events that it reports."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.events import Event
from proofward.federation.messages.records.catalogue import (
    Enrolment,
    FederationClosed,
    FederationEnded,
    RoundClosed,
    RoundOpened,
)

COUNTED = {"proved": "proofs", "verified": "verdicts", "aggregated": "sums"}
DOING = {"train": "training", "encrypt": "encrypting its update", "prove": "proving its training"}
BAD = ("refused", "unable", "halted")


class LiveTable:
    """One row a party on a terminal; elsewhere a line a round. `observe` may be called from any thread."""

    def __init__(self, console: Console, rules: Rules) -> None:
        self._console = console
        self._rules = rules
        self._lock = threading.Lock()
        self._start = time.perf_counter()
        self._phase = "enrolment"
        self._now = {member.name: "" for member in rules.members}
        self._bad: set[str] = set()
        self._counts: dict[tuple[str, str], int] = {}
        self._seconds: dict[str, float] = {}
        self._round_start = self._start
        self._live: Live | None = None

    def __enter__(self) -> LiveTable:
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=self._render, console=self._console, refresh_per_second=8, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def observe(self, event: Event) -> None:
        """Takes an event of a party."""
        with self._lock:
            if event.party not in self._now:
                return
            self._now[event.party] = self._words(event)
            if event.kind in BAD:
                self._bad.add(event.party)
            elif event.kind == "recorded":
                self._bad.discard(event.party)
                self._phases(event)
            if (counted := COUNTED.get(event.kind)) is not None:
                self._counts[event.party, counted] = self._counts.get((event.party, counted), 0) + 1
            self._seconds[event.party] = self._seconds.get(event.party, 0.0) + event.seconds

    def _phases(self, event: Event) -> None:
        now = time.perf_counter()
        if event.subject == RoundOpened.kind:
            self._phase, self._round_start = self._rules.round_in_words(event.round), now
        elif event.subject in (FederationClosed.kind, FederationEnded.kind):
            self._phase = "closed"
        elif event.subject == RoundClosed.kind and self._live is None:
            which = self._rules.round_in_words(event.round)
            self._console.print(f"{which} closed, {now - self._round_start:.2f} s")

    @staticmethod
    def _words(event: Event) -> str:
        if event.kind == "proving":
            return DOING.get(event.subject, event.subject)
        if event.kind == "recorded":
            return f"recorded: {event.subject.replace('-', ' ')}"
        if event.kind == "proved":
            what = "its dataset" if event.subject == Enrolment.kind else "its upload"
            return f"proved {what} in {event.seconds:.2f} s"
        if event.kind == "verified":
            return f"verified {event.subject}: {event.detail}"
        if event.kind == "share checked":
            return f"checked its key share of {event.subject}: {event.detail}"
        if event.kind == "refused" and event.refusal is not None:
            return f"refused {event.refusal.culprit}: {event.refusal.check}"
        if event.kind == "halted" and event.refusal is not None:
            return f"halted: {event.refusal.check} by {event.refusal.culprit}"
        if event.kind == "unable":
            return f"unable: {event.detail}"
        return {"aggregated": "unmasked the sum", "confirmed": "recomputed the sum and agrees"}.get(
            event.kind, event.kind
        )

    def _render(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, expand=True)
        table.add_column("party", no_wrap=True, min_width=max(map(len, self._now)))
        table.add_column("now", no_wrap=True, ratio=1)
        table.add_column("done", justify="right", no_wrap=True, min_width=12)
        table.add_column("seconds", justify="right", no_wrap=True, min_width=7)
        with self._lock:
            head = f"{self._phase}   {time.perf_counter() - self._start:.1f} s"
            for member in self._rules.members:
                name = member.name
                done = " ".join(f"{n} {what}" for (party, what), n in self._counts.items() if party == name)
                style = "red" if name in self._bad else ""
                spent = f"{self._seconds.get(name, 0.0):.1f}"
                table.add_row(name, Text(self._now[name], overflow="ellipsis", style=style), done, spent)
        return Group(Text(head, style="bold"), table)
