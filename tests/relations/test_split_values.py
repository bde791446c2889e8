"""Rounds whose values are committed to in parts, as in large statements: accepted, counted, refused, simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.arithmetic.split import Split
from proofward.layers.networks import arrangement
from proofward.layers.networks.arrangement import Arrangement, training_values
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.proof.transcript import Coins
from proofward.relations.proofs.prove import check_round, prove_round, verify_round
from tests.proof.cheats import Recorder, changing_entry, refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import Case, config, make_case, prove_with, round_witness, sealed
from tests.relations.test_arrangements import training_columns
from tests.relations.test_zero_knowledge import DIGESTS, simulated_round

NARROW = FixedPoint(4, 2, 16, 2, 2, 9, 10)
POOLED = chain((1, 4, 4), [{"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1},
                           {"kind": "relu_maxpool2d"}, {"kind": "linear", "outputs": 2}])  # fmt: skip
MEANS = chain((1, 4, 4), [{"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1},
                          {"kind": "relu_avgpool2d"}, {"kind": "linear", "outputs": 2}])  # fmt: skip
RULES = {
    "parts": (dict(widths=(3, 4, 4, 2), scales=NARROW), 0),
    "gradients in one part": (dict(widths=(3, 4, 2), scales=FixedPoint(4, 1, 16, 8, 7, 9, 10)), 0),
    "wide limbs": (dict(widths=(3, 4, 2), scales=NARROW), 16),
    "pooled": (dict(network=POOLED, scales=NARROW), 13),
    "means": (dict(network=MEANS, scales=NARROW), 0),
}


@pytest.fixture(params=RULES)
def split(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case with weights at their limits, in parts although it is small, and with limbs as wide as said."""
    rules, limb_bits = RULES[request.param]
    monkeypatch.setattr(arrangement, "_LEAST_GAIN", -(1 << 60))
    monkeypatch.setattr(arrangement, "best_limb_bits", lambda *_: limb_bits)
    own = config(**{"rate": 64, "batch": 4, "steps": 2, "clip": 5000, **rules})  # type: ignore[arg-type]
    case = make_case(own, rows=5, spread=-own.scales.input_range[0])
    limit, random = own.weight_limit, np.random.default_rng(5)
    weights = random.choice([-limit, limit, limit, 0, 1], own.model.parameters).astype(np.int64)
    statement = replace(case.statement, initial_weights=weights)
    return replace(case, statement=statement, result=prove_round(statement, case.secret, seeded(5), sealed))


def columns_of(case: Case) -> dict[str, np.ndarray]:
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    found = dict(Recorder.last.columns)
    return {column.name: found[column.commitment, column.index] for column in training_columns(case)}


def test_values_in_parts_are_counted_and_accepted_and_simulated(split: Case) -> None:
    rules, rows = split.config, split.statement.rows
    samples = rules.training.padded_steps(rows) * rules.training.batch
    found = Arrangement.of(rules.model, rules.scales, samples, split.statement.layer_bounds())
    assert all(isinstance(way, Split) for ways in found.hidden for way in ways)
    total = sum(1 << column.log_size for column in training_columns(split))
    assert training_values(rules.model, rules.scales, rules.training, rows, rules.weight_limit) == total
    verify_round(split.statement, split.result.ciphertext, split.result.sealed_shares, split.result.proof)
    statement, ciphertext, told = simulated_round(split, 1)
    assert check_round(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40


def test_values_beyond_their_range_are_met(split: Case) -> None:
    """Otherwise the other tests would say little."""
    columns = columns_of(split)
    assert any(values.any() for name, values in columns.items() if name.endswith(" excess"))
    assert any(values.any() for name, values in columns.items() if name.endswith(" above"))
    if any(name.endswith("saturated") for name in columns):
        whole, ended = columns["layer 1 gradient"], columns["layer 1 gradient saturated"]
        assert whole.any() and ended.shape == whole.shape


def test_rejects_changed_entries_of_every_column(split: Case) -> None:
    """Of every column its first or its last entry, in turn."""
    witness, encryption = round_witness(split, seeded(3))
    prove_with(split, witness, encryption.ciphertext, Recorder, seeded(4))
    honest = dict(Recorder.last.columns)
    for number, column in enumerate(training_columns(split)):
        if "head" in column.name:
            continue
        position = (0, (1 << column.log_size) - 1)[number % 2]
        forger = changing_entry((column.commitment, column.index), position, honest)
        proof = prove_with(split, witness, encryption.ciphertext, forger, seeded(4))
        check = refusal(lambda proof=proof: verify_round(split.statement, encryption.ciphertext, *proof))  # type: ignore[misc]
        assert check == "column queries", column.name
