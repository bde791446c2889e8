"""A state of the past, restored at every step of a run: it says no share sum, proof or consent, and says why."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.state.history_state import KEYS, UPLOAD
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope
from proofward.federation.parties.following.own_words import RESTORED
from proofward.federation.parties.hospital import Hospital
from proofward.federation.storage.continuity import StateRefused
from proofward.federation.storage.state_store import StateStore
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import opened

pytestmark = pytest.mark.slow

NAME = "hospital-1"


class Run:
    """A federation, with one hospital's files as they were at every step, while it says nothing."""

    def __init__(self, folder: Path) -> None:
        self.agreed = plan(hospitals=4, verifiers=1, rounds=2, threshold=1)
        self.data = datasets(self.agreed)
        self.engine = InProcessFederation(folder, self.agreed, self.data, seed=b"r", proofs=FakeProofs())
        self.folder = self.engine.folder.party(NAME)

    def files(self) -> dict[str, bytes]:
        """The state's files; to be called when no member uses them."""
        return {path.name: path.read_bytes() for path in self.folder.glob("state.*")}

    def put(self, files: dict[str, bytes]) -> None:
        """Writes files in their places, so that they keep their numbers; removes all others."""
        for path in self.folder.glob("state.*"):
            if path.name not in files:
                path.unlink()
        for name, data in files.items():
            (self.folder / name).write_bytes(data)

    def stop(self) -> None:
        self.engine.hospitals[NAME].state.close()

    def member(self) -> Hospital:
        """The hospital, started from its files."""
        around = self.engine._around(NAME, FakeProofs())
        return Hospital(NAME, self.engine.folder.key(NAME), around, *self.data[NAME])

    def until_it_owes_its_upload(self) -> None:
        """Stops the hospital when it has followed all but the entry that asks for its upload."""
        aggregator = self.engine.aggregator
        self.engine.run(lambda: aggregator.history.phase == KEYS)
        aggregator.advance()
        assert aggregator.history.phase == UPLOAD
        self.stop()

    def steps(self):
        """Stops after every pass of the engine, with the hospital's state closed."""
        over = False
        while not over:
            count = iter(range(2))
            result = self.engine.run(lambda: next(count) > 0)
            over = result.finished
            if over:
                return
            self.stop()
            yield self.files()
            self.engine.hospitals[NAME] = self.member()


def said(member: Hospital, extension: bytes) -> list[Envelope]:
    """What a member sends after a start, without and with the ledger's present end."""
    packets = [*member.resume(), *member.handle(extension)]
    return [opened(packet) for packet in packets if packet]


def test_every_state_of_the_past_is_refused_or_halts(tmp_path) -> None:
    run, checked = Run(tmp_path / "run"), {"database": 0, "copy": 0, "in place": 0}
    past: list[dict[str, bytes]] = []
    for present in run.steps():
        aggregator = run.engine.aggregator
        recorded = aggregator.ledger.entries(0)
        for number, old in enumerate(past):
            if number % 3 and number < len(past) - 2:
                continue
            if old["state.sqlite"] != present["state.sqlite"]:
                run.put({**old, "state.ratchet": present["state.ratchet"]})
                with pytest.raises(StateRefused, match="state-restored"):
                    run.member()
                checked["database"] += 1
            run.put(old)
            shutil.copytree(run.folder, tmp_path / "copy")
            with pytest.raises(StateRefused, match="state-copied"):
                StateStore(tmp_path / "copy" / "state.sqlite")
            shutil.rmtree(tmp_path / "copy")
            checked["copy"] += 1
            member = run.member()
            before = {"/".join(key) for key in member.history.slots}
            words = said(member, aggregator.extension(member.history.size))
            assert isinstance(member.halted, Refusal) and member.halted.check == RESTORED
            assert "revoke" in member.halted.actual
            assert not [word for word in words if word.data not in recorded], (before, words)
            assert member.state.secrets.names() == []
            checked["in place"] += 1
            member.state.close()
            run.put(present)
        past.append(present)
    assert run.engine.aggregator.finished
    assert min(checked.values()) > 0 and checked["in place"] > 20, checked


def test_nothing_is_said_before_the_ledger_was_followed(tmp_path) -> None:
    """Not even what is owed: a state of the past would prove a second time."""
    run = Run(tmp_path / "run")
    run.until_it_owes_its_upload()
    member = run.member()
    before = member.state.packets()
    assert [opened(packet).topic for packet in member.resume()] == ["holder-keys"], "stored words only"
    assert member.state.packets() == before
    words = said(member, run.engine.aggregator.extension(member.history.size))
    assert [word.topic for word in words] == ["holder-keys", "upload"]
    member.state.close()
    again = run.member()
    assert [opened(packet).topic for packet in again.resume()] == ["upload"], "what was stored is sent again"
    again.state.close()
    run.engine.close()


def test_another_word_on_a_slot_halts_too(tmp_path) -> None:
    """A restored state that said something else than what the ledger has."""
    run = Run(tmp_path / "run")
    run.until_it_owes_its_upload()
    before = run.files()
    first = run.member()
    (packet,) = first.handle(run.engine.aggregator.extension(first.history.size))
    first.state.close()
    run.put(before)
    second = run.member()
    second._randomness = run.engine.folder.randomness("somebody-else")
    (other,) = second.handle(run.engine.aggregator.extension(second.history.size))
    assert opened(other).body != opened(packet).body
    run.engine.aggregator.handle(packet)
    assert second.handle(run.engine.aggregator.extension(second.history.size)) == []
    assert second.halted is not None and second.halted.check == RESTORED and "another" in second.halted.actual
    second.state.close()
    run.engine.close()
