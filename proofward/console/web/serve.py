"""Serves the pages of one state until it is told to end."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable

import uvicorn

from proofward.console.state import State
from proofward.console.web.guarding import Guard, new_token
from proofward.console.web.pages import Pages

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRACEBACK_VARIABLE = "PROOFWARD_TRACEBACK"
_PATIENCE = 5


def is_local(address: str) -> bool:
    """Whether only this machine reaches an address; ValueError for what is no IP address."""
    return ipaddress.ip_address(address).is_loopback


class Served:
    """The pages on a socket, from `start` to `close`."""

    def __init__(self, state: State, sock: socket.socket) -> None:
        self.state = state
        self._socket = sock
        self.address, self.port = sock.getsockname()[:2]
        self.token = new_token()
        app = Guard(
            Pages(state).application(),
            token=self.token,
            hosts=LOOPBACK if is_local(self.address) else (self.address,),
            cookie=f"proofward-console-{self.port}",
            asked=state.asked,
        )
        level = "error" if os.environ.get(TRACEBACK_VARIABLE) else "critical"
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_level=level,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="console-web", daemon=True)

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    @property
    def url(self) -> str:
        """What to open, with the token."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}/?token={self.token}"

    def start(self) -> None:
        """Begins to look and to answer."""
        self.state.start()
        self._thread.start()

    def wait(self, stopped: Callable[[float], bool]) -> None:
        """Until `stopped(seconds)` says so, or the server has ended."""
        while self._thread.is_alive() and not stopped(1.0):
            pass

    def close(self) -> None:
        """Ends both."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._socket.close()
        self.state.close()
