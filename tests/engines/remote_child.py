"""One site, or the desk, in a process of its own that kills itself at a step.

Every request on its way out and every answer, and every event, is a step; questions for new entries are not.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from proofward.engines.remote.carrying.caller import Unreachable
from proofward.engines.remote.carrying.messages import Follow, read_request
from tests.engines.remote_harness import SERVER, open_desk, open_site

Answering = Callable[[bytes], bytes]


class Countdown:
    """Kills the process when it has counted to `steps`."""

    def __init__(self, steps: int) -> None:
        self.steps, self.count = steps, 0
        self._lock = threading.Lock()

    def step(self, *_: object) -> None:
        with self._lock:
            self.count += 1
            if self.count == self.steps:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, answer: Answering) -> Answering:
        """The same, counted before and after."""

        def counted(data: bytes) -> bytes:
            if isinstance(read_request(data), Follow):
                return answer(data)
            self.step()
            found = answer(data)
            self.step()
            return found

        return counted


def ask(address: str) -> Answering:
    """Asks whoever listens at the socket."""

    def asked(data: bytes) -> bytes:
        try:
            with Client(address, "AF_UNIX") as connection:
                connection.send_bytes(data)
                return connection.recv_bytes()
        except (OSError, EOFError) as error:
            raise Unreachable from error

    return asked


def listen(address: str, answer: Answering) -> Listener:
    """Answers at the socket, on threads, until it is closed."""
    Path(address).unlink(missing_ok=True)
    listener = Listener(address, "AF_UNIX", backlog=64)

    def serve(connection: Connection) -> None:
        try:
            with connection:
                connection.send_bytes(answer(connection.recv_bytes()))
        except (OSError, EOFError, Unreachable):
            return

    def accept() -> None:
        while True:
            try:
                connection = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def main(said: Connection, root: Path, name: str, address: str, steps: int) -> None:
    """Runs to the end and says the number of steps; the desk then answers until it gets a word."""
    countdown = Countdown(steps)
    if name == SERVER:
        desk = open_desk(root, observe=countdown.step)
        listen(address, countdown.around(desk.answer))
        while desk.host is None:
            time.sleep(0.01)
        desk.host.run(lambda: False)
        said.send(countdown.count)
        said.recv()
        desk.host.aggregator.ledger.close()
        return
    carry = countdown.around(ask(address))
    site = open_site(root, name, carry, threading.Event(), observe=countdown.step)
    site.run()
    assert site.failures == {}
    said.send(countdown.count)
