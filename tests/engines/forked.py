"""Processes that tests kill, forked from one that has imported what they need: importing takes seconds."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

from proofward.engines.operations.verification_worker import WARM
from tests.patience import PATIENCE

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([WARM, "tests.engines.remote_child"])


class Forked:
    """`main(said, *arguments)` in a process of its own; what it sends to `said` is the answer."""

    def __init__(self, main: Callable[..., None], *arguments: object) -> None:
        self._answers, said = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_run, args=(said, main, arguments), daemon=True)
        self._process.start()
        said.close()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def end(self) -> tuple[int | None, object]:
        """Its exit code and its answer, once it has ended; one that waits for a word before it ends gets it."""
        with suppress(OSError):
            self._answers.send("end")
        self._process.join(PATIENCE)
        assert not self.alive, "the process goes on"
        answer = None
        with suppress(EOFError, OSError):
            answer = self._answers.recv()
        self._answers.close()
        return self._process.exitcode, answer


def _run(said: Connection, main: Callable[..., None], arguments: tuple[object, ...]) -> None:
    try:
        main(said, *arguments)
    except BaseException:
        said.send(traceback.format_exc())
        raise
