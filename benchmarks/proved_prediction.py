"""Proofs of predictions: processor time of proving and of verifying, size, proven bits; one JSON line a case.

python benchmarks/proved_prediction.py [--repeats 5] [--smallest]

First weights of each network on seeded records. The median of the repeats is printed; kernels are compiled
and plans measured before.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from statistics import median

import numpy as np

from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint
from proofward.relations.predictions.predict import (
    PublicModel,
    inference_plan,
    prove_prediction,
    verify_prediction,
)

POOL = {"kind": "relu_maxpool2d"}
LINEAR = {"kind": "linear", "outputs": 2}


def conv(outputs: int) -> dict[str, object]:
    """A convolution of 3 x 3 that keeps the size."""
    return {"kind": "conv2d", "outputs": outputs, "kernel": 3, "stride": 1, "padding": 1}


NETWORKS = {
    "MLP 30-32-2": mlp((30, 32, 2)),
    "CNN 1x28x28, conv 8 and 16 with pools": chain((1, 28, 28), [conv(8), POOL, conv(16), POOL, LINEAR]),
    "CNN 1x64x64, conv 8, 16 and 32 with pools": chain(
        (1, 64, 64), [conv(8), POOL, conv(16), POOL, conv(32), POOL, LINEAR]
    ),
}
CASES = [("MLP 30-32-2", 1), ("MLP 30-32-2", 100), *((name, 1) for name in list(NETWORKS)[1:])]


def measure(name: str, network: Network, records: int, repeats: int) -> dict[str, object]:
    """The figures of one network and so many records."""
    scales, random = FixedPoint(), np.random.default_rng(1)
    model = PublicModel(
        consortium=bytes(32),
        round=1,
        description=bytes(32),
        model=network,
        scales=scales,
        weights=initial_weights(network, scales, b"benchmark"),
    )
    features = random.integers(-100, 100, (records, network.features))
    proving, verifying = [], []
    for _ in range(repeats + 1):
        started = time.process_time()
        made = prove_prediction(model, features, os.urandom)
        proved = time.process_time()
        found = verify_prediction(made.statement, made.proof)
        proving.append(proved - started)
        verifying.append(time.process_time() - proved)
    return {
        "network": name,
        "parameters": network.parameters,
        "records": records,
        "proof_bytes": len(made.proof),
        "prove_processor_seconds": round(median(proving[1:]), 4),
        "verify_processor_seconds": round(median(verifying[1:]), 4),
        "bits": round(found.soundness_bits, 1),
        "grinding_bits": found.soundness.grinding,
        "bits_with_work": round(found.soundness.bits_with_work, 1),
        "committed_values": inference_plan(made.statement.forward_pass).values,
    }


def main() -> None:
    """Prints one JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--smallest", action="store_true", help="the MLP and one record, once")
    options = parser.parse_args()
    cases, repeats = (CASES[:1], 1) if options.smallest else (CASES, options.repeats)
    for name, records in cases:
        print(json.dumps(measure(name, NETWORKS[name], records, repeats)), flush=True)


if __name__ == "__main__":
    main()
