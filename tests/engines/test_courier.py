"""The courier's answer to an air-gapped member is the one to its latest bundle, whenever that comes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from proofward.encoding import encode
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.memory_sticks import courier
from proofward.engines.remote.memory_sticks.bundle import Asked
from proofward.engines.remote.memory_sticks.courier import Courier
from proofward.engines.remote.memory_sticks.gateway import ORDER, REPLY, Gateway, Order, Reply
from proofward.federation.history.state.history_state import SHARES

MOMENTS = ("_is_fetched", "_extensions", "_objects", "lock")


def interrupted(gateway, moment):
    """A courier of this gateway that a new bundle comes to in the middle of its work."""

    class Interrupted(Courier):
        """What it fetches is empty; only the order counts."""

        interrupt = iter([True])

        def reached(self, name):
            if name == moment and next(self.interrupt, False):
                ordered(gateway, 2)

        def _is_fetched(self, own):
            found = super()._is_fetched(own)
            self.reached("_is_fetched")
            return found

        def _extensions(self, history, size):
            self.reached("_extensions")
            return [b"extension"], history.size

        def _objects(self, own, order, history):
            self.reached("_objects")
            return set()

    made = Interrupted(gateway.home, lambda data: b"")
    plain = gateway.lock

    def lock(patience=0.0):
        made.reached("lock")
        return plain(patience)

    gateway.lock = lock
    return made


def ordered(gateway, number):
    gateway.write(ORDER, encode(Order(number, bytes(32), 5, Asked((), ()))))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_bundle_that_comes_during_the_work_is_answered_too(tmp_path, monkeypatch, moment):
    gateway = Gateway(Home(tmp_path), "hospital-2")
    gateway.folder.mkdir(parents=True)
    monkeypatch.setattr(courier, "awaits", lambda history, member: True)
    history = SimpleNamespace(size=7, phase=SHARES, position=lambda: (1, 0))
    works = interrupted(gateway, moment)
    works._history = history
    ordered(gateway, 1)
    for _ in range(3):
        works._fetch(gateway, history)
    reply = gateway.record(REPLY, Reply)
    assert reply is not None and (reply.number, reply.size) == (2, 7)
    assert works._is_fetched(gateway)
