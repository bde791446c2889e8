"""The training relation alone, as benchmarks measure it: a dataset and all steps of a local training."""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from _machine import both_medians, peak_memory, reset_peak_memory

from proofward.data.reading.records import Records
from proofward.data.synthetic import make_synthetic
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.local_training.training import train
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models.costs.inspection import Prediction
from proofward.models.costs.tally import Tally, tally
from proofward.models.costs.work import Run
from proofward.proof.commitment.contract import Scheme
from proofward.proof.commitment.registry import SCHEME
from proofward.proof.counter import Counter, Plan
from proofward.proof.lookup import LookupArgument
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.records.dataset import DatasetColumns, DatasetShape, SelectedRows
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training import TrainingRelation

Script = Callable[[Party], None]
SECURITY_BITS = 100
_CONTEXT = b"benchmark of a training"
Plain = dict[str, object]
ONE_LIMB = FixedPoint(
    activation_bits=5, gradient_bits=8, weight_bits=20, activation_range_bits=11, gradient_range_bits=9,
    logit_range_bits=9, table_bits=20,
)  # fmt: skip
"""Scales whose remainders are one limb each."""


def conv(outputs: int, stride: int = 1, padding: int = 1) -> Plain:
    """A 3x3 convolution."""
    return {"kind": "conv2d", "outputs": outputs, "kernel": 3, "stride": stride, "padding": padding}


def linear(outputs: int) -> Plain:
    """A linear layer."""
    return {"kind": "linear", "outputs": outputs}


def count_lookups(script: Script, scheme: Scheme) -> int:
    """How many values a script looks up."""
    return tally(script, scheme, SECURITY_BITS).lookups


def soundness_by_source(plan: Plan) -> dict[str, float]:
    """Bits of every source of error and of their sum; where there is work, also of the sum with it."""
    sources = {f"{row.name} ({row.theorem})": round(-row.log2_error, 2) for row in plan.soundness.report()}
    worked = {f"total with {plan.soundness.work}": round(plan.bits_with_work, 2)} if plan.grinding else {}
    return {"total": round(plan.soundness_bits, 2), **worked, **sources}


