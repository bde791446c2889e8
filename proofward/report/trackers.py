"""Where a tracked federation is written: event files for TensorBoard, and runs of MLflow.

A writer knows what it has written of a consortium before, so that a process that starts again goes on where
the last one ended, and nothing is there twice.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from proofward.ledger.files import make_directory, write_file
from proofward.ledger.reading import NotReadable, read_regular
from proofward.report.tracked_run import TrackedRun, Value

STATE_NAME, MAX_STATE = "proofward.json", 1 << 22
TAG = "proofward.consortium"


class TrackerUnavailable(Exception):
    """The package of a tracker is not installed: what to install."""


class Writer(Protocol):
    """Takes what was not written before, and when it is made what was agreed, once for each consortium."""

    def last(self, name: str) -> int:
        """The last round of which a number of this name is written, -1 if none is."""
        ...

    def write(self, value: Value) -> None:
        """One number; those of a name come by ascending rounds."""
        ...

    def close(self) -> None:
        """Once nothing more is to be written for now."""
        ...


def write_new(writer: Writer, run: TrackedRun) -> int:
    """Writes what is new; how many numbers that is."""
    count = 0
    for value in sorted(run.values, key=lambda value: (value.name, value.round)):
        if value.round > writer.last(value.name):
            writer.write(value)
            count += 1
    return count


class TensorBoardWriter:
    """An event file in a folder of the consortium's own, below the one that is given."""

    def __init__(self, place: str, run: TrackedRun) -> None:
        _require("tensorboardX", "tensorboard")
        self._folder = Path(place) / run.consortium.hex()[:16]
        self._settings = run.settings
        self._last = self._state()
        self._opened: Any = None

    @property
    def _events(self) -> Any:
        """The event file, made when there is something to write."""
        if self._opened is None:
            from tensorboardX import SummaryWriter

            make_directory(self._folder)
            count = sum(1 for _ in self._folder.iterdir())  # names have whole seconds only
            self._opened = SummaryWriter(str(self._folder), filename_suffix=f".{count}")
            if not self._last:
                for name, words in self._settings.items():
                    self._opened.add_text(name, words, 0)
        return self._opened

    def _state(self) -> dict[str, int]:
        try:
            plain = json.loads(read_regular(self._folder / STATE_NAME, MAX_STATE))
            return {str(name): int(number) for name, number in plain.items()}
        except (NotReadable, ValueError, AttributeError, TypeError):
            return {}

    def last(self, name: str) -> int:
        """See Writer."""
        return self._last.get(name, -1)

    def write(self, value: Value) -> None:
        """See Writer."""
        self._events.add_scalar(value.name, value.value, value.round, walltime=value.time)
        self._last[value.name] = value.round

    def close(self) -> None:
        """See Writer; what is written is remembered once it is in the file."""
        if self._opened is None:
            return
        self._opened.close()
        path = self._folder / STATE_NAME
        write_file(path, json.dumps(self._last).encode(), path.with_name(f".{STATE_NAME}.writing"))


class MlflowWriter:
    """A run with the consortium's digest as its tag, in an experiment with the federation's title."""

    def __init__(self, place: str, run: TrackedRun) -> None:
        _require("mlflow", "mlflow")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient

        uri = place if "://" in place else Path(place).absolute().as_uri()
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._last: dict[str, int] = {}
        self._run = self._found(run) or self._made(run)

    def _experiment(self, title: str) -> str:
        found = self._client.get_experiment_by_name(title)
        return str(self._client.create_experiment(title) if found is None else found.experiment_id)

    def _found(self, run: TrackedRun) -> str:
        wanted = f"tags.`{TAG}` = '{run.consortium.hex()}'"
        runs = self._client.search_runs([self._experiment(run.title)], filter_string=wanted)
        return str(runs[0].info.run_id) if runs else ""

    def _made(self, run: TrackedRun) -> str:
        name = run.consortium.hex()[:16]
        made = self._client.create_run(
            self._experiment(run.title), tags={TAG: run.consortium.hex()}, run_name=name
        )
        for key, words in run.settings.items():
            self._client.log_param(made.info.run_id, key, words)
        return str(made.info.run_id)

    def last(self, name: str) -> int:
        """See Writer."""
        if name not in self._last:
            steps = [point.step for point in self._client.get_metric_history(self._run, name)]
            self._last[name] = max(steps, default=-1)
        return self._last[name]

    def write(self, value: Value) -> None:
        """See Writer."""
        moment = time.time() if value.time is None else value.time
        self._client.log_metric(
            self._run, value.name, value.value, timestamp=int(1000 * moment), step=value.round
        )
        self._last[value.name] = value.round

    def close(self) -> None:
        """See Writer."""


TRACKERS: Mapping[str, Callable[[str, TrackedRun], Writer]] = {
    "mlflow": MlflowWriter, "tensorboard": TensorBoardWriter,
}  # fmt: skip


def _require(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise TrackerUnavailable(f"{package} is not installed: pip install 'proofward[{extra}]'")
