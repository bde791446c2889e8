"""Processes killed at any step go on where they were.

Nobody says two things on one slot, and no object is sent twice.
"""

from __future__ import annotations

import hashlib
import random
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from proofward.encoding import decode
from proofward.engines.remote.agreement.home import SEED as SEED_FILE
from proofward.engines.remote.carrying.caller import Unreachable, deliver, send
from proofward.engines.remote.carrying.messages import PIECE_BYTES, Held, Join, Part, Say, Wanted
from proofward.federation.messages.envelope import Envelope
from tests.engines import remote_child
from tests.engines.forked import Forked
from tests.engines.remote_child import ask, listen
from tests.engines.remote_harness import (
    AUDITOR,
    SERVER,
    Consortium,
    one_slot_one_envelope,
    open_desk,
)
from tests.engines.test_remote_liar import no_note, stream
from tests.engines.waiting import LATE, Waiting
from tests.patience import PATIENCE

NEVER = 0
KILLS = 5
APART = {"verifier-0": AUDITOR}
"""hospital-0 is alone at its site, two verifiers are at the auditor's."""


def child(root: Path, name: str, address: str, step: int) -> Forked:
    return Forked(remote_child.main, root, name, address, step)


def unseeded(root: Path) -> None:
    """From now on nothing that is made twice comes out alike."""
    for path in root.glob(f"*/home/{SEED_FILE}"):
        path.unlink()


def sent(consortium: Consortium) -> list[bytes]:
    """Whatever was said by anybody, and is in the ledger."""
    return [*consortium.wire.said, *consortium.host.aggregator.ledger.entries(0)]


OFTEN = pytest.mark.parametrize("kills", [KILLS, pytest.param(9, marks=pytest.mark.exhaustive)])


def lives(name: str, steps: int, kills: int) -> list[int]:
    """After how many steps it is killed, again and again, on the way of so many."""
    rng = random.Random(f"kill {name}")
    return [rng.randrange(1, 2 * steps // (kills + 5)) for _ in range(kills)]


@pytest.mark.slow
@OFTEN
@pytest.mark.parametrize("name, steps", [("hospital-0", 137), (AUDITOR, 188)])
def test_a_site_killed_at_any_step(tmp_path, name, steps, kills):
    """steps: that it takes when nobody kills it."""
    with Consortium(tmp_path, sites=APART) as consortium:
        unseeded(tmp_path)
        address = str(tmp_path / "socket")
        listener = listen(address, consortium.wire.carrier(name))
        consortium.start(*(other for other in consortium.names if other != name))
        for step in lives(name, steps, kills):
            code, said = child(tmp_path, name, address, step).end()
            assert code == -signal.SIGKILL, f"{step}: {said}"
        code, said = child(tmp_path, name, address, NEVER).end()
        assert code == 0, said
        consortium.join()
        listener.close()
        one_slot_one_envelope(sent(consortium))
        history = consortium.host.aggregator.history
        assert history.refusals == [] and len(history.closed) == 2
        assert all(len(state.accepted.record.hospitals) == 3 for state in history.closed)
        assert consortium.audit() == []


class Elsewhere:
    """Sites in this process, the desk in another, which is killed."""

    def __init__(self, root: Path, steps: list[int]) -> None:
        self.root, self.steps, self.address = root, [*steps, NEVER], str(root / "socket")
        self.kills = 0

    def serve(self, done: threading.Event) -> None:
        for step in self.steps:
            process = child(self.root, SERVER, self.address, step)
            while process.alive and not done.wait(0.05):
                pass
            code, said = process.end()
            assert code in (0, -signal.SIGKILL), said
            self.kills += code == -signal.SIGKILL
            if code == 0:
                return


@pytest.mark.slow
@OFTEN
def test_the_desk_killed_at_any_step(tmp_path, kills):
    elsewhere, done = Elsewhere(tmp_path, lives("the desk", 828, kills)), threading.Event()
    consortium = Consortium(tmp_path, sites=APART, answer=ask(elsewhere.address))
    unseeded(tmp_path)
    server = threading.Thread(target=elsewhere.serve, args=(done,))
    server.start()
    try:
        consortium.start()
        consortium.join()
    finally:
        done.set()
        consortium.stop(*consortium.sites)
        server.join(PATIENCE)
    assert elsewhere.kills == kills
    consortium.desk = open_desk(tmp_path)
    history = consortium.host.aggregator.history
    assert history.refusals == [] and len(history.closed) == 2
    one_slot_one_envelope(sent(consortium))
    assert consortium.audit() == []


def test_a_broken_transfer_goes_on_from_what_is_held(tmp_path):
    whole = random.Random(1).randbytes(3 * PIECE_BYTES + 1000)
    digest = hashlib.sha256(whole).digest()
    with Waiting(tmp_path, "upload", "upload") as consortium:
        record = replace(decode(consortium.kept[0], Envelope).record, proof=digest)
        envelope = consortium.spoken(LATE, record)
        crossed: list[int] = []
        budget = [2]

        def broken(request):
            if isinstance(request, Part):
                if budget[0] == 0:
                    raise Unreachable
                budget[0] -= 1
                crossed.append(len(request.data))
            return consortium.ask(request)

        with pytest.raises(Unreachable):
            deliver(broken, envelope, {digest: stream(whole)}, no_note)
        assert sum(crossed) == 2 * PIECE_BYTES
        consortium.reopen()
        assert isinstance(
            consortium.ask(Part(digest, 2 * PIECE_BYTES, b"x", False)), type(consortium.ask(Join(b"x")))
        )
        budget[0] = 100
        wanted = consortium.ask(Say(envelope))
        assert isinstance(wanted, Wanted)
        held = next(missing.held for missing in wanted.objects if missing.digest == digest)
        assert held == 2 * PIECE_BYTES
        send(broken, digest, stream(whole), held, no_note)
        assert sum(crossed) == len(whole)
        assert digest not in {missing.digest for missing in consortium.ask(Say(envelope)).objects}
        assert consortium.ask(Part(digest, 0, b"", False)) == Held(len(whole), True)
