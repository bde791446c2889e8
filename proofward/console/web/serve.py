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
_BACKLOG, _PATIENCE = 64, 5


class CannotListen(Exception):
    """The address cannot be listened on: why, and what to do."""


def is_local(address: str) -> bool:
    """Whether only this machine reaches an address; ValueError for what is no IP address."""
    return ipaddress.ip_address(address).is_loopback


def listening(address: str, port: int) -> socket.socket:
    """A socket that listens; raises CannotListen. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
        found.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or str(error)
        words = (
            f"port {port} of {address} cannot be used ({reason}): choose another with --port, or a free one "
        )
        raise CannotListen(f"{words}with --port 0; another console may have it") from error
    return found


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
