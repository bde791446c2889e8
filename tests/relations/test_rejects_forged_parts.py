"""Values in parts have one admissible witness too: any other is refused, on a whole statement.

As in `test_rejects_forged_values`, each forgery is consistent in all that follows from it. Most of them keep the value
itself, part + M excess, and so its sum; which statements a forgery breaks is said by plain integers.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from proofward.field.scalar import P
from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.arithmetic.split import Split
from proofward.layers.networks import arrangement
from proofward.layers.networks.arrangement import Arrangement
from proofward.layers.rules.model import FixedPoint
from proofward.proof.counter import Plan
from proofward.relations.predictions import predict
from proofward.relations.predictions.predict import prove_prediction, verify_prediction
from proofward.relations.proofs import measure
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from tests.proof.cheats import refusal
from tests.proof.toy import seeded
from tests.relations.cases import CONSORTIUM, Case, config, records, statement_of
from tests.relations.forged_values import HALF, Change, Forged, forge, limbs_of, one_step
from tests.relations.inference_cases import NETWORKS, public_model, some_records

PLANS: dict[tuple[bytes, int, int], Plan] = {}
PART, EXCESS, INSIDE, ABOVE = ("layer 1 part", "layer 1 excess", "layer 1 inside", "layer 1 above")
BACK_PART, BACK_EXCESS = "layer 1 gradient part", "layer 1 gradient excess"
LOW, SIGN = "layer 1 gradient low, limb 0", "layer 1 gradient sign"
WHOLE, ENDED = "layer 1 gradient", "layer 1 gradient saturated"


@pytest.fixture(autouse=True)
def _in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of small statements are in parts, and their plans are not those of other tests."""
    monkeypatch.setattr(arrangement, "_LEAST_GAIN", -(1 << 60))
    monkeypatch.setattr(measure, "_plans", PLANS)


@lru_cache
def case(name: str) -> Case:
    """X is far below and above its range, 99 and 4; gradients have the high limbs -15, 14, 8 and 1. Or in one part."""
    if name == "two parts":
        return one_step([-40960, 40960, 100, 5], [-15000, 13924, 7690, 1535], 1000)
    rules = config(widths=(3, 4, 2), scales=FixedPoint(4, 1, 16, 8, 7, 9, 10), steps=1, batch=4, rate=64)
    features, labels = records(rules, 4, spread=128)
    enrolled = EnrolmentStatement(CONSORTIUM, "h1", 4, 3, rules)
    proof, secret = prove_enrolment(enrolled, features, labels, seeded(1))
    random, limit = np.random.default_rng(5), rules.weight_limit
    weights = random.choice([-limit, limit, limit], rules.model.parameters).astype(np.int64)
    statement = replace(statement_of(rules, 4, secret.root), initial_weights=weights)
    return Case(rules, features, labels, enrolled, proof, secret, statement, None)  # type: ignore[arg-type]


def ways(about: Case) -> tuple[Split, Split]:
    rules = about.config
    found: tuple[tuple[Beyond, Beyond], ...] = Arrangement.of(
        rules.model, rules.scales, 4, about.statement.layer_bounds()
    ).hidden
    sums, back = found[0]
    assert isinstance(sums, Split) and isinstance(back, Split)
    return sums, back


def class_of(value: int, low_bits: int) -> int:
    return -1 if value < 0 else int(value >= 1 << low_bits)


def has_class(way: Split, part: int, sign: int) -> bool:
    return -way.step <= part < 1 << way.part_bits and class_of(part, way.low_bits) == sign


def may_exceed(way: Split, excess: int, sign: int) -> bool:
    half = 1 << (way.excess_bits - 1)
    return {0: excess == 0, 1: 0 <= excess < half, -1: -half + 2 <= excess <= 0}.get(sign, False)


