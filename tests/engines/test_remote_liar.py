"""A host that lies to members: they refuse with a reason, and go on when it is honest again.

Meanwhile they ask seldom and keep to their folder. What the aggregator signed against itself halts them.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from dataclasses import replace
from io import BytesIO

import pytest

from proofward.encoding import decode, encode
from proofward.engines.remote import messages
from proofward.engines.remote.agreement.joining import JoinRequest
from proofward.engines.remote.caller import Stream, deliver, send
from proofward.engines.remote.messages import (
    PIECE_BYTES,
    Assembled,
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
    Say,
    Wanted,
    read_answer,
    read_request,
)
from proofward.engines.remote.objects import RemoteObjects
from proofward.federation.messages.refusal import Refusal
from proofward.federation.messages.wire import Extension, sign_extension
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteSigner
from tests.engines.remote_harness import AUDITOR, Consortium, agreement, files_under, one_slot_one_envelope

pytestmark = pytest.mark.slow

STRANGER = SigningKey(bytes(32))
LIAR_SECONDS = 4


def no_note(kind, **fields):
    """Nobody listens."""


def stream(data: bytes) -> Stream:
    """Bytes as an object."""
    return Stream(BytesIO(data), 0, len(data))


class Host:
    """Answers one kind of request as told, and counts."""

    def __init__(self, *answers):
        self.answers, self.asked = answers, []

    def __call__(self, request):
        self.asked.append(request)
        assert len(self.asked) < 1000, "it asks for ever"
        found = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return found(request) if callable(found) else found


DATA = bytes(range(256)) * 40
DIGEST = hashlib.sha256(DATA).digest()


@pytest.mark.parametrize(
    "answers, check",
    [
        ((Recorded(),), "answer"),
        ((Held(0, True),), "answer"),
        ((Piece(len(DATA), DATA[:-1]),), "object-size"),
        ((Piece(len(DATA), b""),), "object-size"),
        ((Piece(len(DATA) - 1, DATA),), "object-size"),
        ((Piece((1 << 63) - 1, bytes(PIECE_BYTES)),), "object-size"),
        ((Piece(PIECE_BYTES + 1, bytes(PIECE_BYTES)), Piece(PIECE_BYTES + 2, b"xx")), "object-size"),
        ((lambda request: Piece(request.offset + PIECE_BYTES + 1, bytes(PIECE_BYTES)),), "object-size"),
    ],
)
def test_pieces_that_make_no_sense(tmp_path, answers, check):
    host = Host(*answers)
    objects = RemoteObjects(tmp_path / "objects", host, 10 * PIECE_BYTES)
    with pytest.raises(Refusal) as caught:
        objects(DIGEST)
    assert caught.value.check == check and caught.value.culprit == "transport"
    assert objects.lacking and files_under(tmp_path) == {} and len(host.asked) <= 2
    objects._ask = Host(lambda request: Piece(len(DATA), DATA[request.offset :]))
    assert objects(DIGEST) == DATA and not objects.lacking


@pytest.mark.parametrize("answer", [Piece(4, b"liar"), Piece(0, b""), Declined("object-missing", "", "", "")])
def test_other_objects_than_asked_for(tmp_path, answer):
    objects = RemoteObjects(tmp_path / "objects", Host(answer))
    assert objects(DIGEST) is None and objects.lacking and files_under(tmp_path) == {}
    with pytest.raises(Exception, match="object"):
        objects.open(DIGEST)


def test_what_is_held_is_not_fetched_again(tmp_path):
    whole = bytes(3 * PIECE_BYTES + 5)
    digest = hashlib.sha256(whole).digest()
    breaking = Host(
        lambda request: Piece(len(whole), whole[:PIECE_BYTES]), Declined("object-missing", "", "", "")
    )
    assert RemoteObjects(tmp_path / "objects", breaking)(digest) is None
    host = Host(lambda request: Piece(len(whole), whole[request.offset :][:PIECE_BYTES]))
    assert RemoteObjects(tmp_path / "objects", host)(digest) == whole
    assert [request.offset for request in host.asked] == [n * PIECE_BYTES for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "answer",
    [
        Held(0, False),
        Held((1 << 63) - 1, False),
        lambda request: Held(request.offset + 1, False) if isinstance(request, Part) else request,
    ],
)
def test_an_object_that_is_never_complete(answer):
    host = Host(answer)
    send(host, DIGEST, stream(DATA), 0, no_note)
    assert len(host.asked) <= 10


def test_an_envelope_that_always_lacks_something():
    missing = Wanted((Missing(DIGEST, 0), Missing(bytes(32), 7), Missing(DIGEST, 1 << 62)) * 1000)
    host = Host(lambda request: missing if isinstance(request, Say) else Held(0, False))
    assert not deliver(host, b"envelope", {DIGEST: stream(DATA)}, no_note)
    assert len(host.asked) <= 40
    for answer in (NotYet("later"), Piece(0, b""), Held(0, True)):
        with pytest.raises(Refusal, match="answer"):
            deliver(Host(answer), b"envelope", {}, no_note)


class Liar:
    """Stands before a consortium's desk and alters answers while `lying`."""

    def __init__(self, consortium: Consortium, lie: str) -> None:
        self.consortium, self.honest = consortium, consortium.desk.answer
        self.lying, self.lie = threading.Event(), getattr(self, lie)
        self.rng, self.count = random.Random(lie), 0
        self.first: bytes = b""
        consortium.wire.answer = self.answer

    def answer(self, data: bytes) -> bytes:
        answer = self.honest(data)
        if not self.lying.is_set():
            return answer
        self.count += 1
        found = self.lie(read_request(data), read_answer(answer))
        return found if isinstance(found, bytes) else encode(found)

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
        return Wanted((Missing(DIGEST, 0),)) if isinstance(answer, Recorded | Wanted) else answer

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


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
def test_members_outlast_a_lie(tmp_path, lie):
    with Consortium(tmp_path, agreement(rounds=1)) as consortium:
        liar = Liar(consortium, lie)
        consortium.start()
        consortium.until(lambda: consortium.phase("keys", 1) or consortium.phase("upload", 1))
        liar.lying.set()
        before = {name: files_under(tmp_path / name / "startup") for name in consortium.names}
        time.sleep(LIAR_SECONDS)
        liar.lying.clear()
        assert liar.count < 7 * LIAR_SECONDS * 25, "a loop without a pause"
        assert before == {name: files_under(tmp_path / name / "startup") for name in consortium.names}
        consortium.join()
        assert consortium.audit() == []
        one_slot_one_envelope(consortium.wire.said)
        assert {path.name for path in tmp_path.iterdir()} == {*consortium.names, "server", "audited"}


