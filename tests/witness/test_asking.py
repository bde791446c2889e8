"""Answers of a witness that are none: named as such, whatever is sent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteSigner, sign_note
from proofward.witness.asking import Asked, NotCosigned, cosignature, over_http
from proofward.witness.cosignature import Cosigner

LOG, WITNESS = SigningKey(b"l" * 32), SigningKey(b"w" * 32)
NOTE = sign_note("log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", NoteSigner("log", LOG))


@contextmanager
def answering(data: bytes) -> Iterator[str]:
    """The address of a server that sends these bytes to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                read_request(connection)
                connection.sendall(data)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def read_request(connection: socket.socket) -> None:
    """All of it: a connection that is closed with something unread is reset, and its answer is lost."""
    with connection.makefile("rb") as request:
        lines = list(iter(request.readline, b"\r\n"))
        length = next(line for line in lines if line.lower().startswith(b"content-length:"))
        request.read(int(length.split(b":")[1]))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "no answer"),
        (b"nonsense\r\n\r\n", "no answer: not HTTP: BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "no answer: not HTTP: HTTPException"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no answer: not HTTP: IncompleteRead"),
        (b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no answer: not HTTP: IncompleteRead"),
        (b"HTTP/1.1 409 Conflict\r\n\r\n7\n", "it has cosigned 7 entries of this ledger"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no signature|signature line"),
        (b"HTTP/1.1 200 OK\r\n\r\n\xff", "signature line"),
    ],
)
def test_what_is_no_cosignature_is_said_to_be_none(sent: bytes, said: str) -> None:
    with answering(sent) as url, pytest.raises(NotCosigned, match=said):
        cosignature(Asked(url, Cosigner("w", WITNESS.public)), NOTE, 0, lambda level, index: b"", over_http(5.0))
