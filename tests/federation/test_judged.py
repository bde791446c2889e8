"""`judged` turns whatever a verification meets into one of its three outcomes; nothing is raised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from proofward.federation.history.proving import judging
from proofward.federation.history.proving.judging import StoredObject, Unable, judged, read_source
from proofward.federation.history.proving.proof_jobs import RoundJob
from proofward.federation.history.proving.proofs import RelationProofs, judge_round
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.proof.errors import ProofRejected
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.training_rounds.round_statement import RoundStatement
from tests.federation.fakes import plan
from tests.patience import PATIENCE

CONFIG = plan().config


def enrolment(rows: int = 8) -> EnrolmentStatement:
    return EnrolmentStatement(bytes(32), "hospital-0", rows, 4, CONFIG)


def round_of(rows: int = 8) -> RoundStatement:
    weights = np.zeros(CONFIG.model.parameters, dtype=np.int64)
    return RoundStatement(
        consortium=bytes(32), config=CONFIG, round=1, attempt=0, hospital="hospital-0", rows=rows,
        weight_shift=0, beacon=bytes(32), dataset_root=bytes(32), initial_weights=weights,
    )  # fmt: skip


def raising(error: BaseException):
    def verify(statement, *parts):
        raise error

    return verify


@pytest.mark.parametrize(
    "error, check",
    [
        (ProofRejected("transcript", "x"), "transcript"),
        (SoundnessBelowPolicy("90 bits"), "soundness"),
        (ConfigurationError("rows", "less", 1), "statement"),
        (WraparoundPossible("layer 1", "Z", 1 << 63, 1 << 62), "statement"),
    ],
)
def test_what_speaks_against_the_proof_is_a_refusal(error, check) -> None:
    outcome = judged(raising(error), round_of(), b"")
    assert isinstance(outcome, ProofRejected) and outcome.check == check


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(), RecursionError("deep"), OverflowError("large"), ValueError("shape"), UnicodeDecodeError("utf-8", b"", 0, 1, "x"),
        OSError(5, "disk"), ZeroDivisionError(), AssertionError(), IndexError(), TypeError("none"), Unable("no time"),
    ],
)  # fmt: skip
def test_a_fault_of_the_verifier_is_no_verdict(error) -> None:
    for statement in (round_of(), enrolment(), object()):
        outcome = judged(raising(error), statement, b"")
        assert isinstance(outcome, Unable) and str(outcome)


@pytest.mark.parametrize(
    "error, check",
    [(ValueError("array is too big"), "statement"), (OverflowError("too large"), "statement"),
     (SoundnessBelowPolicy("50 bits"), "soundness")],
)  # fmt: skip
def test_an_impossible_statement_is_held_against_it(monkeypatch, error, check) -> None:
    """A verification that fails because the statement itself cannot be measured refuses the statement."""
    monkeypatch.setattr(judging, "plan_of", raising(error))
    outcome = judged(raising(ValueError("anything")), round_of(), b"")
    assert isinstance(outcome, ProofRejected) and outcome.check == check


def test_interrupts_are_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        judged(raising(KeyboardInterrupt()), round_of(), b"")


def test_the_relations_refuse_junk(rng=np.random.default_rng(3)) -> None:
    system, digests = RelationProofs(), (b"",) * CONFIG.holders
    for length in (0, 1, 100, 10_000):
        junk = rng.bytes(length)
        assert isinstance(judged(system.verify_enrolment, enrolment(), junk), ProofRejected)
        assert isinstance(judge_round(system, RoundJob("", round_of(), digests, junk, junk)), ProofRejected)


@pytest.mark.parametrize("kind", ["missing", "pipe", "directory", "terabyte", "link", "changed"])
def test_stored_objects_that_are_none(tmp_path: Path, kind) -> None:
    path = tmp_path / "object"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind != "missing":
        path.write_bytes(b"changed")
        if kind == "terabyte":
            os.truncate(path, 1 << 40)
    with pytest.raises(Unable, match="object 0000"):
        read_source(StoredObject(path, bytes(32)))


MEASURE = """
import json, sys, time
import numpy as np
from proofward.federation.history.proving.judging import judged
from proofward.federation.history.proving.proof_jobs import RoundJob
from proofward.federation.history.proving.proofs import RelationProofs, judge_round
from proofward.lattice.parameters import ciphertext_length
from proofward.layers.basics.errors import TrainingError
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.networks.network import mlp
from proofward.relations.rules.config import RoundConfig
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.training_rounds.round_statement import RoundStatement
from tests.peak_memory import peak_megabytes
widths, batch, steps, rows = json.loads(sys.argv[1])
system, outcomes, start = RelationProofs(), [], time.process_time()
try:
    config = RoundConfig(mlp(tuple(widths)), FixedPoint(), Training(1, batch, steps=steps), 1 << 20, 5, 2, 100,
                         least_rows=rows, most_rows=rows)
    enrolment = EnrolmentStatement(bytes(32), "h", rows, widths[0], config)
    outcomes.append(judged(system.verify_enrolment, enrolment, b"x" * 900))
    weights = np.zeros(config.model.parameters, np.int64)
    statement = RoundStatement(
        consortium=bytes(32), config=config, round=1, attempt=0, hospital="h", rows=rows,
        weight_shift=config.weight_shift(rows), beacon=bytes(32), dataset_root=bytes(32), initial_weights=weights)
    ciphertext = bytes(8 * ciphertext_length(config.model.parameters))
    outcomes.append(judge_round(system, RoundJob("", statement, (b"",) * 5, ciphertext, b"y" * 900)))
except TrainingError as error:
    outcomes.append(error)
print(json.dumps([[type(outcome).__name__ for outcome in outcomes], time.process_time() - start,
                  peak_megabytes()]))
"""
CLAIMS = {
    "a million rows": ((64, 2), 64, 28, 1_000_000),
    "the widest table of rows": ((4096, 2), 16, 10, 16_384),
    "a long schedule": ((4, 2), 1, 1 << 20, 10),
    "many steps of a large batch": ((16, 2), 1024, 4096, 100_000),
    "many steps of a hidden layer": ((32, 16, 2), 16, 1 << 17, 1000),
    "many parameters": ((2048, 1024, 2), 16, 10, 1000),
    "more rows than there may be": ((64, 2), 64, 28, 1 << 24),
    "more samples than there may be": ((2, 2), 64, 1 << 20, 100),
    "more parameters than there may be": ((1 << 14, 1 << 14, 2), 16, 1, 100),
}


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_with_junk_as_proof_is_refused_at_small_cost(claim) -> None:
    """Statements at and beyond the limits of size: five seconds and 500 MB, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(CLAIMS[claim])],
        capture_output=True, text=True, timeout=PATIENCE, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    kinds, seconds, megabytes = json.loads(ended.stdout)
    assert set(kinds) <= {"ProofRejected", "ConfigurationError", "WraparoundPossible"} and kinds
    assert ("more" in claim) == (kinds[0] != "ProofRejected"), kinds
    assert seconds < 5 and megabytes < 500, (seconds, megabytes)
