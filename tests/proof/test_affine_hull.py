"""Simulated and real conversations span one affine space; without any one of the masks they do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proofward.field.extension import ext_add, ext_sub, lift
from proofward.field.goldilocks import random_field, to_field
from proofward.proof.algebra import as_array
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.counts import fewest_siblings
from proofward.proof.commitment.ligero.layout import ExtensionRows
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.simulated import OpenedColumns
from proofward.proof.counter import Counter
from proofward.proof.forms import ONE
from proofward.proof.lookup import LinearCombination, LookupArgument
from proofward.proof.party import Party, Tables
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.tables import Table
from proofward.proof.transcript import Coins
from tests.proof.hull import Array, Shape, affine_dimension, rank, same_hull
from tests.proof.masks import MASKS, WithoutBlinding, with_little_blinding, without_rows
from tests.proof.tableaux import tableau_rows
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS

pytestmark = pytest.mark.slow

CODE = CodeParameters(log_k=2, log_n=4, queries=2, openings=1)
LOG_SIZE = 2
RANGE = Table.interval("range", 6, 0, 2)
Witness = tuple[np.ndarray, np.ndarray]


def small(party: Party, witness: Witness | None) -> None:
    """a in [0, 4) in one tableau, b and c = a b in another, and a short column that is b's first half."""

    def values(index: int) -> Array:
        assert witness is not None
        a, b = witness
        return to_field((a, b, a * b, b[:2])[index])

    a = party.declare("a", LOG_SIZE, lambda: values(0))
    party.commit("data")
    b = party.declare("b", LOG_SIZE, lambda: values(1))
    c = party.declare("c", LOG_SIZE, lambda: values(2))
    short = party.declare("short", 1, lambda: values(3))
    lookups = LookupArgument(party)
    lookups.query(RANGE, LinearCombination(((1, a),)))
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)
    lookups.prove()
    point = party.challenges(LOG_SIZE)
    reduced = party.sumcheck(
        c.at(point),
        [(ONE - r, r) for r in point],
        lambda: Tables([(lift(party.values(a)), lift(party.values(b)))]),
    )
    left, right, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    party.assert_zero(left - a.at(reduced.point))
    party.assert_zero(right - b.at(reduced.point))
    weights = as_array([party.challenge() for _ in range(1 << LOG_SIZE)])
    start = np.zeros_like(weights)
    start[:, :2] = weights[:, :2]
    party.assert_zero(short.inner(np.ascontiguousarray(weights[:, :2])) - b.inner(start))


PLAN = Counter(Ligero(CODE)).run(lambda party: small(party, None))
ROWS = ExtensionRows(CODE.log_k, PLAN.pads, PLAN.products)
ZEROS = (np.zeros(4, np.int64), np.zeros(4, np.int64))
OTHERS = (np.arange(4), np.arange(4) ** 5 - 7)


def vectors(told: list[bytes], products: bool = True) -> Array:
    shape = Shape.of(told[0], lambda party: small(party, None), PLAN)
    return np.stack([shape.vector(conversation, products) for conversation in told])


def real(witness: Witness, count: int) -> Array:
    parties = [Prover(Coins(COINS), PLAN, seeded(i)) for i in range(count)]
    return vectors([party.run(lambda own: small(own, witness)) for party in parties])


def spans_less(prover: type[Prover]) -> bool:
    """Whether a prover's conversations span less than the simulator's, the products left aside."""
    parties = [prover(Coins(COINS), PLAN, seeded(i)) for i in range(WITHOUT_PRODUCTS + 6)]
    told = vectors([party.run(lambda own: small(own, OTHERS)) for party in parties], products=False)
    return affine_dimension(told) < WITHOUT_PRODUCTS


def simulated(count: int, simulator: type[Simulator] = Simulator) -> Array:
    parties = [simulator(Coins(COINS), PLAN, seeded(10_000 + i)) for i in range(count)]
    return vectors([party.run(lambda own: small(own, None)) for party in parties])


