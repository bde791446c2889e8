"""What a witness has cosigned last of a ledger, read from its address."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from collections.abc import Callable

from proofward.ledger.errors import LedgerError
from proofward.ledger.note import NoteVerifier
from proofward.witness.answering import Answer
from proofward.witness.asking import Asked, answered
from proofward.witness.cosigned import Cosigned, Witnesses, open_cosigned

Get = Callable[[str], Answer]
"""Reads an address; raises OSError where there is no answer."""


class NotSeen(Exception):
    """Why nothing is known of what a witness has seen."""


def seen(asked: Asked, log: NoteVerifier, get: Get) -> Cosigned:
    """The checkpoint, signed by the log, that this witness cosigned last. Raises NotSeen."""
    origin = hashlib.sha256(log.name.encode()).hexdigest()
    try:
        answer = get(f"{asked.url.rstrip('/')}/{origin}/checkpoint")
    except OSError as error:
        raise NotSeen(f"no answer: {error}") from error
    if answer.status != 200:
        raise NotSeen(f"status {answer.status}")
    try:
        return open_cosigned(answer.body.encode(), log, Witnesses((asked.cosigner,), 1))
    except LedgerError as error:
        raise NotSeen(str(error)) from error


def over_http(timeout: float) -> Get:
    """Reads with the standard library; waits at most so many seconds for each piece, and reads 64 KiB."""

    def get(url: str) -> Answer:
        try:
            return answered(urllib.request.Request(url), timeout)
        except http.client.HTTPException as error:
            raise OSError(f"not HTTP: {type(error).__name__}") from error

    return get
