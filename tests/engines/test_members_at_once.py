"""Members that work at the same time: how many, and that nothing but time depends on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofward.encoding import decode
from proofward.engines import in_process
from proofward.engines import members_at_once as module
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.engines.members_at_once import BYTES_A_VALUE, usual_workers
from proofward.federation.messages.envelope import Envelope
from proofward.relations.proofs.measure import blank_statement, round_plan
from tests.federation.fakes import FakeProofs, datasets, plan

ROWS = 16


class Garbling(FaithfulNetwork):
    """Once spoils what the first two hospitals are told, and what they answer later."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.heard: set[str] = set()

    def to_member(self, member, message):
        if member in ("hospital-0", "hospital-1") and member not in self.told:
            self.told.add(member)
            return (b"spoiled", message)
        return (message,)

    def to_aggregator(self, member, message):
        if member in ("hospital-0", "hospital-1") and member not in self.heard:
            self.heard.add(member)
            return (b"spoiled", message)
        return (message,)


def outcome(folder: Path, workers: int) -> tuple[object, ...]:
    agreed = plan(hospitals=4, verifiers=2, rounds=2, threshold=1)
    engine = InProcessFederation(
        folder, agreed, datasets(agreed), seed=b"s", network=Garbling(), proofs=FakeProofs(), workers=workers
    )
    entries: list[Envelope] = []

    def note() -> bool:
        entries[:] = [decode(entry, Envelope) for entry in engine.aggregator.ledger.entries(0)]
        return False

    result = engine.run(note)
    assert result.finished and len(result.refusals) == 4
    # Shares are sealed with randomness of the operating system: their bytes differ from run to run.
    said = [(own.sender, own.topic, own.round, own.attempt, own.seen_size) for own in entries]
    return said, result.weights.tolist(), result.refusals, result.halted, result.faults


@pytest.mark.slow
def test_whatever_the_number_all_say_the_same_in_the_same_order(tmp_path):
    alone = outcome(tmp_path / "1", 1)
    assert len(alone[0]) > 50
    for workers in (2, 5):
        assert outcome(tmp_path / str(workers), workers) == alone


@pytest.mark.slow
def test_the_usual_number_is_asked_for_the_largest_hospital(tmp_path, monkeypatch):
    agreed = plan(hospitals=3, verifiers=1, rounds=1, threshold=1)
    data, asked = datasets(agreed), []
    monkeypatch.setattr(in_process, "usual_workers", lambda config, rows: asked.append((config, rows)) or 2)
    assert InProcessFederation(tmp_path, agreed, data, seed=b"s", proofs=FakeProofs()).run().finished
    assert asked == [(agreed.config, max(len(labels) for _, labels in data.values()))]


@pytest.mark.parametrize(("proofs", "workers"), [(0, 1), (1, 1), (2, 2), (3, 3), (50, 5)])
def test_as_many_as_there_are_cores_and_as_fit_into_half_of_the_memory(proofs, workers, monkeypatch):
    config = plan().config
    each = BYTES_A_VALUE * round_plan(blank_statement(config, ROWS)).values
    monkeypatch.setattr(module, "thread_count", lambda: 4)
    monkeypatch.setattr(module, "_free_memory", lambda: 2 * proofs * each + each)
    assert usual_workers(config, ROWS) == workers


def test_one_where_memory_is_unknown_or_nothing_can_be_proved(monkeypatch):
    config = plan().config
    monkeypatch.setattr(module, "thread_count", lambda: 4)
    monkeypatch.setattr(module, "_free_memory", lambda: None)
    assert usual_workers(config, ROWS) == 1
    monkeypatch.setattr(module, "_free_memory", lambda: 1 << 60)
    assert usual_workers(config, ROWS) == 5
    assert usual_workers(config, 1) == 1  # not enough for a step


def test_the_memory_that_is_free_is_read_where_the_system_says_it(monkeypatch):
    texts = {"MemTotal: 9 kB\nMemAvailable:      7 kB\n": 7 << 10, "MemTotal: 9 kB\n": None, "MemAvailable:\n": None}
    for text, expected in texts.items():
        monkeypatch.setattr(Path, "read_text", lambda self, text=text: text)
        assert module._free_memory() == expected

    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert module._free_memory() is None
