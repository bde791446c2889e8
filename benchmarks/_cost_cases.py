"""Proofs whose cost is measured by phase, in processor seconds: what `inspect` predicts is fitted to them."""

from __future__ import annotations

import gc
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from unittest import mock

from _machine import peak_memory, reset_peak_memory
from _training import ONE_LIMB, Plain, TrainingProblem, conv, large_scales, linear, warm_up

from proofward.data.synthetic import make_synthetic
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models import preset
from proofward.models.costs.inspection import Prediction
from proofward.models.costs.tally import Tally, tally_round
from proofward.models.costs.work import Run, Work, work_of
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.proofs.prove import RoundProof, prove_round, verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.uploads.key_shares import Digests, KeyShare

POLYNOMIALS = "committed polynomials"
POOL: Plain = {"kind": "relu_maxpool2d"}
STRIDED = chain((1, 64, 64), [conv(8, 2), conv(16, 2), conv(32, 2), linear(2)])
POOLED = chain((1, 64, 64), [conv(8), POOL, conv(16), POOL, conv(32), POOL, linear(2)])
WIDE = chain((3, 32, 32), [conv(64), POOL, conv(128, 2), conv(128), POOL, linear(64), linear(2)])


BRAIN, CANCER = preset("brain"), preset("cancercnn")


@dataclass(frozen=True)
class Case:
    """A network and its training; `submits` for a whole round, without it the training alone."""

    network: Network
    scales: FixedPoint
    training: Training
    rows: int
    submits: bool


CASES = {
    "wdbc": Case(mlp((30, 32, 2)), FixedPoint(), Training(2, 16, steps=28), 90, True),
    "logistic": Case(mlp((30, 2)), FixedPoint(), Training(2, 16, steps=28), 90, True),
    "mlp 784": Case(mlp((784, 128, 64, 2)), FixedPoint(), Training(1, 32, epochs=3), 160, True),
    "mlp 512": Case(mlp((256, 512, 512, 2)), FixedPoint(), Training(1, 64, steps=4), 200, True),
    "mlp 1024": Case(mlp((1024,) * 5 + (2,)), large_scales(20), Training(1, 64, steps=4), 256, False),
    "strided": Case(STRIDED, FixedPoint(), Training(1, 16, steps=1), 100, True),
    "strided, 8 steps": Case(STRIDED, FixedPoint(), Training(1, 16, steps=8), 200, True),
    "strided, large tables": Case(STRIDED, ONE_LIMB, Training(1, 16, steps=8), 128, False),
    "pooled": Case(POOLED, FixedPoint(), Training(1, 16, steps=2), 100, True),
    "pooled, large tables": Case(POOLED, ONE_LIMB, Training(1, 16, steps=2), 32, False),
    "many weights": Case(mlp((8192, 256, 2)), FixedPoint(), Training(1, 16, steps=1), 32, True),
    "many weights, large tables": Case(mlp((16384, 512, 2)), ONE_LIMB, Training(1, 32, steps=1), 32, False),
    "vgg11, large tables": Case(preset("vgg11").model, ONE_LIMB, Training(1, 16, steps=1), 16, False),
    "cancercnn, strided": Case(
        preset("cancercnn-strided").model, ONE_LIMB, Training(1, 32, steps=1), 32, False
    ),
    "brain": Case(BRAIN.model, BRAIN.scales, BRAIN.training, 459, True),
    "cancercnn": Case(CANCER.model, CANCER.scales, replace(CANCER.training, steps=1, epochs=0), 64, True),
    "wide": Case(WIDE, FixedPoint(), Training(1, 8, steps=1), 32, True),
    "wide, large tables": Case(WIDE, ONE_LIMB, Training(1, 16, steps=1), 16, False),
}
SMALLEST = ("wdbc",)


