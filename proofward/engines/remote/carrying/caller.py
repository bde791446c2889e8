"""Requests to the host, asked again until they are answered, and envelopes with their objects among them.

Objects are sent from the offset that the host holds, so a transfer resumes where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import BinaryIO

from proofward.engines.remote.carrying.messages import (
    PIECE_BYTES,
    Answer,
    Declined,
    Held,
    Part,
    Recorded,
    Request,
    Say,
    Wanted,
    read_answer,
    write,
)
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe

Carry = Callable[[bytes], bytes]
Ask = Callable[[Request], Answer]
Note = Callable[..., None]
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
ATTEMPTS = 3


class Unreachable(Exception):
    """The host did not answer; it may later."""


class Stopped(Exception):
    """The member's process has been asked to stop."""


@dataclass(frozen=True)
class Stream:
    """An object's bytes: `size` of them, from `start` on in a seekable file."""

    file: BinaryIO
    start: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """At most `count` bytes of the object from `offset` on; raises Refusal when the file is shorter."""
        count = min(count, self.size - offset)
        self.file.seek(self.start + offset)
        data = self.file.read(count)
        if len(data) != count:
            raise Refusal("object", TRANSPORT, f"{count} bytes", f"{len(data)} bytes")
        return data


def deliver(ask: Ask, envelope: bytes, objects: Mapping[bytes, Stream], note: Note) -> bool:
    """Says an envelope and sends what the host wants of its objects; whether it is recorded.

    Raises Refusal for an answer that is none.
    """
    for _ in range(ATTEMPTS):
        answer = ask(Say(envelope))
        if isinstance(answer, Recorded):
            return True
        if isinstance(answer, Declined):
            note("declined", check=answer.check, culprit=answer.culprit)
            return False
        if not isinstance(answer, Wanted):
            raise Refusal("answer", TRANSPORT, "wanted or recorded", describe(type(answer).__name__))
        for digest, held in {missing.digest: missing.held for missing in answer.objects}.items():
            if digest in objects:
                send(ask, digest, objects[digest], held, note)
    return False


def send(ask: Ask, digest: bytes, stream: Stream, held: int, note: Note) -> None:
    """Sends an object from the offset that the host holds; raises Refusal for an answer that is none."""
    start, sent = time.perf_counter(), 0
    held = min(held, stream.size)
    for _ in range(2 * (stream.size // PIECE_BYTES + ATTEMPTS)):
        piece = stream.read(held, PIECE_BYTES)
        answer = ask(Part(digest, held, piece, held + len(piece) >= stream.size))
        if isinstance(answer, Declined):
            note("declined", check=answer.check, culprit=answer.culprit)
            return
        if not isinstance(answer, Held):
            raise Refusal("answer", TRANSPORT, "held", describe(type(answer).__name__))
        sent += len(piece)
        if answer.complete:
            note("object sent", object=digest.hex(), bytes=sent, seconds=time.perf_counter() - start)
            return
        held = min(answer.length, stream.size)


class Caller:
    """Requests with retries: `carry` raises Unreachable, and is tried again until `stop` is set."""

    def __init__(self, carry: Carry, stop: Event, note: Note = lambda kind, **fields: None) -> None:
        self._carry = carry
        self._stop = stop
        self._note = note
        self._failures = 0
        self.require_time: Callable[[], None] = lambda: None
        self.bytes_out = 0
        self.bytes_in = 0

    def ask(self, request: Request) -> Answer:
        """The answer; raises Stopped, Overdue, and Refusal for a malformed one."""
        data = write(request)
        while not self._stop.is_set():
            self.require_time()
            try:
                answer = self._carry(data)
            except Unreachable:
                if self._failures == 0:
                    self._note("disconnected")
                self._stop.wait(PAUSES[min(self._failures, len(PAUSES) - 1)])
                self._failures += 1
                continue
            self.bytes_out += len(data)
            self.bytes_in += len(answer)
            if self._failures:
                self._failures = 0
                self._note("connected")
            return read_answer(answer)
        raise Stopped

    def pause(self, seconds: float) -> None:
        """Waits, or raises Stopped."""
        if self._stop.wait(seconds):
            raise Stopped
