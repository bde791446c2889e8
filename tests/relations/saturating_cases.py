"""Rounds of networks whose weights saturate after every step, from weights at and near both ends of their range."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.relations.proofs.prove import prove_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.rules.config import RoundConfig
from tests.proof.toy import seeded
from tests.relations.cases import CONSORTIUM, Case, config, records, round_witness, sealed, statement_of
from tests.relations.inventory import columns
from tests.relations.test_round import HEAD, conv, dense

NARROW = FixedPoint(4, 6, 20, 9, 8, 9, 10, weight_range_bits=20)
ONE_LIMB = replace(NARROW, table_bits=21)
WIDE = FixedPoint(4, 6, 20, 8, 6, 7, 10, (12, 12), (19, 12), weight_range_bits=20)
ADD, POOL, MEAN = {"kind": "add", "from": 1}, {"kind": "relu_maxpool2d"}, {"kind": "relu_avgpool2d"}
STRIDES = chain((1, 5, 5), [conv(2, 3, 2, 1), conv(3, 3, 1, 1), HEAD])
EIGHT = chain((1, 5, 5), [conv(8, 3, 2, 1), HEAD])
PICTURES = chain((1, 7, 7), [conv(4, 3, 2, 1), conv(4, 3, 2, 1), HEAD])

Rules = dict[str, Any]
SHAPES: dict[str, Rules] = {
    "strides, four steps": dict(network=STRIDES, steps=4),
    "steps of the padding": dict(network=STRIDES, steps=5),
    "one step": dict(network=STRIDES, steps=1),
    "batch of one": dict(network=STRIDES, steps=3, batch=1),
    "groups": dict(network=chain((2, 4, 4), [conv(4, 3, 1, 1, groups=2), conv(2, 3, 2, 1), HEAD]), steps=3),
    "uneven groups": dict(network=chain((3, 4, 3), [conv(9, 3, 1, 1, groups=3), conv(2, 3, 2, 1), HEAD]), steps=2),
    "pools": dict(network=chain((1, 6, 6), [conv(2, 3, 1, 1), POOL, conv(2, 3, 1, 1), HEAD]), steps=3),
    "shortcuts": dict(
        network=chain((1, 4, 4), [conv(2, 3, 1, 1), conv(2, 3, 1, 1), {**ADD, "by": conv(2, 3, 1, 1)}, conv(2, 3, 1, 1), ADD, dense(6), HEAD]),
        steps=3,
    ),
    "means": dict(network=chain((1, 4, 6), [conv(2, 3, 1, 1), conv(2, 3, 1, 1), MEAN, conv(2, 3, 1, 1), HEAD]), steps=2),
    "clipped": dict(network=STRIDES, steps=3, clip=60),
    "leading bits of the update": dict(
        network=chain((1, 5, 5), [conv(2, 3, 2, 1), conv(3, 3, 1, 1), dense(8), HEAD]), steps=7, clip=200, rate=1 << 14
    ),
    "tables as wide as weights": dict(network=STRIDES, steps=3, scales=ONE_LIMB),
    "a range that one step does not leave far": dict(network=EIGHT, steps=3, rate=1, scales=replace(NARROW, weight_range_bits=24)),
    "eight outputs": dict(network=EIGHT, steps=5),
    "eight outputs that move far": dict(network=EIGHT, steps=5, rate=1 << 10),
    "the range of all values wider than tables": dict(network=STRIDES, steps=3, scales=replace(NARROW, activation_range_bits=11, gradient_range_bits=10, table_bits=9, logit_range_bits=8)),
    "ranges wider than tables": dict(network=PICTURES, steps=3, scales=WIDE),
}  # fmt: skip


def rules_of(name: str, momentum: int = 0) -> RoundConfig:
    rules = config(**{"batch": 2, "rate": 1 << 5, "scales": NARROW, **SHAPES[name]})
    return replace(rules, training=replace(rules.training, momentum=momentum)) if momentum else rules


def ends(rules: RoundConfig, seed: int = 1) -> np.ndarray:
    """Small weights, some at the ends of the range and next to them, and half of the biases at their ends."""
    random, end = np.random.default_rng(seed), rules.weight_limit
    few = random.choice([-end, 1 - end, end - 1, end, 0, 1], rules.model.parameters)
    small = random.integers(-end // 4, end // 4, rules.model.parameters)
    flat = np.where(random.random(rules.model.parameters) < 0.4, few, small).astype(np.int64)
    for _, biases in rules.model.unflatten(flat):
        ends_first = np.arange(biases.size) % 4 < 2  # the others are in the middle
        biases[...] = np.where(ends_first, end, end // 8) * (1 - 2 * (np.arange(biases.size) % 2))
    return flat


def saturating(rules: RoundConfig, rows: int = 5, seed: int = 1, weights: np.ndarray | None = None) -> Case:
    """Enrolment and round 1 from such weights."""
    features, labels = records(rules, rows, seed, -rules.scales.input_range[0])
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", rows, features.shape[1], rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(seed))
    first = ends(rules, seed) if weights is None else weights
    statement = replace(statement_of(rules, rows, secret.root), initial_weights=first)
    result = prove_round(statement, secret, seeded(seed + 1000), sealed)
    return Case(rules, features, labels, enrolled, proof, secret, statement, result)


def trace_of(case: Case) -> TrainingTrace:
    """The trace of its training."""
    return round_witness(case, seeded(3))[0].trace


def beyond(case: Case) -> dict[tuple[int, str], tuple[bool, bool]]:
    """Of weights and biases of each layer that saturate, whether some step takes them below and above."""
    limit, found = case.config.scales.weight_range, {}
    for index, own in trace_of(case).stepped.items():
        for name, values in (("weights", own.weights), ("biases", own.biases)):
            found[index, name] = bool(values.min() < -limit), bool(values.max() > limit)
    return found


def own_columns(case: Case) -> list:  # type: ignore[type-arg]
    """Those of hidden layers, of the head and of weights in all steps."""
    mine = re.compile(r"(head|layer \d+ (?!(weights|biases) (update|leading))).*")
    return [column for column in columns(case) if mine.match(column.name)]


def weight_columns(case: Case) -> list:  # type: ignore[type-arg]
    """Those of weights and biases in all steps."""
    return [own for own in own_columns(case) if re.match(r"layer \d+ (weights|biases)", own.name)]