def free_coordinates() -> int:
    """What a conversation has but for its equations, counted by hand; two words for an element of E."""
    k, dimension, queries = CODE.k, CODE.dimension, CODE.queries
    messages = PLAN.pads + 2 * PLAN.products
    # the sum of p over H, and V at the point outside F
    polynomials = (k + dimension - 1) + (2 * dimension - k) + (dimension - 1)
    values = 1 + 3 * ROWS.product_rows
    # in every opened column three masks are bound
    columns = queries * (sum(tableau_rows(PLAN)) - 2 * 3)
    # LEFT * RIGHT at z and in columns; the messages of a triple with one another, each with the other's pad
    bilinear = (1 + queries) * ROWS.product_rows + (1 + 2 * queries) * PLAN.products
    return 2 * (messages + polynomials + values + bilinear) + columns


def words() -> int:
    """Words of a conversation, hashes and salts aside. No identity binds them without the products."""
    length = PLAN.proof_length
    hashes = 32 * (2 + 2 * CODE.queries) + length.step * fewest_siblings(CODE.queries, CODE.log_n)
    return (length.least - hashes) // 8


DIMENSION, WITHOUT_PRODUCTS = free_coordinates(), words()
COUNT = DIMENSION + 10


@pytest.fixture(scope="module")
def simulations() -> Array:
    return simulated(COUNT)


@pytest.mark.parametrize("witness", [ZEROS, OTHERS], ids=["zeros", "others"])
def test_real_and_simulated_conversations_span_one_affine_space(witness: Witness, simulations: Array) -> None:
    told = real(witness, COUNT)
    assert affine_dimension(simulations) == DIMENSION
    assert affine_dimension(told) == DIMENSION
    assert same_hull(told, simulations)


class OldSimulator(Simulator):
    """Makes the columns agree with the combined row only, as the simulator of protocol 1 did."""

    def run(self, script: Callable[[Party], None]) -> bytes:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(OpenedColumns, "agree_with_linear_polynomial", lambda columns, claims: None)
            patch.setattr(OpenedColumns, "agree_with_quotient", lambda columns, claims: None)
            return super().run(script)


@pytest.mark.parametrize("left_out", ["agree_with_linear_polynomial", "agree_with_quotient"])
def test_fails_for_a_simulator_that_leaves_out_an_identity(
    left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenedColumns, left_out, lambda columns, claims: None)
    # the identity is over E, so two words a column are too free
    assert affine_dimension(simulated(COUNT + 20)) == DIMENSION + 2 * CODE.queries


def test_fails_for_the_simulator_of_protocol_1(simulations: Array) -> None:
    old = simulated(COUNT + 20, OldSimulator)
    assert affine_dimension(old) == DIMENSION + 4 * CODE.queries
    assert not same_hull(old, simulations)


def test_a_prover_with_all_masks_spans_no_less(simulations: Array) -> None:
    assert not spans_less(Prover)
    assert affine_dimension(simulations[:, :WITHOUT_PRODUCTS]) == WITHOUT_PRODUCTS


@pytest.mark.parametrize("mask", MASKS)
def test_fails_without_a_mask_of_the_opening(mask: str) -> None:
    assert spans_less(without_rows(mask))


@pytest.mark.parametrize("pads", ["PAD", "LEFT", "RIGHT"])
@pytest.mark.parametrize("data_only", [False, True])
def test_fails_without_pads(pads: str, data_only: bool) -> None:
    assert spans_less(without_rows(pads, data_only))


@pytest.mark.parametrize("prover", [WithoutBlinding, with_little_blinding(CODE.queries - 1)])
def test_fails_without_enough_blinding(prover: type[Prover]) -> None:
    assert spans_less(prover)


def test_ranks_of_known_matrices() -> None:
    basis = random_field(5 * 30, seeded(1)).reshape(5, 30)
    doubled = ext_add(basis, basis)
    assert rank(basis) == 5 == rank(np.concatenate([basis, doubled]))
    assert rank(np.zeros((4, 7), dtype=np.uint64)) == 0
    assert affine_dimension(basis) == 4 and affine_dimension(basis[:1]) == 0
    moved = ext_sub(basis, np.broadcast_to(basis[:1], basis.shape).copy())
    assert affine_dimension(moved) == 4 and rank(moved) == 4
    assert not same_hull(basis, moved) and same_hull(basis, basis[::-1].copy())
