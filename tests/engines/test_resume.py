"""A run that is killed at any step goes on from its folder to the same model.

Nobody signs two things in one place.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proofward.federation.history.proofs import RelationProofs
from proofward.federation.parties.auditor import Auditor
from tests.engines.killed_run import Countdown, build
from tests.federation.fakes import FakeProofs

ROOT = Path(__file__).parents[2]
NEVER = 1 << 40


def child(folder: Path, step: int, proofs: str = "fake") -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tests.engines.killed_run", str(folder), str(step), proofs],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    counter = Countdown(NEVER)
    result = build(tmp_path_factory.mktemp("undisturbed"), counter).run()
    assert result.finished
    return result.weights, NEVER - counter.left


@pytest.mark.slow
def test_killed_runs_resume_to_the_same_model(tmp_path, undisturbed):
    weights, steps = undisturbed
    rng = random.Random(5)
    for number, step in enumerate(sorted(rng.sample(range(1, steps), 6))):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed = child(folder, step)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        result = build(folder, Countdown(NEVER)).run()
        assert result.finished and result.refusals == [] and result.halted == {}, f"killed at step {step}"
        assert (result.weights == weights).all(), f"killed at step {step}"
        assert all(verdict.passed for verdict in Auditor(folder / "ledger", FakeProofs()).run())


@pytest.mark.slow
def test_a_run_killed_again_and_again_still_ends(tmp_path, undisturbed):
    weights, steps = undisturbed
    kills = 0
    while child(tmp_path, steps // 5).returncode == -signal.SIGKILL:
        kills += 1
        assert kills < 30
    assert kills >= 3
    result = build(tmp_path, Countdown(NEVER)).run()
    assert result.finished and (result.weights == weights).all()


@pytest.mark.slow
def test_real_proofs_survive_a_kill(tmp_path, undisturbed):
    weights, steps = undisturbed
    assert child(tmp_path, 2 * steps // 3, "real").returncode == -signal.SIGKILL
    result = build(tmp_path, Countdown(NEVER), "real").run()
    assert result.finished and result.refusals == [] and (result.weights == weights).all()
    assert all(verdict.passed for verdict in Auditor(tmp_path / "ledger", RelationProofs()).run())


def test_a_finished_run_can_be_opened_again(tmp_path, undisturbed):
    weights, _ = undisturbed
    build(tmp_path, Countdown(NEVER)).run()
    result = build(tmp_path, Countdown(NEVER)).run()
    assert result.finished and (result.weights == weights).all()
    assert all(verdict.passed for verdict in Auditor(tmp_path / "ledger", FakeProofs()).run())
