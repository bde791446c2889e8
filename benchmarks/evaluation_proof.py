"""Proofs of evaluations: processor time of proving and of verifying, size, proven bits; one JSON line a case.

python benchmarks/evaluation_proof.py [--repeats 5] [--smallest]

A hospital counts the scores of its validation part under the first weights of a network, on seeded records,
beside as many rows that it trains on. The time of proving is that of the forward pass, encryption and proof;
that of the key shares' seals is not in it. A case may have levels of a subgroup, by the first features. The
median of the repeats is printed; kernels are compiled and plans measured before. The counts are compared with
the plain ones. `auc`, of two classes, is that of the proved histogram, between `low` and `high` for all
scores, and `plain_auc` that of the scores themselves.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from statistics import median

import numpy as np

from proofward.layers.local_training.training import scores
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.subgroup import Subgroup
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.evaluation_proof import prove_evaluation, verify_evaluation
from proofward.relations.proofs.measure import evaluation_plan
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.rules.config import RoundConfig
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_counts import score_counts
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.uploads.key_shares import KeyShare
from proofward.report.comparing.evaluation import auc
from proofward.report.histograms.evaluated import Evaluated
from proofward.report.histograms.ranking import roc_area

NETWORKS = {
    "MLP 30-32-2": mlp((30, 32, 2)),
    "MLP 30-32-4": mlp((30, 32, 4)),
    "logistic 30-2": mlp((30, 2)),
    "CNN 1x28x28, conv 8 with pool": chain(
        (1, 28, 28),
        [
            {"kind": "conv2d", "outputs": 8, "kernel": 3, "stride": 1, "padding": 1},
            {"kind": "relu_maxpool2d"},
            {"kind": "linear", "outputs": 2},
        ],
    ),
}
CASES = [
    ("MLP 30-32-2", 1000, 0),
    ("MLP 30-32-2", 1000, 3),
    ("MLP 30-32-4", 1000, 0),
    ("MLP 30-32-4", 1000, 3),
    ("logistic 30-2", 1000, 0),
    ("MLP 30-32-2", 10000, 0),
    ("CNN 1x28x28, conv 8 with pool", 100, 0),
]
"""Network, rows of the validation part, levels of one subgroup."""
BINS, LEAST_COUNT = 32, 10


def sealed(shares: tuple[KeyShare, ...]) -> tuple[bytes, ...]:
    """Digests of the shares as they are, in place of sealed ones."""
    return tuple(hashlib.sha256(share.to_bytes()).digest() for share in shares)


def layout_of(network: Network, levels: int) -> ScoreLayout:
    """What is counted."""
    names = tuple(f"level {number}" for number in range(1, levels + 1))
    subgroups = (Subgroup("subgroup", names, 0),) if levels else ()
    return ScoreLayout(network.head.classes, BINS, LEAST_COUNT, subgroups)


def measure(name: str, network: Network, counted: int, levels: int, repeats: int) -> dict[str, object]:
    """The figures of one network, so many counted rows and levels."""
    layout = layout_of(network, levels)
    rows, scales, random = 2 * counted, FixedPoint(), np.random.default_rng(1)
    training = Training(rate=4, batch=16, epochs=1, validation_share=500_000)
    config = RoundConfig(network, scales, training, 1 << 16, 5, 2, least_rows=rows, most_rows=rows)
    features = random.integers(-200, 200, (rows, network.features))
    labels = (features[:, 0] + random.integers(-200, 200, rows) > 0).astype(np.int64)
    if (classes := network.head.classes) > 2:
        labels += (classes - 2) * (features[:, 1] > 0)
    enrolled = EnrolmentStatement(bytes(32), "h1", rows, network.features, config)
    secret = prove_enrolment(enrolled, features, labels, os.urandom)[1]
    statement = EvaluationStatement(
        consortium=bytes(32),
        config=config,
        counting=counting_of(layout, (2,), proved=True),
        round=2,
        attempt=0,
        hospital="h1",
        rows=rows,
        beacon=bytes(32),
        validation_beacon=bytes(32),
        dataset_root=secret.root,
        weights=initial_weights(network, scales, b"benchmark"),
    )
    proving, verifying = [], []
    for _ in range(repeats + 1):
        started = time.process_time()
        made = prove_evaluation(statement, secret, os.urandom, sealed)
        proved = time.process_time()
        found = verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof)
        proving.append(proved - started)
        verifying.append(time.process_time() - proved)
    chosen = statement.selection
    own = scores(network, scales, statement.weights, features[chosen])
    counts = score_counts(layout, network, scales, statement.weights, features[chosen], labels[chosen])
    assert np.array_equal(counts, made.counts)
    names = tuple(map(str, range(layout.classes)))
    figures: dict[str, object] = {}
    if layout.classes == 2:
        area = roc_area(Evaluated(layout, names, made.counts).whole.classes[0].of)
        plain = auc(own, labels[chosen])
        assert area.low <= plain <= area.high
        figures = {
            "auc": round(area.value, 4),
            "low": round(area.low, 4),
            "high": round(area.high, 4),
            "plain_auc": round(plain, 4),
        }
    return {
        "network": name,
        "validation_rows": counted,
        "levels": levels,
        "rows": rows,
        "prove_processor_seconds": round(median(proving[1:]), 4),
        "verify_processor_seconds": round(median(verifying[1:]), 4),
        "proof_bytes": len(made.proof),
        "committed_values": evaluation_plan(statement).values,
        "soundness_bits": round(found.soundness_bits, 2),
        **figures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--smallest", action="store_true", help="100 rows of two perceptrons, once")
    options = parser.parse_args()
    cases = [("MLP 30-32-2", 100, 0), ("MLP 30-32-4", 100, 3)] if options.smallest else CASES
    for name, counted, levels in cases:
        repeats = 1 if options.smallest else options.repeats
        print(json.dumps(measure(name, NETWORKS[name], counted, levels, repeats)), flush=True)


if __name__ == "__main__":
    main()
