"""A consortium whose deadlines depend on no clock: one passes when nobody but the absent is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from proofward.engines.run_folder import Plan
from proofward.federation.history.progress.waiting import waits_for
from proofward.federation.history.state.history_state import HistoryState
from tests.engines.remote_harness import Consortium


class Unhurried(Consortium):
    """`absent(history)` names the members that will not speak, as the test has it; nobody at first."""

    def __init__(self, root: Path, agreed: Plan | None = None) -> None:
        super().__init__(root, agreed)
        self.absent: Callable[[HistoryState], Iterable[str]] = lambda history: ()

    def _serve(self) -> None:
        self.until(lambda: self.desk.host is not None or self.closing.is_set())
        if self.desk.host is None:
            return
        host, tend, agreed = self.host, self.host._tend, self.host.deadline

        def tend_by_events() -> None:
            history = host.aggregator.history
            waited = set(waits_for(history))
            host.deadline = 0.0 if waited and waited <= set(self.absent(history)) else agreed
            tend()

        host._tend = tend_by_events  # type: ignore[method-assign]
        super()._serve()
