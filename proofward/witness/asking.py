"""Asks witnesses to cosign a ledger's checkpoint, and checks what they answer."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from proofward.ledger.checkpoint import parse_size
from proofward.ledger.errors import LedgerError
from proofward.ledger.merkle_log import Nodes, consistency_proof
from proofward.ledger.note import parse_note, signature_line, signature_lines
from proofward.witness.answering import Answer
from proofward.witness.cosignature import Cosigner
from proofward.witness.request import write_request

MAX_ANSWER_BYTES = 1 << 16
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")

Post = Callable[[str, bytes], Answer]
"""Sends a body to an address; raises OSError where there is no answer."""


class NotCosigned(Exception):
    """Why a witness has not cosigned."""


@dataclass(frozen=True)
class Asked:
    """A witness: its submission prefix and its key."""

    url: str
    cosigner: Cosigner

    def __post_init__(self) -> None:
        if not _URL.fullmatch(self.url):
            raise ValueError(f"expected an address that begins with http:// or https://, found {self.url!r}")


def cosignature(asked: Asked, note: bytes, size: int, nodes: Nodes, post: Post) -> str:
    """The line with which a witness cosigns the checkpoint of a ledger of `size` entries.

    Asks from size zero first, and again from the size that the witness names. Raises NotCosigned.
    """
    text, _ = parse_note(note)
    answer = _posted(asked, write_request(0, (), note), post)
    if answer.status == 409:
        try:
            old = parse_size(answer.body.removesuffix("\n"), "the size that the witness names")
        except LedgerError as error:
            raise NotCosigned(str(error)) from error
        if old > size:
            raise NotCosigned(
                f"it has cosigned {old} entries of this ledger, and here are {size}: shown here is less"
            )
        proof = consistency_proof(old, size, nodes)
        answer = _posted(asked, write_request(old, proof, note), post)
    if answer.status != 200:
        told = "".join(character for character in answer.body.strip()[:200] if character.isprintable())
        raise NotCosigned(f"status {answer.status}: {told}")
    try:
        for name, raw in signature_lines(answer.body):
            if asked.cosigner.time_of(text, [(name, raw)]) is not None:
                return signature_line(name, raw)
    except LedgerError as error:
        raise NotCosigned(str(error)) from error
    raise NotCosigned(f"its answer has no signature of {asked.cosigner}")


def _posted(asked: Asked, body: bytes, post: Post) -> Answer:
    try:
        return post(f"{asked.url.rstrip('/')}/add-checkpoint", body)
    except OSError as error:
        raise NotCosigned(f"no answer: {error}") from error


def over_http(timeout: float) -> Post:
    """Posts with the standard library; waits at most so many seconds for each piece, and reads 64 KiB."""

    def post(url: str, body: bytes) -> Answer:
        request = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")
        try:
            return answered(request, timeout)
        except http.client.HTTPException as error:
            raise OSError(f"not HTTP: {type(error).__name__}") from error

    return post


def answered(request: urllib.request.Request, timeout: float) -> Answer:
    """What an address answers, with the status; raises OSError, HTTPException."""
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Answer(answer.status, _text(answer.read(MAX_ANSWER_BYTES)))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _text(error.read(MAX_ANSWER_BYTES)))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
