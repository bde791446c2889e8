"""The addresses of a witness, as an application of Starlette."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from proofward.ledger.errors import LedgerError
from proofward.witness.answering import Answer, Witness
from proofward.witness.request import MAX_REQUEST_BYTES

T = TypeVar("T")
_HASH = re.compile("[0-9a-f]{64}")


def application(witness: Witness) -> Starlette:
    """POST /add-checkpoint and GET /ORIGIN-HASH/checkpoint; everything else is 404 or 405."""

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_REQUEST_BYTES:
                    break
        except ClientDisconnect:
            return Response(status_code=400)
        return await _answered(witness.add_checkpoint, body)

    async def checkpoint(request: Request) -> Response:
        name = request.path_params["origin_hash"]
        if not _HASH.fullmatch(name):
            return _response(Answer(404, "expected the SHA-256 of an origin, in lower case\n"))
        return await _answered(witness.checkpoint, name)

    return Starlette(routes=[
        Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
        Route("/{origin_hash}/checkpoint", checkpoint, methods=["GET"]),
    ])  # fmt: skip


async def _answered(work: Callable[[T], Answer], given: T) -> Response:
    """What the witness says, worked out beside other requests; 503 where its memory fails."""
    try:
        return _response(await run_in_threadpool(work, given))
    except LedgerError:
        return _response(Answer(503, "the witness cannot remember anything now\n"))


def _response(answer: Answer) -> Response:
    return Response(answer.body.encode(), answer.status, {"Content-Type": answer.content_type})
