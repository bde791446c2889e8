"""A socket for a server of this machine, and words for an address that cannot be had."""

from __future__ import annotations

import socket

_BACKLOG = 64


class CannotListen(Exception):
    """The address cannot be listened on: why, and what to do."""


def listening(address: str, port: int, who: str) -> socket.socket:
    """A socket that listens; raises CannotListen. Port 0 takes a free one. who: may have the port already."""
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
        raise CannotListen(f"{words}with --port 0; {who} may have it") from error
    return found
