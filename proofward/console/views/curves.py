"""Curves by round: figures of the model where there are some, and what ledger and log have of each round."""

from __future__ import annotations

from statistics import median
from typing import Any

from proofward.console.chart import Chart, Series, legend
from proofward.console.figures import ROUND, figures
from proofward.console.state import State
from proofward.federation.history.history import History


def curves(state: State) -> dict[str, Any]:
    """Plain values for the page."""
    model = figures(state.source.figures)
    with state.followed.lock:
        history = state.followed.history
        recorded = _recorded(history) if history is not None else []
    return {
        "model": [plain_chart(chart) for chart in model],
        "rounds": [plain_chart(chart) for chart in (*recorded, *_spent(state))],
        "is_run": state.source.is_run,
    }


def plain_chart(chart: Chart) -> dict[str, Any]:
    """A chart for a page."""
    columns, rows = chart.table()
    keys = [(legend(number), line.name) for number, line in enumerate(chart.series)]
    keys = keys if len(keys) > 1 else []
    return {"title": chart.title, "note": chart.note, "svg": chart.svg(), "keys": keys,
            "columns": columns, "rows": rows}  # fmt: skip


def _recorded(history: History) -> list[Chart]:
    """How many hospitals and records were in each sum."""
    closed = [state for state in history.closed if state.accepted is not None and state.aggregate is not None]
    if not closed:
        return []
    hospitals = set(history.hospitals)
    asked, summed, rows = [], [], []
    for state in closed:
        assert state.accepted is not None and state.aggregate is not None
        asked.append((state.number, len(set(state.participants) & hospitals)))
        summed.append((state.number, len(state.accepted.record.hospitals)))
        rows.append((state.number, state.aggregate.record.total_rows))
    lines = (Series("in the sum", tuple(summed)), Series("took part", tuple(asked)))
    records = (Series("records", tuple(rows)),)
    note = "from the ledger"
    return [
        Chart("Hospitals in the sum", ROUND, "hospitals", lines, note, from_zero=True, whole=True),
        Chart("Records in the sum", ROUND, "records", records, note, from_zero=True, whole=True),
    ]


def _spent(state: State) -> list[Chart]:
    """Durations and traffic of each round, from the log."""
    with state.told.lock:
        spent = {key: median(values) for key, values in state.told.spent.items()}
        traffic = {key: count / 1e6 for key, count in state.told.traffic.items()}
    found = []
    note = "median of each round, from this site's log"
    if series := _by_round(spent, {"a proof": "proved", "a verification": "verified"}):
        found.append(Chart("Time for proofs", ROUND, "seconds", series, note, from_zero=True))
    note = "by the end of each round, from this site's log"
    if series := _by_round(traffic, {"sent": "traffic sent", "received": "traffic received"}):
        found.append(Chart("Traffic", ROUND, "MB", series, note, from_zero=True))
    return found


def _by_round(values: dict[tuple[str, int], float], lines: dict[str, str]) -> tuple[Series, ...]:
    """A line for each kind that has values in some round, by its name."""
    found = []
    for name, wanted in lines.items():
        own = [(number, value) for (kind, number), value in values.items() if kind == wanted and number]
        if own:
            found.append(Series(name, tuple(sorted(own))))
    return tuple(found)