@pytest.mark.slow
def test_what_the_aggregator_signed_against_itself_halts(tmp_path):
    with Consortium(tmp_path, agreement(rounds=1)) as consortium:
        honest, begun = consortium.desk.answer, threading.Event()

        def forked(data: bytes) -> bytes:
            request = read_request(data)
            if consortium.phase("upload", 1):
                begun.set()  # from now on, whatever still gets through
            if not isinstance(request, Follow) or not begun.is_set():
                return honest(data)
            aggregator = consortium.host.aggregator
            note = sign_checkpoint(request.since, bytes(32), aggregator.signer)
            shown = Extension(request.since, (), note, ())
            return encode(Extended(sign_extension(shown, aggregator.key, aggregator.rules), False))

        consortium.wire.answer = forked
        consortium.start()
        consortium.until(lambda: not any(thread.is_alive() for thread in consortium.threads.values()))
        assert all(site.failures == {} for site in consortium.sites.values())
        for seat in consortium.terms.seats:
            if seat.role != "aggregator":
                state = StateStore(tmp_path / seat.site / "home" / "members" / seat.member / "state.sqlite")
                assert state.fact("halted").startswith(b"ledger-consistency\naggregator\n")
                state.close()


def test_substituted_keys_are_not_joined(tmp_path):
    with Consortium(tmp_path) as consortium:
        honest = consortium.desk.answer

        def substituting(data: bytes) -> bytes:
            answer = read_answer(honest(data))
            if isinstance(answer, Assembled):
                theirs = decode(answer.requests[1], JoinRequest)
                forged = encode(replace(theirs, key=STRANGER.public.raw))
                answer = Assembled((answer.requests[0], forged, *answer.requests[2:]))
            return messages.write(answer)

        consortium.wire.answer = substituting
        consortium.start()
        members = {seat.member for seat in consortium.terms.seats if seat.role != "aggregator"}
        consortium.until(lambda: all(consortium.noted("declined", party=m, check="signature") for m in members))
        consortium.stop(*consortium.names)
        for name, site in consortium.sites.items():
            assert site.failures == {} and not (tmp_path / name / "home" / "rules").exists()
        assert AUDITOR in consortium.sites