@dataclass(frozen=True)
class TrainingProblem:
    """A statement, records for it, and the script that proves its training."""

    statement: RoundStatement
    records: Records

    @staticmethod
    def make(
        network: Network, scales: FixedPoint, training: Training, rows: int, clip_bound: int = 1 << 20
    ) -> TrainingProblem:
        """Synthetic records for a network; raises WraparoundPossible where bounds do not hold."""
        most = max(rows, training.batch + 1)  # rules for which one step is always all rows are refused
        config = RoundConfig(
            network, scales, training, clip_bound, 5, 2, SECURITY_BITS, least_rows=rows, most_rows=most
        )
        weights = initial_weights(config.model, scales, b"benchmark")
        statement = RoundStatement(
            consortium=bytes(32), config=config, round=1, attempt=0, hospital="hospital", rows=rows,
            weight_shift=config.weight_shift(rows), beacon=bytes(32), dataset_root=bytes(32),
            initial_weights=weights,
        )  # fmt: skip
        return TrainingProblem(statement, make_synthetic(rows, network.features, 1, scales, amplitude=0.25))

    @property
    def steps(self) -> int:
        """Steps that the proof covers, a power of two."""
        return len(self.statement.schedule())

    def trace(self) -> TrainingTrace:
        """Train, and keep all that the proof needs."""
        config, records = self.statement.config, self.records
        trained = train(
            config.model, config.scales, config.training, self.statement.initial_weights,
            records.features, records.labels, self.statement.schedule(), trace=True,
        )  # fmt: skip
        assert trained.trace is not None
        return trained.trace

    def plain(self) -> None:
        """Train only."""
        config, records = self.statement.config, self.records
        train(
            config.model, config.scales, config.training, self.statement.initial_weights,
            records.features, records.labels, self.statement.schedule(),
        )  # fmt: skip

    def script(self, trace: TrainingTrace | None = None) -> Script:
        """Dataset and witness in one commitment, lookups, training."""
        statement, records = self.statement, self.records

        def known() -> TrainingTrace:
            assert trace is not None
            return trace

        def run(party: Party) -> None:
            model = statement.config.model
            shape = DatasetShape(statement.rows, model.record, model.head.labels)
            dataset = DatasetColumns.declare(
                party,
                shape,
                lambda: shape.pad_features(records.features),
                lambda: shape.pad_labels(model.head.encode(records.labels)),
            )
            lookups = LookupArgument(party)
            ranges = RangeChecks(party, lookups, statement.config.scales.table_bits)
            relation = TrainingRelation.declare(ranges, statement, known)
            lookups.declare_multiplicities()
            party.commit("witness", padded=True)
            lookups.prove()
            relation.prove(party, SelectedRows(dataset, statement.schedule), lambda layers: None)

        return run

    def plan(self) -> Plan:
        """Measures of the proof, under the code for what it really commits to."""
        guess = SCHEME.choose(1 << 20, SECURITY_BITS, 1)
        values = Counter(guess).run(self.script()).values
        return Counter(SCHEME.choose(values, SECURITY_BITS, 1), SECURITY_BITS).run(self.script())

    def tally(self) -> Tally:
        """Exact counts of the proof, part by part."""
        return tally(self.script(), self.plan().scheme, SECURITY_BITS)

    def prediction(self) -> Prediction:
        """What the cost model expects."""
        config, rows = self.statement.config, self.statement.rows
        run = Run(config.model, config.scales, config.training, rows, self.tally(), submits=False)
        return Prediction.of(run)

    def measure(self, verifications: int) -> dict[str, object]:
        """Train, prove and verify once; every figure of it. Raises ProofRejected."""
        plan = self.plan()
        lookups = self.tally().lookups
        policy = min(SECURITY_BITS, math.floor(plan.bits_with_work))
        gc.collect()
        reset_peak_memory()
        start, processor = time.perf_counter(), time.process_time()
        self.plain()
        trained, trained_processor = time.perf_counter(), time.process_time() - processor
        trace = self.trace()
        traced, processor = time.perf_counter(), time.process_time()
        prover = Prover(Transcript(_CONTEXT), plan, os.urandom)
        proof = prover.run(self.script(trace))
        proved, processor = time.perf_counter(), time.process_time() - processor
        peak, phases, worked = peak_memory(), prover.phases.seconds, prover.phases.processor_seconds
        del prover, trace
        gc.collect()

        def verify() -> None:
            verifier = Verifier(Transcript(_CONTEXT), plan, proof)
            verifier.run(self.script(), policy)

        verify()
        verified, verified_processor = both_medians(verify, verifications)
        model = self.statement.config.model
        return {
            "widths": list(model.widths),
            "steps": self.steps,
            "batch": self.statement.config.training.batch,
            "parameters": model.parameters,
            "committed_values": plan.values,
            "lookups": lookups,
            "train_seconds": round(trained - start, 4),
            "train_processor_seconds": round(trained_processor, 4),
            "train_with_trace_seconds": round(traced - trained, 4),
            "prove_seconds": round(proved - traced, 4),
            "prove_processor_seconds": round(processor, 4),
            "prove_phases": {phase: round(spent, 4) for phase, spent in phases.items()},
            "prove_processor_phases": {phase: round(spent, 4) for phase, spent in worked.items()},
            "ns_per_lookup": round(1e9 * phases["lookups"] / lookups, 1),
            "ns_per_committed_value": round(1e9 * phases["commit"] / plan.values, 1),
            "train_seconds_per_step": round((trained - start) / self.steps, 5),
            "prove_seconds_per_step": round((proved - traced) / self.steps, 5),
            "verify_seconds": round(verified, 4),
            "verify_processor_seconds": round(verified_processor, 4),
            "proof_bytes": len(proof),
            "soundness_bits": round(plan.soundness_bits, 2),
            "grinding_bits": plan.grinding,
            "soundness_bits_with_work": round(plan.bits_with_work, 2),
            "reaches_policy": plan.bits_with_work >= SECURITY_BITS,
            "peak_memory_bytes": peak,
        }


def large_scales(table_bits: int) -> FixedPoint:
    """Scales for wide layers: activations 4, gradients 6 and weights 20 bits behind the point."""
    return FixedPoint(activation_bits=4, gradient_bits=6, weight_bits=20, table_bits=table_bits)


def warm_up() -> None:
    """Compile or load all kernels, and let the first threads start."""
    problem = TrainingProblem.make(mlp((32, 32, 2)), large_scales(12), Training(1, 32, 1), 256)
    plan, trace = problem.plan(), problem.trace()
    Prover(Transcript(_CONTEXT), plan, np.random.default_rng(1).bytes).run(problem.script(trace))
