"""A run that is killed at any step goes on from its folder to the same model.

Nobody signs two things in one place.
"""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.parties.auditor import Auditor
from tests.engines import killed_run
from tests.engines.forked import Forked
from tests.engines.killed_run import Countdown, build
from tests.federation.fakes import FakeProofs

pytestmark = pytest.mark.slow

NEVER = 1 << 40


def child(folder: Path, step: int, proofs: str = "fake") -> tuple[int | None, object]:
    return Forked(killed_run.main, folder, step, proofs).end()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    counter = Countdown(NEVER)
    result = build(tmp_path_factory.mktemp("undisturbed"), counter).run()
    assert result.finished
    return result.weights, NEVER - counter.left


@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.exhaustive)])
def test_killed_runs_resume_to_the_same_model(tmp_path, undisturbed, kills):
    weights, steps = undisturbed
    rng = random.Random(5)
    for number, step in enumerate(sorted(rng.sample(range(1, steps), kills))):
        folder = tmp_path / str(number)
        folder.mkdir()
        code, said = child(folder, step)
        assert code == -signal.SIGKILL, said
        result = build(folder, Countdown(NEVER)).run()
        assert result.finished and result.refusals == [] and result.halted == {}, f"killed at step {step}"
        assert (result.weights == weights).all(), f"killed at step {step}"
        assert all(verdict.passed for verdict in Auditor(folder / "ledger", FakeProofs()).run())


def test_a_run_killed_again_and_again_still_ends(tmp_path, undisturbed):
    weights, steps = undisturbed
    kills = 0
    while child(tmp_path, steps // 5)[0] == -signal.SIGKILL:
        kills += 1
        assert kills < 30
    assert kills >= 3
    result = build(tmp_path, Countdown(NEVER)).run()
    assert result.finished and (result.weights == weights).all()


def test_real_proofs_survive_a_kill(tmp_path, undisturbed):
    weights, steps = undisturbed
    assert child(tmp_path, 2 * steps // 3, "real")[0] == -signal.SIGKILL
    result = build(tmp_path, Countdown(NEVER), "real").run()
    assert result.finished and result.refusals == [] and (result.weights == weights).all()
    assert all(verdict.passed for verdict in Auditor(tmp_path / "ledger", RelationProofs()).run())


def test_a_finished_run_can_be_opened_again(tmp_path, undisturbed):
    weights, _ = undisturbed
    build(tmp_path, Countdown(NEVER)).run()
    result = build(tmp_path, Countdown(NEVER)).run()
    assert result.finished and (result.weights == weights).all()
    assert all(verdict.passed for verdict in Auditor(tmp_path / "ledger", FakeProofs()).run())