def measured(case: Case) -> dict[str, object]:
    """Processor seconds by phase, the peak of memory, and the work that there was."""
    warm_up()
    gc.collect()
    with mock.patch("time.perf_counter", time.process_time):
        seconds, peak, work, totals = (_round if case.submits else _training)(case)
    seconds["opening"] += seconds.pop(POLYNOMIALS, 0.0)  # a part of it, which the model has no phase for
    return {"seconds": seconds, "peak_bytes": peak, "work": work, **totals}


def _training(case: Case) -> tuple[dict[str, float], int, Work, dict[str, int]]:
    problem = TrainingProblem.make(case.network, case.scales, case.training, case.rows, 1 << 14)
    plan = problem.plan()
    found = problem.tally()
    reset_peak_memory()
    started = time.process_time()
    trace = problem.trace()
    trained = time.process_time() - started
    prover = Prover(Transcript(b"cost"), plan, os.urandom)
    proof = prover.run(problem.script(trace))
    peak, seconds = peak_memory(), dict(prover.phases.seconds)
    del prover, trace

    def verify() -> None:
        Verifier(Transcript(b"cost"), plan, proof).run(problem.script(), 100)

    run = Run(case.network, case.scales, case.training, case.rows, found, submits=False)
    return {"train": trained, **seconds, "verify": processor(verify)}, peak, work_of(run), {
        "committed_values": plan.values, "lookups": found.lookups,
    }  # fmt: skip


@dataclass(frozen=True)
class ProvedRound:
    """A round that was proved; processor seconds of everything but the training."""

    statement: RoundStatement
    made: RoundProof
    tally: Tally
    run: Run
    processor_seconds: float
    peak_bytes: int

    @property
    def prediction(self) -> Prediction:
        return Prediction.of(self.run)


def proved_round(network: Network, scales: FixedPoint, training: Training, rows: int) -> ProvedRound:
    """Enrol synthetic records and prove a round."""
    most = max(rows, training.batch + 1)  # rules for which one step is always all rows are refused
    config = RoundConfig(network, scales, training, 1 << 13, 5, 2, least_rows=rows, most_rows=most)
    records = make_synthetic(rows, network.features, 1, scales, amplitude=0.25)
    enrolled = EnrolmentStatement(bytes(32), "hospital", rows, network.features, config)
    _, secret = prove_enrolment(enrolled, records.features, records.labels, os.urandom)
    statement = RoundStatement(
        consortium=bytes(32), config=config, round=1, attempt=0, hospital="hospital", rows=rows,
        weight_shift=config.weight_shift(rows), beacon=os.urandom(32), dataset_root=secret.root,
        initial_weights=initial_weights(config.model, config.scales, b"benchmark"),
    )  # fmt: skip
    found = tally_round(config, rows)
    gc.collect()
    reset_peak_memory()
    trained: list[float] = []

    def said(phase: str) -> None:
        if phase == "encrypt":
            trained.append(time.process_time())

    made = prove_round(statement, secret, os.urandom, digests, said)
    spent = time.process_time() - trained[0]
    run = Run(network, scales, training, rows, found)
    return ProvedRound(statement, made, found, run, spent, peak_memory())


def _round(case: Case) -> tuple[dict[str, float], int, Work, dict[str, int]]:
    proved = proved_round(case.network, case.scales, case.training, case.rows)
    made, found = proved.made, proved.tally
    seconds = {
        name.removeprefix("prove: "): spent for name, spent in made.timings.items() if name != "prove"
    }

    def verify() -> None:
        verify_round(proved.statement, made.ciphertext, made.sealed_shares, made.proof)

    totals = {"committed_values": found.plan.values, "lookups": found.lookups}
    return {**seconds, "verify": processor(verify)}, proved.peak_bytes, work_of(proved.run), totals


def digests(shares: tuple[KeyShare, ...]) -> Digests:
    """Of the shares as they are."""
    return tuple(hashlib.sha256(share.to_bytes()).digest() for share in shares)


def processor(work: Callable[[], None]) -> float:
    """Processor seconds of the second of two calls; the first loads what is kept."""
    work()
    started = time.process_time()
    work()
    return time.process_time() - started
