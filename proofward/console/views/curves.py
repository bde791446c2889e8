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
        "model": [_plain(chart) for chart in model],
        "rounds": [_plain(chart) for chart in (*recorded, *_spent(state))],
        "is_run": state.source.is_run,
    }


def _plain(chart: Chart) -> dict[str, Any]:
    columns, rows = chart.table()
    keys = [(legend(number), line.name) for number, line in enumerate(chart.series)]
    return {"title": chart.title, "note": chart.note, "svg": chart.svg(), "keys": keys if len(keys) > 1 else [],
            "columns": columns, "rows": rows}  # fmt: skip


def _recorded(history: History) -> list[Chart]:
    """How many hospitals and records were in each sum."""
    closed = [state for state in history.closed if state.accepted is not None and state.aggregate is not None]
    if not closed:
        return []
    hospitals = set(history.hospitals)
    asked = tuple((state.number, len(set(state.participants) & hospitals)) for state in closed)
    summed = tuple(
        (state.number, len(state.accepted.record.hospitals)) for state in closed if state.accepted is not None
    )
    rows = tuple(
        (state.number, state.aggregate.record.total_rows) for state in closed if state.aggregate is not None
    )
    return [
        Chart("Hospitals in the sum", ROUND, "hospitals", (Series("in the sum", summed), Series("took part", asked)),
              "from the ledger", from_zero=True, whole=True),
        Chart("Records in the sum", ROUND, "records", (Series("records", rows),), "from the ledger", from_zero=True,
              whole=True),
    ]  # fmt: skip


def _spent(state: State) -> list[Chart]:
    """Durations and traffic of each round, from the log."""
    with state.told.lock:
        spent = {key: median(values) for key, values in state.told.spent.items()}
        traffic = dict(state.told.traffic)
    found = []
    lines = [(name, tuple(sorted((number, value) for (kind, number), value in spent.items() if kind == key and number)))
             for name, key in (("a proof", "proved"), ("a verification", "verified"))]  # fmt: skip
    series = tuple(Series(name, points) for name, points in lines if points)
    if series:
        note = "median of each round, from this site's log"
        found.append(Chart("Time for proofs", ROUND, "seconds", series, note, from_zero=True))
    lines = [(name, tuple(sorted((number, count / 1e6) for (kind, number), count in traffic.items() if kind == key and number)))
             for name, key in (("sent", "traffic sent"), ("received", "traffic received"))]  # fmt: skip
    series = tuple(Series(name, points) for name, points in lines if points)
    if series:
        note = "by the end of each round, from this site's log"
        found.append(Chart("Traffic", ROUND, "MB", series, note, from_zero=True))
    return found
