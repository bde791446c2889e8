"""The server's side on FLARE: a Controller that serves members' requests and drives the aggregator.

The job ends well only when the federation's last entry is in the ledger, or when the host has stopped for
good and left its mark; anything else is reported with `system_panic`, since FLARE calls a job completed for
less. A job that dies is submitted again (`keeper`) and goes on from the ledger; one that ended well is not.
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nvflare.apis.client import Client
from nvflare.apis.controller_spec import ClientTask, Task
from nvflare.apis.fl_context import FLContext
from nvflare.apis.impl.controller import Controller
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal

from proofward.engines.flare.memory import Collector
from proofward.engines.flare.wire import TASK, TOPIC, pack, unpack
from proofward.engines.operations.event_log import EventLog

if TYPE_CHECKING:
    from proofward.engines.remote.hosting.desk import Desk

BEAT = 0.2
FAREWELL, SLOW_BYTES = 10.0, 1 << 21
COLLECT_BYTES = 1 << 22


class FederationController(Controller):
    """See the module. Its folder is `proofward` in the server's kit."""

    def __init__(self) -> None:
        super().__init__(task_check_period=0.2)
        self.desk: Desk | None = None
        self._log: EventLog | None = None
        self._collector: Collector | None = None

    def start_controller(self, fl_ctx: FLContext) -> None:
        """Opens the ledger and registers the handler of requests."""
        from proofward.engines.flare.kits.kit import certificates_of
        from proofward.engines.remote.agreement.home import Home, passphrase_from_environment
        from proofward.engines.remote.hosting.desk import Desk

        importlib.import_module("numba")  # the kernels want it later
        engine = fl_ctx.get_engine()
        root = Path(fl_ctx.get_workspace().get_root_dir())
        home = Home(root / "proofward")
        self._log = EventLog(home.root / "log.jsonl")
        self._lock = home.lock("aggregator")
        self._lock.__enter__()
        kit = certificates_of(root)
        self.desk = Desk(home, kit, passphrase_from_environment(), self._log.observe, self._log.note)
        self._collector = Collector(COLLECT_BYTES)
        engine.register_aux_message_handler(TOPIC, self._handle)
        self._log.note("started", party=home.terms.aggregator.member)

    def _handle(self, topic: str, request: Shareable, fl_ctx: FLContext) -> Shareable:
        data = unpack(request)
        assert self.desk is not None and self._collector is not None
        answer = self.desk.answer(b"" if data is None else data)
        self._collector.passed(len(answer) + (0 if data is None else len(data)))
        return pack(answer)

    def control_flow(self, abort_signal: Signal, fl_ctx: FLContext) -> None:
        """Serves until the federation is closed, stopped, or the job aborted."""
        try:
            self._serve(abort_signal, fl_ctx)
        except Exception as error:  # FLARE would call the job completed
            self.system_panic(f"{type(error).__name__}: {error}", fl_ctx)
            raise

    def _serve(self, abort_signal: Signal, fl_ctx: FLContext) -> None:
        assert self.desk is not None
        task = Task(TASK, Shareable(), timeout=0)
        self.broadcast(task, fl_ctx, min_responses=0)
        while self.desk.host is None and not abort_signal.triggered:
            time.sleep(BEAT)
        if self.desk.host is None:
            return
        host = self.desk.host
        host.run(lambda: bool(abort_signal.triggered))
        if host.finished:
            self._part(abort_signal, 8 * host.aggregator.rules.config.model.parameters)

    def _part(self, abort_signal: Signal, model_bytes: int) -> None:
        """Lets members follow to the end and fetch the last model."""
        until = time.monotonic() + FAREWELL + model_bytes / SLOW_BYTES
        while time.monotonic() < until and self.get_num_standing_tasks() and not abort_signal.triggered:
            time.sleep(BEAT)

    def stop_controller(self, fl_ctx: FLContext) -> None:
        """Seals a finished ledger, closes one that is not."""
        host = self.desk.host if self.desk is not None else None
        if host is not None:
            if host.aggregator.finished:
                host.aggregator.seal()
            else:
                host.aggregator.ledger.close()
        self._lock.__exit__(None, None, None)
        if self._log is not None:
            self._log.note("stopped", party=self.desk.terms.aggregator.member if self.desk else "")

    def process_result_of_unknown_task(
        self, client: Client, task_name: str, client_task_id: str, result: Shareable, fl_ctx: FLContext
    ) -> None:
        """Late results say nothing: the ledger does."""


__all__ = ["ClientTask", "FederationController"]