def broken(forged: Forged) -> set[str]:
    """Which statements about the hidden layer's values the committed columns do not satisfy."""
    columns, scales, found = forged.columns, forged.case.config.scales, set()
    (sums, back), hidden = ways(forged.case), forged.trace.hidden[0]

    def rounds(where: str, name: str, exact: np.ndarray, quotients: list[int]) -> None:
        rest, in_range = limbs_of(columns, f"{name} remainders", scales.table_bits)
        if not in_range:
            found.add(f"{where}: remainder")
        for z, q, r in zip(exact.reshape(-1).tolist(), quotients, rest.tolist(), strict=True):
            if ((q << scales.weight_bits) + r - (1 << (scales.weight_bits - 1)) - z) % P:
                found.add(f"{where}: sum")

    def whole(where: str, way: Split, parts: list[int], excesses: list[int], signs: list[int]) -> list[int]:
        for part, excess, sign in zip(parts, excesses, signs, strict=True):
            if not has_class(way, part, sign):
                found.add(f"{where}: class")
            if not may_exceed(way, excess, sign):
                found.add(f"{where}: excess")
        return [part + way.step * excess for part, excess in zip(parts, excesses, strict=True)]

    inside, above = columns[INSIDE].tolist(), columns[ABOVE].tolist()
    if not {*inside, *above} <= {0, 1}:
        found.add("forward: bits")
    classes = [(i + 2 * a - 1 + P // 2) % P - P // 2 for i, a in zip(inside, above, strict=True)]
    own = whole("forward", sums, columns[PART].tolist(), columns[EXCESS].tolist(), classes)
    rounds("forward", "layer 1", hidden.sums, [1 + value for value in own])
    half = 1 << scales.gradient_range_bits
    if back.low_bits:
        for value, ended in zip(columns[WHOLE].tolist(), columns[ENDED].tolist(), strict=True):
            high = value // (2 * half)
            if ended != value + 2 * half * ((high > 0) - (high < 0) - high):
                found.add("backward: saturated")
        rounds("backward", "layer 1 gradient", hidden.back_sums, (columns[WHOLE] - half).tolist())
        return found
    if not all(0 <= low < 2 * half for low in columns[LOW].tolist()):
        found.add("backward: low limb")
    high = whole("backward", back, *(columns[name].tolist() for name in (BACK_PART, BACK_EXCESS, SIGN)))
    gradients = [low - half + 2 * half * own for low, own in zip(columns[LOW].tolist(), high, strict=True)]
    rounds("backward", "layer 1 gradient", hidden.back_sums, gradients)
    return found


def test_the_cases_are_in_parts() -> None:
    sums, back = ways(case("two parts"))
    assert (sums.low_bits, sums.part_bits, sums.excess_bits) == (12, 13, 8)
    assert (back.low_bits, back.part_bits, back.excess_bits) == (0, 3, 4)
    columns = forge(case("two parts"), {}).columns
    assert columns[PART][:4].tolist() == [-1, 8191, 99, 4] and columns[EXCESS][:4].tolist() == [-10, 8, 0, 0]
    assert columns[BACK_PART][:4].tolist() == [-1, 7, 1, 1] and columns[BACK_EXCESS][:4].tolist() == [-2, 1, 1, 0]
    _, back = ways(case("one part"))
    assert (back.low_bits, back.part_bits, back.excess_bits) == (8, 9, 0)
    values = forge(case("one part"), {}).columns[WHOLE]
    assert values.min() < 0 and values.max() >= 256


@pytest.mark.parametrize("name", ["two parts", "one part"])
def test_nothing_is_broken_and_accepted_without_a_change(name: str) -> None:
    forged = forge(case(name), {})
    assert broken(forged) == set()
    verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof)


FORGERIES: dict[str, tuple[Change, str]] = {
    # X = -40961, 40959, 99, 4 in units 0 to 3, M = 4096, D = 128
    "a part in range with an excess": ({PART: {1: 4095}, EXCESS: {1: 9}, INSIDE: {1: 1}, ABOVE: {1: 0}}, "forward: excess"),
    "its part in range and the bits of the value": ({PART: {1: 4095}, EXCESS: {1: 9}}, "forward: class"),
    "a part below and an excess above": ({PART: {1: -1}, EXCESS: {1: 10}, ABOVE: {1: 0}}, "forward: excess"),
    "a part beyond its table": ({PART: {1: 12287}, EXCESS: {1: 7}}, "forward: class"),
    "a part beyond its table, below": ({PART: {0: -4097}, EXCESS: {0: -9}}, "forward: class"),
    "below, a part in range with an excess": ({PART: {0: 4095}, EXCESS: {0: -11}, INSIDE: {0: 1}}, "forward: excess"),
    "a part above and an excess below": ({PART: {0: 8191}, EXCESS: {0: -12}, ABOVE: {0: 1}}, "forward: excess"),
    "in range, taken for below": ({PART: {2: -3997}, EXCESS: {2: 1}, INSIDE: {2: 0}}, "forward: excess"),
    "in range, taken for above": (
        {PART: {2: 4195}, EXCESS: {2: -1}, INSIDE: {2: 0}, ABOVE: {2: 1}}, "forward: excess",
    ),
    "both bits": ({ABOVE: {2: 1}}, "forward: class, forward: excess"),
    "bits that are none": ({INSIDE: {2: 2}, ABOVE: {2: HALF}}, "forward: bits"),
    "bits of another class": ({INSIDE: {2: 0}, ABOVE: {2: 1}}, "forward: class"),
    "bits of another class than the part's": ({ABOVE: {1: 0}}, "forward: class, forward: excess"),
    "the excess that the key of another class is": ({EXCESS: {2: 128}}, "forward: excess, forward: sum"),
    "another value": ({PART: {2: 100}}, "forward: sum"),
    "another excess": ({EXCESS: {1: 9}}, "forward: sum"),
    # high limbs -15, 14, 8, 1 of gradients, M = 7, D = 8
    "a gradient of part 0 with an excess": (
        {BACK_PART: {1: 0}, BACK_EXCESS: {1: 2}, SIGN: {1: 0}}, "backward: excess",
    ),
    "a gradient's part of another sign": ({BACK_PART: {1: 0}, BACK_EXCESS: {1: 2}}, "backward: class"),
    "a gradient's excess of the other sign": (
        {BACK_PART: {1: -7}, BACK_EXCESS: {1: 3}, SIGN: {1: -1}}, "backward: excess",
    ),
    "below, an excess of the other sign": ({BACK_PART: {0: 6}, BACK_EXCESS: {0: -3}, SIGN: {0: 1}}, "backward: excess"),
    "a gradient's part beyond its table": ({BACK_PART: {1: 14}, BACK_EXCESS: {1: 0}}, "backward: class"),
    "the entry of no class": (
        {BACK_PART: {2: 8}, BACK_EXCESS: {2: 0}, SIGN: {2: 5}}, "backward: class, backward: excess",
    ),
    "a gradient's sign that is not the part's": ({SIGN: {3: -1}}, "backward: class"),
    "another gradient": ({BACK_PART: {3: 2}}, "backward: sum"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_a_forged_part(name: str) -> None:
    change, expected = FORGERIES[name]
    assert_refused(forge(case("two parts"), change, fitting=expected.endswith(": sum")), expected)


def assert_refused(forged: Forged, expected: str) -> None:
    assert broken(forged) == set(expected.split(", "))
    check = refusal(lambda: verify_round(forged.case.statement, forged.ciphertext, forged.digests, forged.proof))
    assert check == "column queries"


@pytest.mark.parametrize("by", [1, -256])
def test_rejects_a_gradient_that_does_not_saturate_to_what_is_said(by: int) -> None:
    about = case("one part")
    whole = forge(about, {}).columns[WHOLE]
    position = int(np.argmax(whole))
    assert whole[position] >= 256
    assert_refused(forge(about, {ENDED: {position: int(whole[position]) + by}}), "backward: saturated")
    both = {name: {position: int(whole[position]) + 1} for name in (WHOLE, ENDED)}
    assert_refused(forge(about, both, fitting=True), "backward: sum")


def test_every_column_of_parts_is_forged() -> None:
    names = {PART, EXCESS, INSIDE, ABOVE, BACK_PART, BACK_EXCESS, SIGN}
    assert names == {name for change, _ in FORGERIES.values() for name in change}
    assert {LOW, *names} == {
        name
        for name in forge(case("two parts"), {}).columns
        if name.startswith("layer 1 ") and not any(word in name for word in ("remainders", "weights", "biases"))
    }


@pytest.mark.parametrize("name", ["mlp", "window", "means"])
def test_predictions_of_one_record_are_proved_in_parts(name: str) -> None:
    """A window alone has columns of one value."""
    predict.inference_plan.cache_clear()
    try:
        network = NETWORKS[name]
        made = prove_prediction(public_model(network), some_records(network, 1), seeded(1))
        assert all(isinstance(way, Split) for way in made.statement.forward_pass.limbs_above)
        verify_prediction(made.statement, made.proof)
    finally:
        predict.inference_plan.cache_clear()
