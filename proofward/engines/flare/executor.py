"""A site's side on FLARE: an Executor that runs the site's members until the federation ends.

Requests go to the server's job as auxiliary messages, outgoing connections only. What comes back is believed
for its signatures and digests, not for the peer that FLARE names.
"""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.signal import Signal

from proofward.engines.flare.kits.kit import certificates_of
from proofward.engines.flare.wire import TASK, TOPIC, answered, pack, unpack
from proofward.engines.operations.event_log import EventLog
from proofward.engines.remote.agreement.home import Home, passphrase_from_environment
from proofward.engines.remote.carrying.caller import Unreachable
from proofward.engines.remote.proving import SiteProofs, make_proofs
from proofward.engines.remote.site import Site

REQUEST_TIMEOUT = 30.0
BEAT = 0.2


class SiteExecutor(Executor):
    """See the module. Its folder is `proofward` in the site's kit."""

    def execute(
        self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal
    ) -> Shareable:
        """Runs the members; replies when all have seen the end, or when the job is aborted."""
        if task_name != TASK:
            return make_reply(ReturnCode.TASK_UNKNOWN)
        root = Path(fl_ctx.get_workspace().get_root_dir())
        home = Home(root / "proofward")
        log = EventLog(home.root / "log.jsonl")
        engine = fl_ctx.get_engine()
        stop = Event()

        def carry(data: bytes) -> bytes:
            reply = engine.send_aux_request(
                targets=["server"], topic=TOPIC, request=pack(data), timeout=REQUEST_TIMEOUT, fl_ctx=fl_ctx
            )
            found = reply.get("server") if isinstance(reply, dict) else None
            body = unpack(found) if found is not None and answered(found) else None
            if body is None:
                raise Unreachable
            return body

        proofs = make_proofs()
        site = Site(
            home,
            certificates_of(root),
            carry,
            stop,
            passphrase_from_environment(),
            log.observe,
            log.note,
            proofs,
        )
        log.note("started", party=home.site)
        worker = Thread(target=site.run, name="members")
        worker.start()
        while worker.is_alive():
            if abort_signal.triggered:
                stop.set()
            worker.join(BEAT)
        if isinstance(proofs, SiteProofs):
            proofs.close()
        log.note("stopped", party=home.site)
        for member, error in site.failures.items():
            self.log_error(fl_ctx, f"{member}: {type(error).__name__}: {error}")
        return make_reply(ReturnCode.EXECUTION_EXCEPTION if site.failures else ReturnCode.OK)
