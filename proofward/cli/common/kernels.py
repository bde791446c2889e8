"""Compilation of the kernels on the first run, announced, with its progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from numba.core.event import Listener, install_listener
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from proofward.field.jit import load_all
from proofward.field.warm_up import MODULES, warm_up

LATER_MODULES = (
    "proofward.proof.sha256",
    "proofward.proof.turns",
    "proofward.proof.last_rounds",
    "proofward.lattice.kernels",
    "proofward.layers.averaging.clipping",
)
ANNOUNCEMENT = "compiling kernels, the first time only"


class _Compilations(Listener):
    """Calls `begun` whenever a kernel is compiled, not when it is loaded from its cache."""

    def __init__(self, begun: Callable[[], None]) -> None:
        self._begun = begun

    def on_start(self, event: object) -> None:
        """See Listener."""
        self._begun()

    def on_end(self, event: object) -> None:
        """See Listener."""


class _Progress:
    """Says nothing until something is compiled; then a bar on a terminal, elsewhere a line a module."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        self._console = console
        self._bars = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._done, self._of = 0, len(MODULES) + len(LATER_MODULES)
        self._start = time.perf_counter()
        self._compiling = False

    def begun(self) -> None:
        """A kernel is about to be compiled."""
        if self._compiling:
            return
        self._compiling = True
        self._console.print(ANNOUNCEMENT, markup=False)
        if self._console.is_terminal:
            self._bars.add_task("modules", total=self._of, completed=self._done)
            self._bars.start()

    def show(self, done: int) -> None:
        """So many modules are ready."""
        self._done = done
        if self._compiling and self._console.is_terminal:
            self._bars.update(self._bars.task_ids[0], completed=done)
        elif self._compiling:
            self._console.print(f"{done} of {self._of} modules, {self._seconds}", markup=False)

    def close(self) -> None:
        """Takes the bar away."""
        if self._compiling:
            if self._console.is_terminal:
                self._bars.stop()
            self._console.print(f"kernels compiled in {self._seconds}", markup=False)

    @property
    def _seconds(self) -> str:
        return f"{time.perf_counter() - self._start:.1f} s"


def load_kernels(console: Console) -> None:
    """Loads every kernel: compiles it on the first run, takes it from the cache on later ones."""
    progress = _Progress(console)
    try:
        with install_listener("numba:compile", _Compilations(progress.begun)):
            warm_up(lambda module, done, of: progress.show(done))
            for done, name in enumerate(LATER_MODULES, len(MODULES) + 1):
                load_all(name)
                progress.show(done)
    finally:
        progress.close()
