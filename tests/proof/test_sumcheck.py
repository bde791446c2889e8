"""Sumcheck messages and folded claims against sums over all points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from proofward.field.extension import Ext, lift
from proofward.field.goldilocks import random_field, to_field
from proofward.field.multilinear import evaluate
from proofward.proof.algebra import element
from proofward.proof.claims import Parts, fold_claim
from proofward.proof.errors import ProofRejected
from proofward.proof.forms import ONE, ZERO, Form
from proofward.proof.party import Party, Tables, Weights
from proofward.proof.sumcheck import Summation, running_sum
from tests.proof.cheats import Forger
from tests.proof.scripts import accepts, prove_script, verify_script
from tests.proof.toy import seeded


def elements(count: int, seed: int) -> list[Ext]:
    drawn = random_field(2 * count, seeded(seed))
    return [Ext(int(drawn[2 * i]), int(drawn[2 * i + 1])) for i in range(count)]


def table(log_size: int, seed: int) -> np.ndarray:
    return random_field(2 << log_size, seeded(seed)).reshape(2, 1 << log_size)


def weights_of(kind: str, count: int) -> list[Weights]:
    if kind == "plain":
        return [(ONE, ONE)] * count
    if kind == "eq":
        return [(ONE - r, r) for r in elements(count, 50)]
    drawn = elements(2 * count, 51)
    return list(zip(drawn[:count], drawn[count:], strict=True))


def weight_at(weights: list[Weights], index: int) -> Ext:
    value = ONE
    for i, pair in enumerate(weights):
        value = value * pair[index >> (len(weights) - 1 - i) & 1]
    return value


def naive_sum(tables: Tables, weights: list[Weights]) -> Ext:
    result = ZERO
    for x in range(1 << len(weights)):
        inner = ZERO if tables.linear is None else element(tables.linear, x)
        for f, g in tables.factors:
            inner = inner + element(f, x) * element(g, x)
        result = result + weight_at(weights, x) * inner
    return result


def shapes(log_size: int) -> dict[str, Tables]:
    a, b, c, d, e = (table(log_size, seed) for seed in range(5))
    return {
        "product": Tables([(a, b)]),
        "square": Tables([(a, a)]),
        "two products": Tables([(a, b), (c, d)]),
        "two products with a common factor": Tables([(a, b), (a, d)]),
        "product and linear": Tables([(a, b)], e),
        "linear": Tables([], e),
    }


@pytest.mark.parametrize("kind", ["plain", "eq", "general"])
@pytest.mark.parametrize("shape", shapes(1))
@pytest.mark.parametrize("log_size", [1, 2, 3, 6, 12])
def test_claims_fold_to_the_values_at_the_point(kind: str, shape: str, log_size: int) -> None:
    tables, weights = shapes(log_size)[shape], weights_of(kind, log_size)
    summation = Summation(tables, weights)
    if log_size <= 6:
        total = naive_sum(tables, weights)
    else:
        # t(0) is the sum over the first half, and with the halves exchanged over the second
        (w0, w1), (at_one, _) = weights[0], Summation(_flip(tables), weights).message()
        total = w0 * summation.message()[0] + w1 * at_one
    point = elements(log_size, 60)
    sent: list[Ext] = []
    for r in point:
        sent += summation.message()
        summation.bind(r)
    factors, linear = summation.finals()
    for (f, g), (f_value, g_value) in zip(tables.factors, factors, strict=True):
        assert (evaluate(f, point), evaluate(g, point)) == (f_value, g_value)
    if tables.linear is not None:
        assert linear == evaluate(tables.linear, point)
    expected = linear
    for f_value, g_value in factors:
        expected = expected + f_value * g_value
    keys = list(range(2 * log_size))
    final = fold_claim(Form.of(total), weights, point, keys, sent)
    assert final.constant == expected
    wrong = fold_claim(Form.of(total + 1), weights, point, keys, sent)
    assert wrong.constant != expected


@pytest.mark.parametrize("log_size", [0, 1, 2, 5, 13, 14])
def test_tables_made_by_parts_and_weighted_sums(log_size: int) -> None:
    weights = weights_of("general", log_size)
    first, second = shapes(log_size)["two products"], shapes(log_size)["product"]
    factor = elements(1, 64)[0]

    def part(ranges: Sequence[tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
        at = [i for start, stop in ranges for i in range(start, stop)]
        return [(f[:, at], g[:, at]) for f, g in first.factors]

    by_parts = Parts(1 << log_size, 2, part)
    whole = [Summation(first, weights), Summation(second, weights)]
    found = running_sum([(ONE, by_parts), (factor, second)], weights)
    for r in elements(log_size, 65):
        messages = [summation.message() for summation in whole]
        assert found.message() == tuple(a + b * factor for a, b in zip(*messages, strict=True))
        for summation in (*whole, found):
            summation.bind(r)
    assert found.finals() == (whole[0].finals()[0] + whole[1].finals()[0], ZERO)


def _flip(tables: Tables) -> Tables:
    """The tables with the first variable negated."""

    def flip(values: np.ndarray) -> np.ndarray:
        half = values.shape[1] // 2
        return np.ascontiguousarray(np.concatenate([values[:, half:], values[:, :half]], axis=1))

    factors = [(flip(f), flip(g)) for f, g in tables.factors]
    return Tables(factors, None if tables.linear is None else flip(tables.linear))


def test_pads_of_messages_enter_the_claim_linearly() -> None:
    weights, point = weights_of("general", 3), elements(3, 60)
    sent, pads = elements(6, 61), elements(6, 62)
    claim, claim_pad = elements(2, 63)
    padded = [value - pad for value, pad in zip(sent, pads, strict=True)]
    form = fold_claim(Form(claim - claim_pad, {99: ONE}, []), weights, point, list(range(6)), padded)
    value = form.constant + form.pads[99] * claim_pad
    for key, pad in enumerate(pads):
        value = value + form.pads[key] * pad
    assert value == fold_claim(Form.of(claim), weights, point, list(range(6)), sent).constant


def test_refuses_tables_of_another_size() -> None:
    with pytest.raises(ValueError, match="expected"):
        Summation(Tables([(table(2, 1), table(3, 1))]), [(ONE, ONE)] * 3)


def test_refuses_a_weight_that_cannot_be_divided_by() -> None:
    with pytest.raises(ZeroDivisionError):
        fold_claim(Form.of(0), [(ONE, ZERO)], [ONE], [0, 1], [ZERO, ZERO])


VALUES = np.arange(64) * 5 - 30


def inner_product(claimed: int):  # type: ignore[no-untyped-def]
    """A script: the sum of squares of a column is `claimed`."""

    def script(party: Party) -> None:
        column = party.declare("x", 6, lambda: to_field(VALUES))
        party.commit("witness", padded=True)
        reduced = party.sumcheck(
            Form.of(claimed),
            [(ONE, ONE)] * 6,
            lambda: Tables([(lift(party.values(column)), lift(party.values(column)))]),
        )
        left, right, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        party.assert_zero(left - column.at(reduced.point))
        party.assert_zero(right - column.at(reduced.point))

    return script


def test_accepts_the_sum_and_rejects_any_other() -> None:
    total = int((VALUES**2).sum())
    verifier = accepts(inner_product(total))
    assert verifier.soundness.sources["sumcheck", "Lund, Fortnow, Karloff, Nisan 1992"] == pytest.approx(
        12 / 2.0**128, rel=1e-6
    )
    for wrong in (total + 1, total - 1, 0, -total):
        proof = prove_script(inner_product(wrong), Forger)
        with pytest.raises(ProofRejected, match="column queries"):
            verify_script(inner_product(wrong), proof)
        with pytest.raises(ProofRejected):
            prove_script(inner_product(wrong))
