"""Enrolment and rounds, honest: accepted, deterministic, and the trainer's exact update in the ciphertext."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.encoding import MalformedMessage
from proofward.field.goldilocks import to_signed
from proofward.lattice.decoding import decode
from proofward.lattice.sampler import MaskContext
from proofward.lattice.shamir import combine, recover
from proofward.layers.averaging.aggregation import squared_norm
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import train
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.proof.errors import OpeningsExhausted, WitnessError
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.relations.proofs.measure import check_provable, round_plan
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.records.enrolment import prove_enrolment, verify_enrolment
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.rules.config import OPENINGS
from proofward.relations.uploads.key_shares import KeyShare
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, make_case, sealed


def conv(outputs: int, kernel: int, stride: int, padding: int, **more: int) -> dict[str, object]:
    return {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding, **more}


def dense(outputs: int) -> dict[str, object]:
    return {"kind": "linear", "outputs": outputs}


HEAD = dense(2)
RANGED = [conv(2, 2, 1, 1), {"kind": "relu_maxpool2d"}, *[conv(3, 3, 1, 1)] * 2, {"kind": "add", "from": 2}, HEAD]
RANGES = FixedPoint(activation_ranges=(12, 8, 10), gradient_ranges=(5, 9, 3))
COARSE = dict(activation_bits=4, gradient_bits=8, weight_bits=18)
SHAPES = {
    "one linear layer": dict(rules=config(widths=(3, 2))),
    "two layers": dict(rules=config()),
    "three layers": dict(rules=config(widths=(6, 5, 3, 2))),
    "no width is a power of two": dict(rules=config(widths=(7, 11, 5, 2))),
    "one feature": dict(rules=config(widths=(1, 3, 2))),
    "clipped": dict(rules=config(clip=30, rate=64)),
    "rows that fill the table": dict(rules=config(), rows=16),
    "steps without padding": dict(rules=config(epochs=4), rows=8),
    "one step": dict(rules=config(epochs=1, batch=8)),
    "batch of one": dict(rules=config(batch=1, epochs=1)),
    "remainders in two limbs": dict(
        rules=config(
            scales=FixedPoint(
                **COARSE,
                activation_range_bits=9,
                gradient_range_bits=8,
                logit_range_bits=9,
                table_bits=9,
            )
        ),
        spread=64,
    ),
    "remainders in one limb": dict(
        rules=config(
            scales=FixedPoint(
                **COARSE,
                activation_range_bits=12,
                gradient_range_bits=11,
                logit_range_bits=12,
                table_bits=18,
            )
        ),
        spread=64,
    ),
    "limbs of unequal width": dict(
        rules=config(scales=FixedPoint(6, 8, 24, 11, 10, 11, table_bits=11)),
    ),
    "layers with ranges of their own": dict(
        rules=config(widths=(6, 5, 3, 2), rate=64, scales=FixedPoint(activation_ranges=(8, 12), gradient_ranges=(9, 4))),
        spread=1000,
    ),
    "pictures with ranges of their own": dict(
        rules=config(network=chain((1, 5, 6), RANGED), batch=2, steps=2, rate=64, scales=RANGES), rows=3, spread=1000
    ),
    "norm looked at twice": dict(rules=config(clip=1 << 26)),
    "norm looked at twice, clipped": dict(rules=config(clip=1 << 21, rate=1 << 12)),
    "weights divided": dict(rules=config(clip=1 << 30)),
    "multiplier of finer steps": dict(rules=config(clip=80, rate=16)),
    "leading bits of the update": dict(rules=config(clip=1 << 11, rate=1 << 14, epochs=8)),
    "convolution": dict(rules=config(network=chain((1, 4, 4), [conv(2, 2, 1, 0), HEAD]), steps=1), rows=5),
    "convolutions with strides and padding": dict(
        rules=config(network=chain((3, 7, 6), [conv(3, 3, 2, 1), conv(5, 2, 1, 1), dense(6), HEAD]), steps=3), rows=5
    ),
    "convolution that leaves inputs out": dict(
        rules=config(network=chain((2, 6, 5), [conv(1, 2, 2, 0), conv(2, 1, 1, 0), HEAD]), batch=2, steps=2), rows=3
    ),
    "convolution of one place": dict(
        rules=config(network=chain((1, 3, 3), [conv(4, 3, 1, 0), HEAD]), batch=1, steps=2), rows=3
    ),
    "convolution, leading bits of the update": dict(
        rules=config(network=chain((1, 9, 8), [conv(2, 3, 1, 2), HEAD]), steps=3, rate=1 << 9), rows=5
    ),
    "threshold three": dict(rules=config(holders=5, threshold=3)),
}


def check_round(case: Case) -> None:
    """All that an accepted round promises."""
    statement, result = case.statement, case.result
    verified = verify_round(statement, result.ciphertext, result.sealed_shares, result.proof)
    assert verified.dataset_root == result.dataset.root != case.secret.root
    assert verified.soundness_bits >= case.config.security_bits
    assert verified.soundness_bits == pytest.approx(round_plan(statement).soundness_bits)
    assert verified.proof_bytes == len(result.proof)

    rules = case.config
    trained = train(
        rules.model,
        rules.scales,
        rules.training,
        statement.initial_weights,
        case.features,
        case.labels,
        statement.schedule(),
    )
    key = combine({s.holder: s.values for s in result.shares}, rules.threshold)
    assert set(to_signed(key).tolist()) == {-1, 0, 1}
    context = MaskContext(statement.beacon, statement.round)
    rule = statement.rule
    parameters, bound, low = rules.model.parameters, rule.bound, rule.low
    update = decode(context, result.ciphertext, key, hospitals=1, parameters=parameters, bound=bound)
    full = rule.quantise(trained.update, rule.full)
    if squared_norm(full) <= bound**2:
        assert np.array_equal(update, full)
    else:
        assert low**2 <= squared_norm(update) <= bound**2
        cosine = (update @ full) / np.sqrt(float(squared_norm(update)) * float(squared_norm(full)))
        assert cosine > 0.98

    assert [share.holder for share in result.shares] == list(range(rules.holders))
    for share in result.shares:
        assert verified.share_binding.matches(share.holder, share.values, share.blind)
        other = (share.holder + 1) % rules.holders
        assert not verified.share_binding.matches(other, share.values, share.blind)
        wrong = share.values.copy()
        wrong[5] ^= np.uint64(1)
        assert not verified.share_binding.matches(share.holder, wrong, share.blind)
        assert not verified.share_binding.matches(share.holder, share.values, share.blind + 1)
        assert KeyShare.from_bytes(share.to_bytes()).to_bytes() == share.to_bytes()
    subset = {s.holder: s.values for s in result.shares[-rules.threshold - 1 :]}
    assert np.array_equal(recover(subset, rules.threshold).secret, key)


@pytest.mark.parametrize("name", SHAPES)
def test_accepts_an_honest_round(name: str) -> None:
    options = dict(SHAPES[name])
    rules = options.pop("rules")
    case = make_case(rules, **options)  # type: ignore[arg-type]
    assert verify_enrolment(case.enrolment, case.enrolment_proof).dataset_root == case.secret.root
    check_round(case)


@pytest.mark.slow
def test_accepts_an_honest_round_at_the_policy(case_at_policy: Case) -> None:
    check_round(case_at_policy)
    assert (
        verify_round(
            case_at_policy.statement,
            case_at_policy.result.ciphertext,
            case_at_policy.result.sealed_shares,
            case_at_policy.result.proof,
        ).soundness_bits
        >= 100
    )


def test_the_clipped_case_is_clipped(clipped_case: Case) -> None:
    rules, statement = clipped_case.config, clipped_case.statement
    update = train(
        rules.model,
        rules.scales,
        rules.training,
        statement.initial_weights,
        clipped_case.features,
        clipped_case.labels,
        statement.schedule(),
    ).update
    full = statement.rule.quantise(update, statement.rule.full)
    assert squared_norm(full) > statement.rule.bound**2


def test_proofs_are_deterministic_in_the_seed(case: Case) -> None:
    again = prove_round(case.statement, case.secret, seeded(1001), sealed)
    assert again.proof == case.result.proof
    assert np.array_equal(again.ciphertext, case.result.ciphertext)
    other = prove_round(case.statement, case.secret, seeded(1002), sealed)
    assert other.proof != case.result.proof
    verify_round(case.statement, other.ciphertext, other.sealed_shares, other.proof)
    proof, secret = prove_enrolment(case.enrolment, case.features, case.labels, seeded(1))
    assert proof == case.enrolment_proof
    assert secret.root == case.secret.root


def test_rounds_follow_one_another(case: Case) -> None:
    secret = DatasetSecret.from_bytes(case.result.dataset.to_bytes())
    statement = replace(case.statement, round=2, beacon=b"d" * 32, dataset_root=secret.root)
    result = prove_round(statement, secret, seeded(5), sealed)
    verified = verify_round(statement, result.ciphertext, result.sealed_shares, result.proof)
    assert verified.dataset_root not in (secret.root, case.secret.root)


def test_every_phase_is_announced_and_timed(case: Case) -> None:
    said: list[str] = []
    made = prove_round(case.statement, case.secret, seeded(6), sealed, said.append)
    assert said == ["train", "encrypt", "prove"]
    assert set(made.processor_seconds) == set(made.timings)
    for phases in (made.timings, made.processor_seconds):
        assert {"train", "encrypt", "prove", "prove: commit", "prove: lookups", "prove: opening"} <= set(phases)
        parts = sum(seconds for name, seconds in phases.items() if name.startswith("prove: "))
        assert 0 < parts <= phases["prove"]


def test_a_commitment_is_opened_four_times_at_most(case: Case) -> None:
    assert case.secret.openings_left == OPENINGS - 1 == case.result.dataset.openings_left
    secret = case.secret
    for left in (2, 1, 0):
        secret = secret.spend()
        assert secret.openings_left == left
    with pytest.raises(OpeningsExhausted):
        secret.spend()
    with pytest.raises(OpeningsExhausted):
        prove_round(case.statement, secret, seeded(1), sealed)
    with pytest.raises(OpeningsExhausted):
        DatasetSecret.from_bytes(secret.to_bytes()).spend()


def test_a_secret_survives_its_bytes(case: Case) -> None:
    data = case.secret.to_bytes()
    again = DatasetSecret.from_bytes(data)
    assert again.to_bytes() == data
    assert again.root == case.secret.root
    for bad in (data[:-1], data + b"\x00", b"", b"\xff" + data[1:]):
        with pytest.raises(MalformedMessage):
            DatasetSecret.from_bytes(bad)


def test_key_shares_refuse_bytes_that_are_not_canonical(case: Case) -> None:
    share = case.result.shares[1]
    data = share.to_bytes()
    again = KeyShare.from_bytes(data)
    assert (again.holder, again.blind) == (1, share.blind) and np.array_equal(again.values, share.values)
    ones = b"\xff" * 8
    for bad in (b"", data[:-1], data + b"\x00", data[:4] + ones + data[12:], data[:-8] + ones):
        with pytest.raises(MalformedMessage, match="key share"):
            KeyShare.from_bytes(bad)


def test_prover_refuses_another_commitment(case: Case) -> None:
    with pytest.raises(WitnessError, match="stored dataset has commitment"):
        prove_round(case.statement, case.result.dataset, seeded(1), sealed)


@pytest.mark.parametrize("field", ["consortium", "beacon", "dataset_root"])
def test_statements_refuse_fields_of_another_length(case: Case, field: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        replace(case.statement, **{field: b"short"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("round", -1),
        ("round", 1 << 32),
        ("attempt", -1),
        ("attempt", 1 << 32),
        ("weight_shift", -1),
        ("weight_shift", 60),
        ("initial_weights", np.zeros(3, np.int64)),
    ],
)
def test_statements_refuse_values_out_of_range(case: Case, field: str, value: object) -> None:
    with pytest.raises(ConfigurationError):
        replace(case.statement, **{field: value})


def test_prover_refuses_other_numbers_of_rows(case: Case) -> None:
    with pytest.raises(ConfigurationError, match="rows"):
        prove_enrolment(replace(case.enrolment, rows=12), case.features, case.labels, seeded(1))


def test_policy_out_of_reach_is_refused() -> None:
    with pytest.raises(SoundnessBelowPolicy, match="128"):
        make_case(config(security=128))
    with pytest.raises(ConfigurationError, match="security_bits: expected a level that proofs reach"):
        check_provable(config(security=128), 11)
    check_provable(config(security=100), 11)
