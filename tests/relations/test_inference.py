"""Proved predictions are accepted, have the trainer's scores, and depend on a commitment that can be opened."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.basics.layout import padded
from proofward.layers.local_training.training import scores
from proofward.layers.networks.network import chain, mlp
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.predictions.inference import inference
from proofward.relations.predictions.inference_statement import MOST_RECORDS, SECURITY_BITS, ForwardPass
from proofward.relations.predictions.predict import (
    RecordsOpening,
    inference_plan,
    prove_prediction,
    verify_prediction,
)
from tests.proof.cheats import Inventory
from tests.proof.toy import seeded
from tests.relations.inference_cases import NETWORKS, SCALES, proved, public_model, some_records
from tests.relations.test_soundness import check_challenges


@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_prediction_is_proved(name: str, count: int) -> None:
    made = proved(name, count)
    found = verify_prediction(made.statement, made.proof)
    assert found.soundness_bits >= SECURITY_BITS == 100 and found.proof_bytes == len(made.proof)
    said = scores(NETWORKS[name], SCALES, made.statement.weights, made.opening.features)
    assert np.array_equal(made.statement.scores, said)


def test_extreme_records_and_weights_are_proved() -> None:
    """Hidden sums and scores far beyond their ranges, on both sides."""
    network, (low, high) = NETWORKS["deep"], SCALES.input_range
    features = np.array([[low] * 5, [high] * 5, [0] * 5, [low, high] * 2 + [low]], dtype=np.int64)
    weights = np.full(network.parameters, 64 << SCALES.weight_bits, dtype=np.int64)
    weights[1::2] *= -1
    made = prove_prediction(public_model(network, weights), features, seeded(1))
    verify_prediction(made.statement, made.proof)
    assert np.abs(made.statement.scores).max() > 1 << 16


@pytest.mark.parametrize("name", ["mlp", "pooled"])
def test_the_reference_verifier_agrees(name: str) -> None:
    made = proved(name, 1)
    with reference_arithmetic():
        verify_prediction(made.statement, made.proof)


@pytest.mark.slow
def test_every_challenge_is_entered() -> None:
    for name in NETWORKS:
        statement = proved(name, 3).statement
        plan = inference_plan(statement.forward_pass)
        counter = Inventory(plan.scheme)
        counter.run(lambda party, about=statement: inference(party, about, None))  # type: ignore[misc]
        check_challenges(counter, plan)
        assert plan.soundness_bits >= SECURITY_BITS


def test_nothing_of_the_backward_pass_is_committed_to() -> None:
    statement = proved("pooled", 3).statement
    about = statement.forward_pass
    counter = Inventory(about.scheme)
    counter.run(lambda party: inference(party, statement, None))
    names = {column.name for column in counter.columns}
    assert {"records", "layer 1 chosen", "layer 2 low, limb 0", "head remainders, limb 0"} <= names
    assert not any("gradient" in name or "error" in name for name in names)
    hidden = sum(1 << own.log_size for own in counter.columns if own.name.startswith("layer "))
    expected = [
        own.forward_committed(SCALES, limb)
        for own, limb in zip(about.model.activations, about.limbs_above, strict=True)
    ]
    assert hidden == padded(3) * sum(expected)


def test_the_commitment_opens_to_its_records_only() -> None:
    made = proved("mlp", 3)
    assert made.opening.opens(made.statement)
    other = made.opening.features.copy()
    other[0, 0] += 1
    assert not RecordsOpening(other, made.opening.salt).opens(made.statement)
    assert not RecordsOpening(made.opening.features, b"s" * 32).opens(made.statement)
    assert not RecordsOpening(made.opening.features[:2], made.opening.salt).opens(made.statement)
    assert not made.opening.opens(replace(made.statement, commitment=b"r" * 32))


def test_commitments_to_one_record_are_different() -> None:
    """The salt hides it: who knows the record cannot recognise it."""
    network = NETWORKS["mlp"]
    model, features = public_model(network), some_records(network, 1)
    one, two = (prove_prediction(model, features, seeded(seed)).statement for seed in (1, 2))
    assert one.commitment != two.commitment and np.array_equal(one.scores, two.scores)


LAST = {"kind": "linear", "outputs": 2}
KERNEL = {"kind": "conv2d", "outputs": 1, "kernel": 64, "stride": 1, "padding": 32}
TOO_LARGE_TO_RUN = {
    # 2^30 values under the kernel, 8 GiB
    "values under the kernel of a layer": chain((1, 512, 512), [KERNEL, LAST]),
    "products of a forward pass": chain(
        (1, 127, 127), [{**KERNEL, "outputs": 1024}, {"kind": "relu_global_avgpool"}, LAST]
    ),
}


def test_refuses_what_no_proof_can_be_about() -> None:
    network = NETWORKS["mlp"]
    model, features = public_model(network), some_records(network, 2)
    low, high = SCALES.input_range
    for value in (low - 1, high + 1):
        wrong = features.copy()
        wrong[1, 2] = value
        with pytest.raises(ConfigurationError, match="features"):
            prove_prediction(model, wrong, seeded(1))
    with pytest.raises(ConfigurationError, match="features"):
        prove_prediction(model, features[:, :4], seeded(1))
    with pytest.raises(ConfigurationError, match="records"):
        ForwardPass(model=network, scales=SCALES, records=MOST_RECORDS + 1, largest_weight=1)
    with pytest.raises(ConfigurationError, match="padded rows"):
        ForwardPass(model=mlp((1 << 15, 2)), scales=SCALES, records=MOST_RECORDS, largest_weight=1)
    for size, large in TOO_LARGE_TO_RUN.items():
        with pytest.raises(ConfigurationError, match=f"^{size}: expected at most"):
            ForwardPass(model=large, scales=SCALES, records=1, largest_weight=1)
    with pytest.raises(WraparoundPossible):
        ForwardPass(model=network, scales=SCALES, records=1, largest_weight=1 << 51)


def test_statements_with_impossible_fields_are_refused() -> None:
    statement = proved("mlp", 3).statement
    most = statement.forward_pass.largest_score
    large, none = np.array([0, most + 1, 0]), np.zeros((0,), dtype=np.int64)
    for change in ({"scores": large}, {"scores": -large}, {"scores": none}, {"commitment": b"c" * 31},
                   {"consortium": b""}, {"description": b"d" * 33}, {"round": -1}, {"round": 1 << 32},
                   {"weights": statement.weights[:-1]},
                   {"scores": np.zeros((3, 1), dtype=np.int64)}, {"scores": np.zeros(3, dtype=np.int32)},
                   {"scores": np.int64(3)}):  # fmt: skip
        with pytest.raises(ConfigurationError):
            replace(statement, **change)


def test_scores_of_several_classes_are_one_for_each() -> None:
    statement = proved("classes", 3).statement
    assert statement.scores.shape == (3, 3)
    for wrong in (statement.scores[:, :2], statement.scores[:, 0], statement.scores.reshape(-1)):
        with pytest.raises(ConfigurationError, match="scores"):
            replace(statement, scores=wrong.copy())


@pytest.mark.slow
def test_the_largest_score_leaves_room_in_the_field() -> None:
    for name in NETWORKS:
        about = proved(name, 1).statement.forward_pass
        assert about.largest_score << about.model.last_rounding(SCALES).weight_bits < 1 << 62


def test_a_proof_of_another_length_is_refused_before_the_script_runs() -> None:
    made = proved("mlp", 1)
    plan = inference_plan(made.statement.forward_pass)

    def script(party: object) -> None:
        raise AssertionError("the script ran")

    for data in (b"", made.proof[:-1], made.proof + b"\0", made.proof * 2):
        verifier = Verifier(Transcript(made.statement.transcript()), plan, data)
        with pytest.raises(ProofRejected, match="length"):
            verifier.run(script, SECURITY_BITS)
