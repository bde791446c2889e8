"""Seconds from events, bytes from the wire."""

from __future__ import annotations

import time

from proofward.federation.messages.events import Event
from proofward.report.measurements import PHASES, Measurements


def test_phases_of_a_proof_last_until_the_next():
    measured = Measurements()
    for kind, subject in (("proving", "train"), ("proving", "prove"), ("proved", "upload")):
        measured.observe(Event("a", kind, 1, 0, subject, 0.5))
        time.sleep(0.01)
    found = measured.durations()
    assert found["train"].count == found["prove"].count == 1
    assert 0.01 <= found["train"].total < 0.5 and found["encrypt"].mean == 0


def test_seconds_that_events_carry():
    measured = Measurements()
    for kind, subject in (
        ("proved", "enrolment"), ("verified", "b"), ("verified", "c"), ("aggregated", "round"),
        ("confirmed", "x"), ("recorded", "upload"),
    ):  # fmt: skip
        measured.observe(Event("a", kind, 1, 0, subject, 0.25))
    found = measured.durations()
    assert set(found) == set(PHASES)
    assert (found["verify"].count, found["verify"].total, found["verify"].mean) == (2, 0.5, 0.25)
    assert all(found[phase].total == 0.25 for phase in ("prove enrolment", "aggregate", "confirm"))


def test_bytes_of_a_round_leave_the_enrolment_out():
    measured = Measurements()
    assert measured.to_aggregator("a", bytes(1000)) == (bytes(1000),)
    for number in (1, 2):
        measured.observe(Event("x", "recorded", number, 0, "round-opened"))
        for member, sent in (("a", 10), ("b", 30), ("verifier", 500)):
            measured.to_aggregator(member, bytes(sent))
            assert measured.to_member(member, bytes(7)) == (bytes(7),)
    assert measured.bytes_a_round(["a", "b"]) == (20.0, 7.0)
    assert Measurements().bytes_a_round(["a"]) == (0.0, 0.0)
