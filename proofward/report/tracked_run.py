"""A federation as trackers of experiments have it: what was agreed, and numbers by round.

All of it is read from the ledger, from the log beside it and from the figures that a run has left; so it can
be read while the federation runs, by a process of its own, and no number comes from anywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from proofward.engines.contract import home_of
from proofward.engines.operations.event_log import KEPT, rotated
from proofward.engines.remote.agreement.home import LOG
from proofward.engines.run_folder import private_of
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.objects import Objects
from proofward.ledger.reading import NotReadable, read_regular
from proofward.report.handover.handed_model import METRICS_NAME
from proofward.report.handover.models.model_source import followed_so_far, is_kit
from proofward.report.run_page import FOLDER_NAME

MAX_BYTES, MAX_ROUND = 1 << 26, 1 << 20
TIMED = {"proved": "proving", "verified": "verifying", "aggregated": "aggregating"}
"""Kinds of events whose seconds are told, and what they are called."""
MEASURES = ("loss", "accuracy", "auc")
NUMBERS_NAME = "report.json"


@dataclass(frozen=True)
class Value:
    """A number of a round; `time` is in seconds since 1970, None where nobody noted it."""

    name: str
    round: int
    value: float
    time: float | None = None


@dataclass(frozen=True)
class TrackedRun:
    """settings: what was agreed, in words. values: by round, in no order. over: no round will follow."""

    title: str
    consortium: bytes
    settings: dict[str, str]
    values: tuple[Value, ...]
    over: bool


def tracked_run(folder: Path) -> TrackedRun:
    """Of a run's folder or a kit, as far as it has come.

    Raises NotASource, NoModel, Refusal, RulesError, LedgerError, HomeError.
    """
    kit = is_kit(folder)
    history, objects = followed_so_far(folder, live=True)
    rules = history.rules
    values = [*_of_ledger(history, objects)]
    values += _of_log(home_of(folder) / LOG) if kit else _of_figures(folder)
    over = history.phase == CLOSED
    return TrackedRun(rules.federation, rules.digest, _settings(history), tuple(values), over)


def _settings(history: History) -> dict[str, str]:
    rules, config = history.rules, history.rules.config
    return {
        "federation": rules.federation,
        "consortium": rules.digest.hex(),
        "network": config.model.words,
        "parameters": str(config.model.parameters),
        "training": config.training_words,
        "clip_bound": f"{config.clip_bound / 1024:g}",
        "rounds": str(rules.rounds),
        "hospitals": str(len(rules.hospitals)),
        "verifiers": str(len(rules.verifiers)),
        "security_bits": str(config.security_bits),
    }


def _of_ledger(history: History, objects: Objects) -> Iterator[Value]:
    for state in history.closed:
        assert state.accepted is not None
        yield Value("hospitals/summed", state.number, len(state.accepted.record.hospitals))
        yield Value("hospitals/uploaded", state.number, len(state.uploads))
        yield Value("rounds/attempts", state.number, state.attempt + 1)
        changed = _change(history, objects, state)
        if changed is not None:
            yield Value("model/norm_of_change", state.number, changed)
    if history.closed:
        yield Value("ledger/entries", history.closed[-1].number, history.size)
        yield Value("ledger/refusals", history.closed[-1].number, len(history.refusals))


def _change(history: History, objects: Objects, state: RoundState) -> float | None:
    """How far the round moved the model, where both models are here."""
    if state.aggregate is None:
        return None
    try:
        before = model_weights(history, objects, state.model)
        after = model_weights(history, objects, state.aggregate.record.model)
    except Refusal:
        return None
    unit = float(1 << history.rules.config.scales.weight_bits)
    return float(np.linalg.norm((after - before) / unit))


def _of_log(path: Path) -> Iterator[Value]:
    """Means of what members of a kit took, by round, once a later event shows that they are through."""
    seconds: dict[tuple[str, int], list[float]] = {}
    times: dict[int, float] = {}
    for line in _lines(path):
        try:
            number, moment = int(line["round"]), datetime.fromisoformat(str(line["time"])).timestamp()
            if not 0 <= number <= MAX_ROUND:
                continue
            times[number] = max(moment, times.get(number, moment))
            if line["kind"] in TIMED:
                seconds.setdefault((TIMED[line["kind"]], number), []).append(float(line["seconds"]))
        except (KeyError, TypeError, ValueError):
            continue
    last = max(times, default=0)
    for (name, number), own in seconds.items():
        if number < last:
            yield Value(f"seconds/{name}", number, sum(own) / len(own), times[number])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a log, the oldest file first; what is no line of it is passed over."""
    for number in range(KEPT, -1, -1):
        try:
            data = read_regular(rotated(path, number), MAX_BYTES)
        except NotReadable:
            continue
        for text in data.splitlines():
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                yield line


def _of_figures(folder: Path) -> Iterator[Value]:
    """Of the models of a finished run, by those who ran it: neither signed nor proved."""
    for path in (folder / METRICS_NAME, private_of(folder) / FOLDER_NAME / NUMBERS_NAME):
        try:
            plain = json.loads(read_regular(path, MAX_BYTES))
            found = plain["held_out"] if path.name == METRICS_NAME else plain
            where = "trained_on" if found["trained_on"] else "held_out"
            for measure in MEASURES:
                for number, value in enumerate(found["by_round"].get(measure) or []):
                    yield Value(f"{where}/{measure}", number, float(value))
        except (NotReadable, KeyError, TypeError, ValueError, AttributeError, RecursionError):
            continue
