"""A whole consortium on this machine: real processes, mutual TLS on localhost, from provisioning to the end.

For demonstrations, tests and benchmarks, with any engine. Every site is started as its operator would, with
`proofward start`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from proofward.engines.contract import ADMIN, HOME, Engine, Network
from proofward.engines.operations.isolation import interpreter, isolated
from proofward.engines.registry import ENGINES, USUAL
from proofward.engines.remote.agreement.home import Home, Signed
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.ledger.seal import SEAL_NAME

SERVER = "localhost"
BEAT, PATIENCE = 0.1, 20.0


class LocalFailure(Exception):
    """The federation did not end: why, and which log to read."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class LocalConsortium:
    """Kits and processes of one consortium under `folder`.

    `options` are those of `proofward start`. `prefixes` names, by site, a command that runs it, such as `ip
    netns exec NAME`.
    """

    def __init__(self, folder: Path, network: Network | None = None, engine: Engine = ENGINES[USUAL]) -> None:
        """network: the server's name and port; localhost and a free port unless given."""
        self.engine = engine
        self.folder = folder
        self.network = network or Network(SERVER, free_port())
        self.kits: dict[str, Path] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment: dict[str, str] = {}
        self.options: tuple[str, ...] = ("--verification-workers", "1")
        self.site_options: dict[str, tuple[str, ...]] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.prefixes: dict[str, tuple[str, ...]] = {}

    @property
    def server(self) -> Home:
        """The aggregator's home."""
        return Home(self.kits[self.network.server] / HOME)

    @property
    def coordinator(self) -> str:
        """The name of the coordinator's kit."""
        return next(name for name, kit in self.kits.items() if self.engine.kind(kit) == ADMIN)

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return self.server.root / "ledger"

    @property
    def sealed(self) -> bool:
        """Whether the federation is over and its ledger complete."""
        return (self.ledger / SEAL_NAME).exists()

    def create(
        self,
        terms: Terms,
        model: bytes,
        datasets: Mapping[str, tuple[Signed, Signed] | tuple[Signed, Signed, Signed | None]],
        seed: bytes | None = None,
    ) -> None:
        """Provisions, joins and enrols. seed: repeatable keys, nonces and proofs, for comparisons only."""
        self.kits = self.engine.provision(self.folder, self.network, terms, model, seed)
        if seed is not None:
            self.options += ("--repeatable",)
        for name, kit in self.kits.items():
            home = Home(kit / HOME)
            home.confirm(None)  # whoever runs this holds all keys
            if name != self.coordinator:
                self.engine.configure(kit)
            for seat in home.seats:
                home.make_key(seat.member, None)
                if seat.role == HOSPITAL:
                    home.save_dataset(seat.member, *datasets[seat.member])

    def start(self, name: str) -> None:
        """Starts a site's process."""
        kit = self.kits[name].resolve()
        with (kit / HOME / "start.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [
                    *self.prefixes.get(name, ()),
                    *interpreter("-m", "proofward", "start", str(kit)),
                    *self.options,
                    *self.site_options.get(name, ()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **isolated(os.environ, kit),
                    **self.environment,
                    **self.environments.get(name, {}),
                },
                start_new_session=True,
            )

    def start_all(self) -> None:
        """The server first, the coordinator last."""
        last, first = self.coordinator, self.network.server
        for name in sorted(self.kits, key=lambda name: (name == last, name != first)):
            self.start(name)

    def wait(
        self, timeout: float, watch: Callable[[], None] = lambda: None, poll: Callable[[], bool] | None = None
    ) -> None:
        """Until the ledger is sealed (or `poll()`); `watch` is called now and then. Raises LocalFailure."""
        until = time.monotonic() + timeout
        done = poll or (lambda: self.sealed)
        while not done():
            watch()
            for name, process in self.processes.items():
                if process.poll() not in (None, 0):
                    raise LocalFailure(
                        f"{name} has ended: see {self.kits[name] / HOME}/start.log and flare.log"
                    )
            if time.monotonic() > until:
                last = self._last_line(self.network.server)
                raise LocalFailure(
                    f"not over after {timeout:.0f} s: see the logs under {self.folder}; "
                    f"the server's last line: {last}"
                )
            time.sleep(BEAT)
        watch()

    def _last_line(self, name: str) -> str:
        try:
            return (self.kits[name] / HOME / "log.jsonl").read_text(errors="replace").splitlines()[-1]
        except (OSError, IndexError):
            return "none"

    def stop(self, name: str) -> None:
        """Ends a site's process in the ordinary way."""
        process = self.processes.pop(name, None)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)

    def kill(self, name: str) -> None:
        """Ends everything that runs a site with SIGKILL, the supervisor first."""
        process = self.processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()
        self.engine.end_leftovers(self.kits[name])

    def stop_all(self) -> None:
        """Ends all processes."""
        stopping = dict(self.processes)
        for name in list(stopping):
            self.stop(name)
        until = time.monotonic() + PATIENCE
        for process in stopping.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def running(self, name: str) -> int | None:
        """The process of a site, if it runs."""
        return self.engine.running(self.kits[name])

    def remove(self) -> None:
        """Deletes everything, keys included."""
        shutil.rmtree(self.folder, ignore_errors=True)
