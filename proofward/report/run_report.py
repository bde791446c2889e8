"""What a finished run is worth and what it cost: scores, seconds, bytes, bits; as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from proofward.data.splits import label_counts
from proofward.federation.history.history import History
from proofward.federation.history.proving.statements import enrolment_statement
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.storage.objects import Objects
from proofward.lattice.security import security_margin
from proofward.layers.rules.model import Int64Array
from proofward.relations.proofs.measure import round_plan
from proofward.relations.records.enrolment import enrolment_plan
from proofward.report.comparing.comparison import MethodScores, compare, lone_mean
from proofward.report.demonstrations.scenario import Scenario
from proofward.report.handover.proof_file import ProofFile
from proofward.report.measurements import Measurements

FORMAT = "proofward/metrics/v1"


@dataclass(frozen=True)
class Security:
    """Bits of security of the proofs and of the encryption.

    `training` and `enrolment` are proven for the weakest proof of each kind. `with_work` is the figure of the
    weakest proof with the work that it has, and `policy` is what the policy demands of that.
    `encryption_estimate` is estimated by the primal attack, with what the sums reveal taken off.
    """

    training: float
    enrolment: float
    with_work: float
    policy: int
    encryption_estimate: float


def models(history: History, objects: Objects) -> list[Int64Array]:
    """The first model and the one after each closed round that trains, flat int64; there is a closed round.

    Raises Refusal.
    """
    digests = [history.closed[0].model]
    digests += [state.aggregate.record.model for state in history.trained if state.aggregate is not None]
    return [model_weights(history, objects, digest) for digest in digests]


def compare_run(scenario: Scenario, history: History, objects: Objects) -> dict[str, MethodScores]:
    """Scores by method, round by round; at least one round has to be closed."""
    beacons = [state.beacon for state in history.trained]
    found = models(history, objects)
    return compare(scenario.setup, scenario.hospitals, scenario.held_out, beacons, found)


def security(history: History, proofs: Mapping[str, bytes]) -> Security:
    """From the statements of the last round's proof files and of the enrolments."""
    rules = history.rules
    training = [round_plan(ProofFile.from_bytes(data).statement) for data in proofs.values()]
    enrolled = [enrolment_statement(rules, name, rows) for name, rows in history.enrolled.items()]
    enrolments = [enrolment_plan(statement) for statement in enrolled]
    return Security(
        training=min(plan.soundness_bits for plan in training),
        enrolment=min(plan.soundness_bits for plan in enrolments),
        with_work=min(plan.bits_with_work for plan in (*training, *enrolments)),
        policy=rules.config.security_bits,
        encryption_estimate=security_margin().primal_bits,
    )


def metrics(
    scenario: Scenario,
    seed: int,
    history: History,
    found: Mapping[str, MethodScores],
    measured: Measurements,
    proofs: Mapping[str, bytes],
    seconds: Mapping[str, float],
) -> dict[str, object]:
    """Everything measured, in plain values."""
    names = list(scenario.hospitals)
    sent, received = measured.bytes_a_round(names)
    lone = lone_mean(found)
    files = [ProofFile.from_bytes(data) for data in proofs.values()]
    return {
        "format": FORMAT,
        "preset": scenario.setup.name,
        "seed": seed,
        "consortium": history.rules.digest.hex(),
        "model": history.model.hex(),
        "rounds": len(history.closed),
        "hospitals": {
            name: {"rows": len(records), "labels": list(label_counts(records))}
            for name, records in scenario.hospitals.items()
        },
        "held_out_rows": len(scenario.held_out),
        "parameters": scenario.setup.model.parameters,
        "auc": {**{name: entry.auc[-1] for name, entry in found.items()}, "alone (mean)": lone.auc[-1]},
        "accuracy": {
            **{name: entry.accuracy[-1] for name, entry in found.items()},
            "alone (mean)": lone.accuracy[-1],
        },
        "confusion": {name: [list(row) for row in entry.confusion] for name, entry in found.items()},
        "auc_by_round": {name: list(entry.auc) for name, entry in found.items()},
        "seconds": {
            **dict(seconds),
            "phases": {
                phase: {"count": taken.count, "mean": taken.mean, "total": taken.total}
                for phase, taken in measured.durations().items()
            },
        },
        "bytes": {
            "sent_by_a_hospital_in_a_round": sent,
            "received_by_a_hospital_in_a_round": received,
            "proof": max(len(file.proof) for file in files),
            "ciphertext": max(len(file.ciphertext) for file in files),
        },
        "bits": asdict(security(history, proofs)),
    }
