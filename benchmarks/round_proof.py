"""A whole round of one hospital: train, encrypt, prove, verify; seconds, bytes, bits and memory, as JSON.

python benchmarks/round_proof.py [--preset wdbc] [--rows 90] [--steps N] [--repeats 5] [--verifications 15]
                                 [--smallest]

Rounds follow one another from the dataset commitment of the one before. Medians, after one round of warm-up;
with --repeats 0 there is none, and the first round is measured, which loads the kernels.
`seconds` are of the clock, `processor_seconds` of all threads, both by phase; `predicted` is what `inspect`
expects of processor time and memory.
Planning the proof from the public statement, which a party does once for all its rounds, stands apart.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import asdict, replace

from _machine import (
    both_medians,
    median_seconds,
    medians,
    peak_memory,
    print_result,
    progress,
    reset_peak_memory,
    seconds,
)
from _training import count_lookups, soundness_by_source

from proofward.data.reading.records import Records
from proofward.data.splits import held_out_split
from proofward.data.synthetic import make_synthetic
from proofward.data.wdbc import load_wdbc
from proofward.layers.networks.initial_weights import initial_weights
from proofward.models import PRESETS, Preset, preset
from proofward.models.costs.inspection import Prediction
from proofward.models.costs.tally import tally_round
from proofward.models.costs.work import Run
from proofward.proof.counter import Counter
from proofward.proof.party import Party
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment, verify_enrolment
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training_round import training_round
from proofward.relations.uploads.key_shares import Digests, KeyShare

HOLDERS, THRESHOLD = 5, 2


def hospital_records(setup: Preset, rows: int) -> Records:
    """`rows` records of the set that the preset is for."""
    if setup.model.features != 30:
        return make_synthetic(rows, setup.model.features, 1, setup.scales, amplitude=0.25)
    training, _ = held_out_split(load_wdbc(setup.scales), 0)
    if rows > len(training.labels):
        raise SystemExit(f"expected at most {len(training.labels)} rows, got {rows}")
    return Records(training.features[:rows], training.labels[:rows])


def digests(shares: tuple[KeyShare, ...]) -> Digests:
    """Of the shares as they are: sealing is measured by `secure_aggregation.py`."""
    return tuple(hashlib.sha256(share.to_bytes()).digest() for share in shares)


def _with_total(phases: dict[str, float]) -> dict[str, float]:
    """With the sum over all phases but the parts of `prove`."""
    return {**phases, "total": sum(spent for name, spent in phases.items() if not name.startswith("prove: "))}


def measure(setup: Preset, rows: int, repeats: int, verifications: int) -> dict[str, object]:
    """Enrol once, then `repeats` + 1 rounds, the first for warm-up, or without repeats to be measured."""
    config = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, HOLDERS, THRESHOLD)
    records, consortium = hospital_records(setup, rows), bytes(32)
    enrolment = EnrolmentStatement(consortium, "hospital", rows, setup.model.features, config)
    proof, secret = prove_enrolment(enrolment, records.features, records.labels, os.urandom)
    enrolment_bytes = len(proof)
    enrolment_seconds = {
        "prove": seconds(lambda: prove_enrolment(enrolment, records.features, records.labels, os.urandom)),
        "verify": median_seconds(lambda: verify_enrolment(enrolment, proof), verifications),
    }
    weights = initial_weights(setup.model, setup.scales, b"benchmark")
    runs: list[dict[str, float]] = []
    worked: list[dict[str, float]] = []
    sizes, peaks = set(), []
    for number in range(repeats + 1):
        statement = RoundStatement(
            consortium=consortium,
            config=config,
            round=number + 1,
            attempt=0,
            hospital="hospital",
            rows=rows,
            weight_shift=config.weight_shift(rows),
            beacon=os.urandom(32),
            dataset_root=secret.root,
            initial_weights=weights,
        )
        reset_peak_memory()
        made = prove_round(statement, secret, os.urandom, digests)
        peaks.append(peak_memory())
        secret = made.dataset
        if number or not repeats:
            runs.append(_with_total(made.timings))
            worked.append(_with_total(made.processor_seconds))
            sizes.add(len(made.proof))

    def verify() -> None:
        verify_round(replace(statement), made.ciphertext, made.sealed_shares, made.proof)

    verify()
    plan = round_plan(statement)

    def script(party: Party) -> None:
        training_round(party, statement, made.ciphertext, lambda _: made.sealed_shares, None)

    lookups = count_lookups(script, plan.scheme)
    phases, tally = medians(runs), tally_round(config, rows)
    predicted = Prediction.of(Run(setup.model, setup.scales, setup.training, rows, tally))
    verified, verified_processor = both_medians(verify, verifications)
    return {
        "rows": rows,
        "steps": setup.training.steps_for(rows),
        "proved_steps": setup.training.padded_steps(rows),
        "parameters": setup.model.parameters,
        "committed_values": plan.values,
        "lookups": lookups,
        "constraints": plan.constraints,
        "seconds": phases,
        "processor_seconds": {**medians(worked), "verify": round(verified_processor, 5)},
        "plan_seconds": round(median_seconds(lambda: Counter(plan.scheme).run(script), max(1, repeats)), 5),
        "verify_seconds": round(verified, 5),
        "ns_per_lookup": round(1e9 * phases["prove: lookups"] / lookups, 1),
        "ns_per_committed_value": round(1e9 * phases["prove: commit"] / plan.values, 1),
        "proof_bytes": max(sizes),
        "ciphertext_bytes": made.ciphertext.nbytes,
        "key_share_bytes": len(made.shares[0].to_bytes()),
        "peak_memory_bytes": max(peaks),
        "predicted": asdict(predicted),
        "soundness_bits": soundness_by_source(plan),
        "enrolment": {
            "seconds": {name: round(spent, 5) for name, spent in enrolment_seconds.items()},
            "proof_bytes": enrolment_bytes,
        },
    }


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--preset", default="wdbc", choices=sorted(PRESETS))
    parser.add_argument("--rows", type=int, default=90)
    parser.add_argument("--steps", type=int, help="of a round, in place of the preset's steps or epochs")
    parser.add_argument("--repeats", type=int, default=5, help="rounds measured")
    parser.add_argument("--verifications", type=int, default=15)
    parser.add_argument("--smallest", action="store_true", help="preset tiny, 8 rows, one round")
    options = parser.parse_args()
    if options.smallest:
        options.preset, options.rows, options.repeats, options.verifications = "tiny", 8, 1, 1
    if min(options.rows, options.repeats + 1, options.verifications) < 1:
        parser.error("--rows and --verifications must be at least 1, --repeats at least 0")
    setup = preset(options.preset)
    if options.steps is not None:
        setup = replace(setup, training=replace(setup.training, steps=options.steps, epochs=0))
    result = measure(setup, options.rows, options.repeats, options.verifications)
    progress(result["seconds"])
    print_result("round_proof", preset=options.preset, **result)


if __name__ == "__main__":
    main()
