"""How a round grows with the number of hospitals: whole rounds, measured constants, and products of these.

python benchmarks/scale.py [--hospitals 5 50 500 5000] [--whole 50] [--real 8] [--verifiers 200]
                           [--preset wdbc] [--judges 7] [--corrupt 10] [--absent 5]
                           [--out runs/scale] [--smallest]

Up to --whole hospitals, whole rounds of --preset run in one process, with everybody, with committees, and
with committees where all hospitals follow heads: real messages, keys, ledger, seals of shares, verdicts
and sums; the proofs of --real hospitals are real, those of the others are a stand-in of the tests. For
each number of --hospitals the seconds and bytes of each role are products of constants that were measured
here and of counts that follow from the rules; each is named. What a hospital is sent that follows heads
is measured for each number, on answers of full size of a ledger that is made up. With --real 0 there are
whole rounds alone, since nothing is known of proofs. Committees of the products are those of 20 % corrupt
and 10 % absent, of whole rounds those of --corrupt and --absent, since of few members fewer would be
drawn from too few. Needs the tests beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from _machine import print_result, progress
from _scale_charts import charts
from _scale_heads import Followed, followed
from _scale_model import ABSENT, CORRUPT, Consortium, Constants, consortium, costs
from _scale_runs import COMMITTEES, EVERYBODY, LIGHT, PRESET, SCALING, Run, measured, plan_of, with_committees

from proofward.charts.chart import PAGE_NAME, write_charts
from proofward.encoding import encode
from proofward.federation.messages.consortium.usual import usual_verdicts
from proofward.federation.messages.envelope import Envelope, parse_envelope, seal_envelope, signed_by
from proofward.federation.messages.records.catalogue import (
    HolderKeyRoot,
    HolderKeys,
    Message,
    Verdict,
    Verdicts,
)
from proofward.field.goldilocks import add
from proofward.lattice.parameters import MAX_MEMBERS, RING_DEGREE, ciphertext_length
from proofward.lattice.sealing import Pair, open_sealed, pair_secret, public_key, seal
from proofward.ledger.keys import SigningKey
from proofward.models.presets import PRESETS
from proofward.relations.uploads.key_shares import ELEMENT_BYTES, LOG_RING_DEGREE

REPEATS, MANY = 20, 100
BOUND = bytes(ELEMENT_BYTES * (LOG_RING_DEGREE + 1))
"""In the place of a binding, without the 16 bytes for each of t + 1 polynomials."""
SHARE_BYTES = 4 + 16 + 8 * RING_DEGREE


def main() -> None:
    """Runs it and prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hospitals", type=int, nargs="+", default=[5, 50, 500, 5000])
    parser.add_argument("--whole", type=int, default=50, help="most hospitals of a whole round")
    parser.add_argument("--real", type=int, default=8, help="hospitals with real proofs in a whole round")
    parser.add_argument("--preset", choices=sorted(PRESETS), default=PRESET, help="of all rounds")
    parser.add_argument(
        "--judges", type=int, help="verifiers of a whole round; usually 3, and 7 from 20 hospitals on"
    )
    parser.add_argument("--corrupt", type=int, default=10, help="per cent, of whole rounds")
    parser.add_argument("--absent", type=int, default=5, help="per cent of the hospitals, of whole rounds")
    parser.add_argument("--verifiers", type=int, default=200, help="of the products")
    parser.add_argument("--out", type=Path, help="folder for charts")
    parser.add_argument("--smallest", action="store_true", help="one whole round, of four hospitals")
    options = parser.parse_args()
    if options.smallest:
        options.whole, options.real, options.hospitals = 4, 1, [4, 500]
    runs = []
    for hospitals in [number for number in options.hospitals if number <= options.whole]:
        for way in (EVERYBODY, COMMITTEES, LIGHT) if hospitals >= 20 else (EVERYBODY,):
            verifiers = options.judges or (3 if hospitals < 20 else 7)
            progress(f"a round of {hospitals} hospitals, {way}")
            plan = plan_of(options.preset, hospitals, verifiers, way, options.corrupt, options.absent)
            rows = 16 if options.smallest else 90
            runs.append(measured(plan, way, min(options.real, hospitals), rows))
    figures: dict[str, Any] = {"preset": options.preset, "measured_rounds": [asdict(run) for run in runs]}
    products: list[dict[str, Any]] = []
    if options.real:
        constants = constants_of(runs, options.preset)
        light = []
        for number in options.hospitals:
            progress(f"heads of {number} hospitals")
            verifiers = max(3, min(options.verifiers, number))
            all_hold, drawn = (consortium(number, verifiers, way) for way in (EVERYBODY, COMMITTEES))
            entries = costs(drawn, constants, COMMITTEES)["entries"]
            light.append(heads_of(options.preset, drawn, entries))
            products.append(costs(all_hold, constants, EVERYBODY))
            products.append(costs(drawn, constants, COMMITTEES, light[-1]))
        figures |= {"measured_constants": asdict(constants), "measured_heads": [asdict(own) for own in light]}
        figures["products"] = products
    if options.out is not None:
        missing = write_charts(options.out, "Thousands of hospitals", charts(products, runs))
        progress(f"{options.out / PAGE_NAME}{f', without pictures: {missing}' if missing else ''}")
    print_result("scale", **figures)


