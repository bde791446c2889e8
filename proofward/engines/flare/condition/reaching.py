"""Which of the server's names and addresses answers: a TLS handshake with the kit's own certificates.

An address of a private network may belong to another machine here, so that only the consortium's certificate
counts as an answer.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from proofward.engines.contract import SERVER
from proofward.engines.flare.kits.addresses import addresses_of, point, server_of
from proofward.engines.flare.kits.kit import certificates_of, kind_of

TIMEOUT = 5.0


def handshake(kit: Path, host: str, port: int) -> str:
    """The TLS version in which both certificates were accepted, "" where the server refused the kit's.

    Raises ssl.SSLError and OSError.
    """
    held = certificates_of(kit)
    context = ssl.create_default_context(cafile=str(held.authority_path))
    context.load_cert_chain(held.certificate_path, held.key_path)
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection((host, port), timeout=TIMEOUT)
    with context.wrap_socket(plain, server_hostname=host) as peer:
        answered = peer.recv(1)  # the server speaks first, once it has seen this kit's certificate
        return str(peer.version()) if answered else ""


def answering_address(kit: Path) -> str | None:
    """The first of the server's addresses that answers; raises KitError."""
    _, port = server_of(kit)
    for host in addresses_of(kit):
        try:
            if handshake(kit, host, port):
                return host
        except OSError:
            continue
    return None


def pointer(kit: Path, named: str | None, proxied: bool) -> Callable[[], None]:
    """What lets a kit connect to the right address, to be called before each attempt; raises KitError.

    named: the operator's choice. Otherwise it is the first address that answers, and the first of all where
    none does or where a proxy resolves the names, so that nothing can be told from here.
    """
    known = addresses_of(kit)
    if named is not None or proxied or len(known) == 1 or kind_of(kit) == SERVER:
        chosen = named or known[0]
        return lambda: point(kit, chosen)
    return lambda: point(kit, answering_address(kit) or known[0])
