"""A host that lies: it stands before a consortium's desk, and each of its methods is a lie."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

from proofward.encoding import decode, encode
from proofward.engines.remote.carrying.messages import (
    Answer,
    Declined,
    Extended,
    Fetch,
    Follow,
    Held,
    Missing,
    NotYet,
    Part,
    Piece,
    Recorded,
    Request,
    Say,
    Wanted,
    read_answer,
    read_request,
)
from proofward.federation.messages.wire import Extension, sign_extension
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteSigner
from tests.engines.remote_harness import Consortium

STRANGER = SigningKey(bytes(32))
SOMETHING = hashlib.sha256(b"something").digest()


class Liar:
    """Stands before a consortium's desk and alters answers as long as it has a lie."""

    def __init__(self, consortium: Consortium) -> None:
        self.consortium, self.honest = consortium, consortium.desk.answer
        self.lie: Callable[[Request, Answer], Answer | bytes] | None = None
        self.rng, self.count, self.told = random.Random("liar"), 0, 0
        self.first: bytes = b""
        consortium.wire.answer = self.answer

    def answer(self, data: bytes) -> bytes:
        answer, lie = self.honest(data), self.lie
        if lie is None:
            return answer
        self.count += 1
        found = lie(read_request(data), read_answer(answer))
        told = found if isinstance(found, bytes) else encode(found)
        self.told += told != answer
        return told

    def garbage(self, request, answer):
        return self.rng.randbytes(self.rng.randrange(100))

    def other_types(self, request, answer):
        others = {
            Follow: Recorded(),
            Say: NotYet("no"),
            Part: Wanted((Missing(bytes(32), 0),)),
            Fetch: Held(0, True),
        }
        return others.get(type(request), answer)

    def nothing_new(self, request, answer):
        return NotYet("nothing")

    def declined(self, request, answer):
        return Declined("phase", "somebody", "something", "else")

    def wrong_objects(self, request, answer):
        return Piece(5, b"wrong"[request.offset :]) if isinstance(answer, Piece) else answer

    def truncated(self, request, answer):
        return Piece(answer.size, answer.data[:-1]) if isinstance(answer, Piece) else answer

    def never_complete(self, request, answer):
        return Held(0, False) if isinstance(answer, Held) else answer

    def always_wanting(self, request, answer):
        return Wanted((Missing(SOMETHING, 0),)) if isinstance(answer, Recorded | Wanted) else answer

    def replayed(self, request, answer):
        if isinstance(answer, Extended):
            self.first = self.first or encode(answer)
            return self.first
        return answer

    def rolled_back(self, request, answer):
        aggregator = self.consortium.host.aggregator
        signer, size = aggregator.signer, 5
        shown = Extension(0, tuple(aggregator.ledger.entries(0)[:size]), b"", ())
        checkpoint = sign_checkpoint(size, aggregator.history.roots[size], signer)
        data = sign_extension(replace(shown, checkpoint=checkpoint), aggregator.key, aggregator.rules)
        return Extended(data, False) if isinstance(request, Follow) else answer

    def signed_by_another(self, request, answer):
        if not isinstance(answer, Extended):
            return answer
        rules, shown = (
            self.consortium.host.aggregator.rules,
            decode(answer.extension, Extension, max_bytes=1 << 30),
        )
        return Extended(sign_extension(shown, STRANGER, rules), False)

    def checkpoint_by_another(self, request, answer):
        if not isinstance(answer, Extended):
            return answer
        aggregator = self.consortium.host.aggregator
        signer = NoteSigner(aggregator.signer.name, STRANGER)
        note = sign_checkpoint(aggregator.history.size, aggregator.history.root, signer)
        shown = decode(answer.extension, Extension, max_bytes=1 << 30)
        return Extended(
            sign_extension(replace(shown, checkpoint=note), aggregator.key, aggregator.rules), False
        )


LIES = [name for name in vars(Liar) if not name.startswith("_") and name != "answer"]