def heads_of(preset: str, of: Consortium, entries: Any) -> Followed:
    """What following takes of a hospital without shares in such a consortium, measured on what is made up.

    entries: of a round
    """
    few = plan_of(preset, 5, 3, EVERYBODY, 0, 0)
    many = replace(
        few,
        hospitals=[f"hospital-{number:04}" for number in range(of.hospitals)],
        verifiers=[f"verifier-{number:04}" for number in range(of.verifiers)],
        accepting_verdicts=usual_verdicts(of.verifiers),
        scaling=SCALING[LIGHT],
    )
    plan = with_committees(many, CORRUPT, ABSENT)
    return followed(plan, entries)


def constants_of(runs: list[Run], preset: str) -> Constants:
    """Each of a thing once; of proofs what whole rounds have shown."""
    last = [run for run in runs if run.way != LIGHT][-1]
    config = plan_of(preset, 5, 3, EVERYBODY, 0, 0).config
    words = ciphertext_length(config.model.parameters)
    pair = Pair(bytes(32), 1, 1, "hospital-0", "hospital-1")
    secret, share = pair_secret(os.urandom(32), pair), os.urandom(SHARE_BYTES)
    holder, key = public_key(secret), SigningKey.generate(os.urandom)
    sealed = seal(pair, holder, share)
    messages = iter([message(key, number) for number in range(REPEATS)])
    several = iter([together(key, number * MANY) for number in range(REPEATS)])
    numbers = np.arange(words, dtype=np.uint64)
    by_threshold = sorted(runs, key=lambda run: run.threshold)
    least, most = by_threshold[0], by_threshold[-1]
    slope = 0
    if most.threshold > least.threshold:
        slope = (most.proof_bytes - least.proof_bytes) // (most.threshold - least.threshold)
    return Constants(
        prove=last.prove,
        verify=last.verify,
        seal=seconds(lambda: seal(pair, holder, share)),
        open_share=seconds(lambda: open_sealed(pair, secret, sealed)),
        entry=seconds(lambda: taken(next(messages), key)),
        among=seconds(lambda: taken(next(several), key)) / MANY,
        add=seconds(lambda: add(numbers, numbers)),
        proof_bytes=least.proof_bytes - slope * least.threshold,
        bytes_a_coefficient=slope,
        sealed_bytes=len(sealed),
        ciphertext_bytes=8 * words,
        model_bytes=8 * config.model.parameters,
        key_bytes=keys_in_entries(runs[0]),
        verdict_bytes=len(message(key, 0)),
        together_bytes=len(encode(verdict_on(0))),
        root_bytes=len(signed(HolderKeyRoot(bytes(32), bytes(32), MAX_MEMBERS), key)),
        **entries_of(last),
    )


def entries_of(run: Run) -> dict[str, Any]:
    """What a round has in the ledger, by what it grows with."""
    apart = (Verdict.kind, Verdicts.kind, HolderKeys.kind, HolderKeyRoot.kind)
    kinds = {name: found for name, found in run.topics.items() if name not in apart}
    return {
        "other_entries": sum(number for number, _ in kinds.values()) / run.hospitals,
        "other_bytes": sum(own for _, own in kinds.values()) // run.hospitals,
    }


def keys_in_entries(run: Run) -> int:
    """Bytes of an entry for each key in it, with all others' share of what is there once; of everybody."""
    return run.topics[HolderKeys.kind][1] // (run.holders * run.hospitals)


def message(key: SigningKey, number: int) -> bytes:
    """A signed verdict, each another one: what a process has seen it does not work out again."""
    return signed(verdict_on(number), key)


def together(key: SigningKey, first: int) -> bytes:
    """Many of them in one message."""
    return signed(Verdicts(0, tuple(verdict_on(first + number) for number in range(MANY))), key)


def verdict_on(number: int) -> Verdict:
    """An accepting verdict on one of many uploads."""
    upload = hashlib.sha256(number.to_bytes(4, "big")).digest()
    return Verdict("hospital-0000", upload, True, "", "", bytes(32), BOUND)


def signed(record: Message, key: SigningKey) -> bytes:
    """The entry with a record."""
    seen = bytes(32), "verifier-0", "verifier", 1, 1, 5, bytes(32), 0
    return encode(seal_envelope(Envelope(*seen, encode(record), b""), key))


def taken(data: bytes, key: SigningKey) -> bool:
    """Decodes a message and its record and checks its signature, as with every entry of the ledger."""
    envelope = parse_envelope(data)
    assert isinstance(envelope.record, Verdict | Verdicts)
    return signed_by(envelope, key.public)


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of one, the least of several."""
    found = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


if __name__ == "__main__":
    main()
