"""Uploads leave at multiples of the slot, whatever the work before took."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.engines.remote.carrying.messages import Say
from proofward.engines.remote.upload_slots import UploadSlots
from proofward.federation.messages.consortium.rules import RulesError
from tests.engines.remote_harness import Consortium, agreement, terms_of, topic
from tests.federation.fakes import FakeProofs

PLACE, NEXT = (1, 0), (1, 1)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(work=st.floats(0, 1000), slot=st.integers(1, 100))
def test_an_upload_leaves_at_the_next_multiple(work, slot):
    clock = Clock()
    slots = UploadSlots(slot, clock)
    slots.heard()
    slots.wanted(PLACE)
    clock.now += work
    delay = slots.delay(PLACE)
    assert 0 <= delay <= slot
    passed = (work + delay) / slot
    assert abs(passed - round(passed)) < 1e-6


def test_later_answers_of_the_host_do_not_move_the_slots():
    clock = Clock()
    slots = UploadSlots(10, clock)
    slots.heard()
    slots.wanted(PLACE)
    clock.now += 3
    slots.heard()
    slots.wanted(PLACE)
    clock.now += 4
    assert slots.delay(PLACE) == 3
    slots.heard()
    slots.wanted(NEXT)
    assert slots.delay(NEXT) == 0


def test_without_slots_an_upload_leaves_at_once():
    clock = Clock()
    slots = UploadSlots(0, clock)
    clock.now += 0.123
    assert slots.delay(PLACE) == 0


class Slow(FakeProofs):
    """Proofs that take a time of their own for every hospital."""

    def prove_round(self, statement, *rest):
        time.sleep(0.25 * int(statement.hospital[-1]))
        return super().prove_round(statement, *rest)


@pytest.mark.slow
def test_times_of_uploads_do_not_tell_how_long_the_work_took(tmp_path):
    slot, left = 3, {}
    with Consortium(tmp_path, agreement(rounds=1), upload_slot=slot) as consortium:

        def trouble(site, request, number):
            if isinstance(request, Say) and topic(request) == "upload":
                left.setdefault(site, time.monotonic())
            return 1, True

        consortium.wire.trouble = trouble
        consortium.start(proofs=Slow())
        consortium.until(lambda: consortium.phase("upload"))
        begun = time.monotonic()
        consortium.join()
        assert consortium.audit() == []
    assert sorted(left) == ["hospital-0", "hospital-1", "hospital-2"]
    for moment in left.values():
        after = (moment - begun) % slot
        assert min(after, slot - after) < 0.25, (left, begun)


def test_rejects_slots_longer_than_half_the_deadline():
    terms = terms_of(agreement(), 60)
    assert replace(terms, upload_slot=30).check().rounds == 2
    with pytest.raises(RulesError, match="upload_slot"):
        replace(terms, upload_slot=31).check()


def test_the_slot_is_part_of_the_terms():
    terms = terms_of(agreement(), 60)
    assert terms.digest != replace(terms, upload_slot=2).digest
