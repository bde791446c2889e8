"""A host that lies to members: they refuse with a reason, and go on when it is honest again.

Meanwhile they ask seldom and keep to their folder. What the aggregator signed against itself halts them.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import replace
from io import BytesIO

import pytest

from proofward.encoding import decode, encode
from proofward.engines.remote import link
from proofward.engines.remote.agreement.joining import JoinRequest
from proofward.engines.remote.carrying import messages
from proofward.engines.remote.carrying.caller import Stream, deliver, send
from proofward.engines.remote.carrying.messages import (
    PIECE_BYTES,
    Assembled,
    Declined,
    Extended,
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
from proofward.engines.remote.carrying.objects import RemoteObjects
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.wire import Extension, sign_extension
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.checkpoint import sign_checkpoint
from tests.engines.liar import LIES, STRANGER, Liar
from tests.engines.remote_harness import (
    AUDITOR,
    Consortium,
    agreement,
    files_under,
    one_slot_one_envelope,
    topic,
)

pytestmark = pytest.mark.slow

LIAR_SECONDS, SHORT_PAUSE = 1.5, 1.0
"""For how long a lie is told, to seven members, and how long they pause for an answer that makes no sense."""
TRIES = 1000
"""Requests of members that try at once, and a few times, what they owe."""


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


@pytest.mark.slow
def test_members_outlast_every_lie(tmp_path, monkeypatch):
    """One after the other, each in a round of its own, which waits for the liar."""
    monkeypatch.setattr(link, "PAUSES", (SHORT_PAUSE,))
    begun = [threading.Event() for _ in range(len(LIES) + 1)]
    with Consortium(tmp_path, agreement(rounds=len(LIES))) as consortium:

        def trouble(site, request, number):
            if site == "hospital-2" and topic(request) == "upload":
                gate = begun[decode(request.envelope, Envelope).round]
                while not gate.wait(0.1) and not consortium.sites[site].stop.is_set():
                    pass
            return 1, True

        liar, consortium.wire.trouble = Liar(consortium), trouble
        consortium.start()
        for number, lie in enumerate(LIES, 1):
            consortium.until(lambda: any(consortium.phase(name, number) for name in ("keys", "upload")))
            before = {name: files_under(tmp_path / name / "startup") for name in consortium.names}
            liar.count = liar.told = 0
            start, liar.lie = time.monotonic(), getattr(liar, lie)
            begun[number].set()
            consortium.until(lambda: time.monotonic() - start > LIAR_SECONDS and liar.told)
            liar.lie, seconds = None, time.monotonic() - start
            assert liar.count < TRIES + 7 * seconds * 25, f"{lie}: a loop without a pause"
            assert before == {name: files_under(tmp_path / name / "startup") for name in consortium.names}, lie
        consortium.join()
        assert len(consortium.host.aggregator.history.closed) == len(LIES)
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
