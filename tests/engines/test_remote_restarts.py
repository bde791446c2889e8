"""What a site, a host or the network could do with what is kept between two starts."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from proofward.encoding import decode, encode
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.joining import make_request
from proofward.engines.remote.carrying.incoming import KEPT_SECONDS
from proofward.engines.remote.carrying.messages import (
    Join,
    Part,
    Recorded,
    Say,
    Wanted,
    read_answer,
    read_request,
    write,
)
from proofward.engines.remote.hosting.desk import Desk
from proofward.engines.remote.hosting.host import NOTING, Host
from proofward.federation.history.sharing.beacon_keys import beacon_key
from proofward.federation.history.state.history_state import ENROLMENT, KEYS
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records.catalogue import Enrolment
from tests.engines.remote_harness import Consortium, agreement, open_desk, open_site, set_up

pytestmark = pytest.mark.slow

DEADLINE = 60


@pytest.fixture
def desk(tmp_path):
    """A desk where everybody has joined and nobody has said anything."""
    terms = set_up(tmp_path, agreement(), DEADLINE)
    desk = open_desk(tmp_path)
    for seat in terms.seats:
        if seat.role != "aggregator":
            site = open_site(tmp_path, seat.site, desk.answer, threading.Event())
            key, kit = site.home.key(seat.member), site.kit
            desk.answer(write(Join(make_request(terms, seat.member, key, kit.certificate, kit.private_key))))
    desk.host.aggregator.advance()
    yield desk
    desk.host.aggregator.ledger.close()


def enrolment(desk: Desk, root: Path, proof: bytes) -> bytes:
    aggregator = desk.host.aggregator
    history, key = aggregator.history, Home(root / "hospital-0" / "home").key("hospital-0")
    sealing = beacon_key(history.rules, "hospital-0", bytes(32))
    body = encode(Enrolment(100, history.rules.config.model.features, proof, sealing))
    place = (0, 0, history.size, history.root, history.clocks[-1])
    return seal_envelope(Envelope(history.rules.digest, "hospital-0", "hospital", *place, body, b""), key).data


def leave_a_piece(desk: Desk, root: Path, proof: bytes) -> None:
    assert isinstance(read_answer(desk.answer(write(Say(enrolment(desk, root, proof))))), Wanted)
    desk.answer(write(Part(proof, 0, bytes(1000), False)))


def test_pieces_that_nobody_goes_on_with_do_not_pile_up(desk, tmp_path):
    folder = desk.host.incoming.directory
    for number in range(3):
        leave_a_piece(desk, tmp_path, bytes([number]) * 32)
        old = time.time() - KEPT_SECONDS - 1
        for path in folder.iterdir():
            os.utime(path, (old, old))
        open_desk(tmp_path).host.aggregator.ledger.close()
        assert list(folder.iterdir()) == []


def test_pieces_that_have_just_come_are_there_after_a_restart(desk, tmp_path):
    leave_a_piece(desk, tmp_path, bytes(32))
    again = open_desk(tmp_path)
    answer = read_answer(again.answer(write(Say(enrolment(again, tmp_path, bytes(32))))))
    assert isinstance(answer, Wanted) and answer.objects[0].held == 1000
    again.host.aggregator.ledger.close()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def served(desk: Desk, seconds: float) -> Host:
    """The host after a restart and so many seconds."""
    clock, notes = Clock(), []
    memory = desk.host.incoming.directory.parent / "served"
    note = lambda kind, **fields: notes.append(kind)  # noqa: E731
    host = Host(desk.host.aggregator, desk.host.incoming, DEADLINE, note, clock, memory)
    for _ in range(int(seconds)):
        host._tend()
        clock.now += 1.0
    host.notes = notes
    return host


def test_restarts_do_not_put_a_deadline_off(desk):
    assert desk.host.aggregator.history.phase == ENROLMENT
    restarts = 0
    while "waiting" not in served(desk, 15).notes:
        restarts += 1
        assert restarts < 10
    assert restarts >= DEADLINE // 15


def test_the_time_of_another_phase_does_not_count(desk):
    memory = desk.host.incoming.directory.parent / "served"
    for text in (f"59.0\n{KEYS}\n1\n0", "59.0\nenrolment\n1\n0", "x\nenrolment\n0\n0", "", "nan\nenrolment\n0\n0"):
        memory.write_text(text)
        assert "waiting" not in served(desk, NOTING).notes
    memory.write_text("59.0\nenrolment\n0\n0")
    assert "waiting" in served(desk, NOTING).notes


def test_a_host_that_says_recorded_and_does_not_record_costs_nobody_its_proof(tmp_path):
    lied = []
    with Consortium(tmp_path) as consortium:
        honest = consortium.wire.answer

        def answer(data: bytes) -> bytes:
            request = read_request(data)
            if not lied and isinstance(request, Say):
                envelope = decode(request.envelope, Envelope)
                if envelope.topic == "upload":
                    lied.append(envelope.sender)
                    return write(Recorded())
            return honest(data)

        consortium.wire.answer = answer
        consortium.start()
        consortium.until(lambda: consortium.host_finished)
        assert lied[0] in consortium.host.aggregator.history.closed[0].uploads
        for seat in consortium.terms.seats:
            outgoing = tmp_path / seat.site / "home" / "members" / seat.member / "outgoing"
            consortium.until(lambda outgoing=outgoing: not [p for p in outgoing.rglob("*") if p.is_file()])
