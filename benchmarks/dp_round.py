"""A round with differential privacy, clipping and noise proved, beside the exact one; one JSON line a case.

python benchmarks/dp_round.py [--rows 91] [--repeats 5] [--smallest]

Cases: logistic regression 30-2 and MLP 30-32-2 on Wisconsin records, each in 5 epochs of batches of 16
without privacy, and as one clipped step on all rows with noise. Then private rounds of convolutional networks
on generated pictures of 28 x 28, with how the norms of their gradients are made; and the noise alone, by its
parameters.
`prove` has training, encryption and the proof; seconds are of the clock, processor seconds of all threads,
medians after one round of warm-up. `predicted` are processor seconds of the cost model. `within` says which
of the bars hold: fewer lookups than an exact round of 5 epochs on 91 rows had before there was privacy, prove
<= 1 processor second, verify <= 60 processor milliseconds, and a proof of at most 1 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from dataclasses import replace
from functools import partial

import numpy as np
from round_proof import HOLDERS, THRESHOLD, digests, hospital_records

from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import padded
from proofward.layers.gradient_clipping.record_norms import chosen_words, way_of
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.privacy import Privacy
from proofward.models import Preset, preset
from proofward.models.costs.inspection import Prediction
from proofward.models.costs.tally import CLIPPING, NOISE, tally, tally_round
from proofward.models.costs.work import Run
from proofward.proof.commitment.registry import SCHEME
from proofward.proof.lookup import LookupArgument
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.rules.blocks import blocks_of
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.noise_levels import NoiseLevels
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.uploads.noise import NoiseRelation
from proofward.relations.uploads.noise_seed import NoiseSecret, public_words, secret_columns

PRIVACY = Privacy(
    clip_bits=0, coarse_variance=1100, releases=20, records_a_patient=1, colluders=2, inverse_delta=10**5
)
"""Noise of a deviation of 4250 units, as epsilon = 3 asks for at five hospitals."""
SEED, STEP = b"n" * 32, 1.5
SECURITY_BITS, TABLE_BITS = 100, 12
NETWORKS = {"logistic": "logistic", "mlp": "wdbc"}
EXACT_ONCE = {"logistic": 5973, "mlp": 109_557}
"""Lookups at commit e744396, by the counter; an exact round has more today, as more is proved of it."""
SIDE, NARROW = 28, FixedPoint(gradient_range_bits=6, activation_range_bits=10)
POOL, OUT = {"kind": "relu_maxpool2d"}, {"kind": "linear", "outputs": 2}
FIRST, SECOND = (
    {"kind": "conv2d", "outputs": outputs, "kernel": 3, "stride": 1, "padding": 1} for outputs in (8, 16)
)
CONVOLUTIONAL: tuple[list[object], ...] = ([FIRST, POOL, OUT], [FIRST, POOL, SECOND, POOL, OUT])
PARAMETERS = (1 << 7, 1 << 10, 1 << 14, 1 << 17)


def exact(setup: Preset) -> RoundConfig:
    """Five epochs in batches of 16."""
    training = replace(setup.training, batch=16, epochs=5, steps=0)
    return RoundConfig(setup.model, setup.scales, training, setup.clip_bound, HOLDERS, THRESHOLD)


def private(setup: Preset, rows: int) -> RoundConfig:
    """One step on all rows, whose rate times C is 1.5."""
    batch = padded(rows)
    rate = round(STEP * (1 << setup.scales.rate_shift) / batch)
    training = Training(rate=rate, batch=batch, steps=1, full_batch=True)
    about = setup.model, setup.scales, training, PRIVACY.clip_bound, HOLDERS, THRESHOLD
    return RoundConfig(*about, privacy=PRIVACY)


def measured(config: RoundConfig, setup: Preset, rows: int, repeats: int) -> dict[str, object]:
    """Enrol once, then rounds one after another, the first for warm-up unless there is only one."""
    records, consortium = hospital_records(setup, rows), bytes(32)
    enrolment = EnrolmentStatement(consortium, "hospital", rows, setup.model.features, config)
    _, secret = prove_enrolment(enrolment, records.features, records.labels, os.urandom)
    noise_root = NoiseSecret.of(config, rows, SEED).root if config.privacy else b""
    proving, working, verifying, checking, sizes = [], [], [], [], []
    bits = 0.0
    for number in range(repeats + 1 if repeats > 1 else 1):
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
            initial_weights=initial_weights(setup.model, setup.scales, b"benchmark"),
            noise_root=noise_root,
        )
        made = prove_round(statement, secret, os.urandom, digests, noise_seed=SEED)
        secret = made.dataset
        clock, processor = time.perf_counter(), time.process_time()
        bits = verify_round(statement, made.ciphertext, made.sealed_shares, made.proof).soundness_bits
        verifying.append(time.perf_counter() - clock)
        checking.append(time.process_time() - processor)
        proving.append(sum(spent for name, spent in made.timings.items() if ":" not in name))
        working.append(sum(spent for name, spent in made.processor_seconds.items() if ":" not in name))
        sizes.append(len(made.proof))
    warm = 1 if len(proving) > 1 else 0
    return {
        "prove_seconds": round(statistics.median(proving[warm:]), 4),
        "prove_processor_seconds": round(statistics.median(working[warm:]), 4),
        "verify_seconds": round(statistics.median(verifying[warm:]), 4),
        "verify_processor_seconds": round(statistics.median(checking[warm:]), 4),
        "proof_bytes": max(sizes),
        "soundness_bits": round(bits, 1),
    }


def rounds(name: str, rows: int, repeats: int) -> None:
    """The exact round and the private one of a network, a line each."""
    setup = preset(NETWORKS[name])
    counts, lines = {}, []
    for kind, config in (("exact", exact(setup)), ("private", private(setup, rows))):
        found = tally_round(config, rows)
        counts[kind] = found.lookups
        line: dict[str, object] = {
            "benchmark": "dp_round", "case": f"{name}, {kind}", "rows": rows,
            "parameters": setup.model.parameters, "lookups": found.lookups,
            "committed_values": found.plan.values,
        }  # fmt: skip
        if kind == "private":
            line |= {f"lookups_of_{part}": found.part(part).lookups for part in (CLIPPING, NOISE)}
        line |= measured(config, setup, rows, repeats)
        run = Run(config.model, config.scales, config.training, rows, found)
        told = Prediction.of(run)
        proving = told.train_seconds + told.prove_seconds
        line["predicted"] = {"prove": round(proving, 4), "verify": round(told.verify_seconds, 4)}
        lines.append(line)
    made = lines[1]
    made["within"] = {
        "fewer lookups than the exact round once had": counts["private"] < EXACT_ONCE[name],
        "prove": float(str(made["prove_processor_seconds"])) <= 1,
        "verify": float(str(made["verify_processor_seconds"])) <= 0.06,
        "proof": int(str(made["proof_bytes"])) <= 1_000_000,
    }
    for line in lines:
        print(json.dumps(line), flush=True)


def pictures(rows: int, repeats: int, layers: list[object]) -> None:
    """A private round of a convolutional network; a line."""
    setup = preset(NETWORKS["logistic"])
    setup = replace(setup, model=chain((1, SIDE, SIDE), layers), scales=NARROW)
    config = private(setup, rows)
    found = tally_round(config, rows)
    told = Prediction.of(Run(config.model, config.scales, config.training, rows, found))
    line = {
        "benchmark": "dp_round", "case": f"{config.model.words}, private", "rows": rows,
        "parameters": config.model.parameters, "lookups": found.lookups,
        "committed_values": found.plan.values, "lookups_of_clipping": found.part(CLIPPING).lookups,
        "norms": [chosen_words(layer) for layer in config.model.layers if way_of(layer).entries],
        **measured(config, setup, rows, repeats),
        "predicted": {
            "prove": round(told.train_seconds + told.prove_seconds, 4),
            "verify": round(told.verify_seconds, 4),
        },
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def noise_alone(parameters: int, repeats: int) -> None:
    """Draws for so many parameters, committed to, reopened and proved; a line."""
    model = mlp((parameters // 2, 2))
    blocks, entries = blocks_of(model), model.parameters
    public = public_words(bytes(32), 1, 0, "hospital", b"b" * 32, entries)
    words = np.random.default_rng(1).integers(0, 1 << 63, (2, entries)).astype(np.uint64)

    def script(party: Party, root: bytes = bytes(32), secret: NoiseSecret | None = None) -> None:
        def known() -> NoiseSecret:
            assert secret is not None
            return secret

        levels = NoiseLevels.of_updates(PRIVACY)
        noise = NoiseRelation.reopen(party, levels, blocks, root, lambda: public, known)
        lookups = LookupArgument(party)
        ranges = RangeChecks(party, lookups, TABLE_BITS)
        updates = [
            ranges.column(f"{own.name} update", own.log_size, partial(np.zeros, 1 << own.log_size, np.int64))
            for own in blocks
        ]
        noise.added_to(ranges, updates)
        lookups.declare_multiplicities()
        party.commit("witness", padded=True)
        lookups.prove()

    scheme = SCHEME.choose(30 * padded(parameters) + (4 << TABLE_BITS), SECURITY_BITS, 1)
    found = tally(script, scheme, SECURITY_BITS)
    committing, proving, verifying, sizes = [], [], [], []
    for _ in range(repeats + 1 if repeats > 1 else 1):
        clock = time.process_time()
        secret = NoiseSecret(words, scheme.commit(secret_columns(blocks, words), os.urandom))
        committing.append(time.process_time() - clock)
        clock, root = time.process_time(), secret.root
        proof = Prover(Transcript(b"noise"), found.plan, os.urandom).run(
            lambda party, own=secret: script(party, own.root, own)  # type: ignore[misc]
        )
        proving.append(time.process_time() - clock)
        clock = time.process_time()
        Verifier(Transcript(b"noise"), found.plan, proof).run(
            lambda party, own=root: script(party, own), SECURITY_BITS  # type: ignore[misc]
        )
        verifying.append(time.process_time() - clock)
        sizes.append(len(proof))
    warm = 1 if len(proving) > 1 else 0
    prove, commit = statistics.median(proving[warm:]), statistics.median(committing[warm:])
    print(
        json.dumps(
            {
                "benchmark": "dp_round", "case": "noise alone", "parameters": entries,
                "lookups_per_parameter": round(found.part(NOISE).lookups / entries, 2),
                "values_per_parameter": round(found.plan.values / entries, 2),
                "commit_processor_seconds": round(commit, 4), "prove_processor_seconds": round(prove, 4),
                "verify_processor_seconds": round(statistics.median(verifying[warm:]), 4),
                "processor_us_per_parameter": round(1e6 * (prove + commit) / entries, 2),
                "proof_bytes": max(sizes),
            }
        ),
        flush=True,
    )  # fmt: skip


def main() -> None:
    """Prints one JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=91)
    parser.add_argument("--repeats", type=int, default=5, help="rounds measured")
    parser.add_argument("--smallest", action="store_true", help="16 rows, one round of logistic regression")
    options = parser.parse_args()
    if options.smallest:
        rounds("logistic", 16, 1)
        noise_alone(PARAMETERS[0], 1)
        return
    for name in NETWORKS:
        rounds(name, options.rows, options.repeats)
    for layers in CONVOLUTIONAL:
        pictures(options.rows, options.repeats, layers)
    for parameters in PARAMETERS:
        noise_alone(parameters, min(options.repeats, 3))


if __name__ == "__main__":
    main()
