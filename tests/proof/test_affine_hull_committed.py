"""Real and simulated conversations span one affine space also where the opening's polynomials are committed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.layout import ExtensionRows
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.simulated import OpenedColumns
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.counter import Counter, Plan
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from tests.proof.hull import Array, Shape, affine_dimension, same_hull
from tests.proof.masks import MASKS, WithoutBlinding, without_rows
from tests.proof.tableaux import tableau_rows
from tests.proof.test_affine_hull import OTHERS, small
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.sampling import sampled

pytestmark = pytest.mark.slow

CODE = CodeParameters(log_k=3, log_n=6, queries=2, openings=1)
# 19 coefficients of p, 14 of q and 11 of V are 5 + 4 + 3 rows of four, and blocks of 32, 16 and 16 entries. Of one
# column they show a quarter. Rows of two with two columns show all of p, q and V.
LITTLE, ALL = VectorCode(2, 4, 1), VectorCode(1, 3, 2)


def plan_of(vector: VectorCode) -> Plan:
    return Counter(Ligero(CODE, vector)).run(lambda party: small(party, None))


PLANS = {vector: plan_of(vector) for vector in (LITTLE, ALL)}
ROWS = ExtensionRows(CODE.log_k, PLANS[ALL].pads, PLANS[ALL].products)


def vectors(told: list[bytes], plan: Plan, products: bool) -> Array:
    shape = Shape.of(told[0], lambda party: small(party, None), plan)
    return np.stack([shape.vector(conversation, products) for conversation in told])


def real(vector: VectorCode, count: int, prover: type[Prover] = Prover, products: bool = True) -> Array:
    parties = [prover(Coins(COINS), PLANS[vector], seeded(i)) for i in range(count)]
    told = [party.run(lambda own: small(own, OTHERS)) for party in parties]
    return vectors(told, PLANS[vector], products)


def simulated(vector: VectorCode, count: int, products: bool = True) -> Array:
    parties = [Simulator(Coins(COINS), PLANS[vector], seeded(10_000 + i)) for i in range(count)]
    return vectors([party.run(lambda own: small(own, None)) for party in parties], PLANS[vector], products)


def free_coordinates(vector: VectorCode) -> int:
    """What a conversation has but for its equations, counted by hand; two words for an element of E."""
    plan, rows = PLANS[vector], sum(tableau_rows(PLANS[vector]))
    messages = plan.pads + 2 * plan.products
    values = 1 + 3 * ROWS.product_rows
    bilinear = (1 + CODE.queries) * ROWS.product_rows + (1 + 2 * CODE.queries) * plan.products
    if vector == LITTLE:
        # Four rounds, then two messages a round and the value are the four entries of u's row at the point, but
        # for the claim. Row and combination by the seed are four more, and both rows are known in the column.
        polynomials, bound = 2 * 4 + (4 - 1) + 4 + (12 - 2), 0
    else:
        # as in the clear: the sum of p, V at the point, and three masks in every opened column
        polynomials, bound = (19 - 1) + 14 + (11 - 1), 6
    return 2 * (messages + values + polynomials + bilinear) + CODE.queries * (rows - bound)


@pytest.mark.parametrize("vector", PLANS, ids=["little", "all"])
def test_real_and_simulated_conversations_span_one_affine_space(vector: VectorCode) -> None:
    dimension = free_coordinates(vector)
    told, simulations = real(vector, dimension + 10), simulated(vector, dimension + 10)
    assert affine_dimension(simulations) == dimension
    assert affine_dimension(told) == dimension
    assert same_hull(told, simulations)


@pytest.mark.parametrize("left_out", ["agree_with_linear_polynomial", "agree_with_quotient"])
def test_fails_for_a_simulator_that_leaves_out_an_identity(
    left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenedColumns, left_out, lambda columns, claims: None)
    dimension = free_coordinates(ALL)
    assert affine_dimension(simulated(ALL, dimension + 20)) == dimension + 2 * CODE.queries


PROVERS = {mask: without_rows(mask) for mask in MASKS} | {"blinding": WithoutBlinding}


@cache
def words() -> int:
    """The dimension of simulated conversations, the products left aside."""
    return affine_dimension(simulated(ALL, free_coordinates(ALL), products=False))


@pytest.mark.parametrize("left_out", sampled(PROVERS, ["v0, of the combined row", "g2, of the quadratic test"]))
def test_fails_without_a_mask_of_the_opening_or_blinding(left_out: str) -> None:
    told = real(ALL, words() + 6, PROVERS[left_out], products=False)
    assert affine_dimension(told) < words()
