"""Figures by round that lie beside a run, in files of its own that are read with bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proofward.console.chart import Chart, Series
from proofward.ledger.errors import LedgerError
from proofward.ledger.reading import read_regular

MOST_BYTES, MOST_ROUNDS = 1 << 23, 100_000
_METHODS = {
    "proofward": "this federation",
    "federated float": "federated, in floats",
    "centralised": "all records in one place",
}
ROUND = "round"


def figures(files: tuple[Path, ...]) -> list[Chart]:
    """Charts of what the files have; none for files that are missing or of another form."""
    found: list[Chart] = []
    for path in files:
        try:
            plain = json.loads(read_regular(path, MOST_BYTES))
        except (LedgerError, ValueError, RecursionError):
            continue
        if isinstance(plain, dict):
            found += _charts(plain)
    return found


def _charts(plain: dict[str, Any]) -> Iterator[Chart]:
    own = plain.get("held_out", plain)
    if isinstance(own, dict) and isinstance(own.get("by_round"), dict):
        note, lines = (
            _of(own),
            {name: _numbers(own["by_round"].get(name)) for name in ("loss", "accuracy", "auc")},
        )
        if lines["loss"]:
            series = (_series("loss", lines["loss"]),)
            yield Chart("Loss", ROUND, "cross-entropy, nats", series, note, from_zero=True)
        scores = [
            _series(name, lines[key])
            for name, key in (("accuracy", "accuracy"), ("AUC", "auc"))
            if lines[key]
        ]
        if scores:
            yield Chart("Accuracy and AUC", ROUND, "share", tuple(scores), note)
    methods = plain.get("auc_by_round")
    if isinstance(methods, dict):
        compared = [
            _series(words, found, 1)
            for key, words in _METHODS.items()
            if (found := _numbers(methods.get(key)))
        ]
        alone = [
            found
            for key, values in methods.items()
            if str(key).startswith("alone") and (found := _numbers(values))
        ]
        if alone:
            least = min(map(len, alone))
            mean = [sum(own[at] for own in alone) / len(alone) for at in range(least)]
            compared.append(_series("a hospital alone, mean", mean, 1))
        if compared:
            yield Chart("AUC, compared", ROUND, "AUC", tuple(compared), "on the same held-out records")


def _numbers(values: object) -> list[float]:
    """A list of finite numbers, else none."""
    if not isinstance(values, list) or not 0 < len(values) <= MOST_ROUNDS:
        return []
    if any(type(value) not in (int, float) or not math.isfinite(value) for value in values):
        return []
    return [float(value) for value in values]


def _series(name: str, values: list[float], first: int = 0) -> Series:
    return Series(name, tuple((first + at, value) for at, value in enumerate(values)))


def _of(plain: dict[str, Any]) -> str:
    """Of which records, in words."""
    rows = plain.get("rows")
    if type(rows) is not int:
        return ""
    if plain.get("trained_on") is True:
        return f"on the {rows:,} records of the training itself: no evidence of how the model does on others"
    shared = plain.get("also_trained_on")
    also = f", {shared:,} of which a hospital trained on as well" if type(shared) is int and shared else ""
    return f"on {rows:,} held-out records{also}"
