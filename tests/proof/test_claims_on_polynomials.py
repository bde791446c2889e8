"""Weights of claims on committed polynomials: as a table, at a point, and by plain sums they are the same."""

from __future__ import annotations

from itertools import pairwise

import pytest

from proofward.field.extension import Ext, elements, ext_dot
from proofward.field.goldilocks import random_field
from proofward.field.multilinear import evaluate
from proofward.field.ntt import COSET_SHIFT, domain
from proofward.field.reference import reference_arithmetic
from proofward.field.scalar import P
from proofward.proof.algebra import as_array, evaluate_polynomial, power, sum_over_subgroup
from proofward.proof.commitment.ligero.batch import Batch
from proofward.proof.commitment.ligero.code import CodeParameters, polynomial_lengths
from proofward.proof.commitment.ligero.committed import fits, place_blocks
from proofward.proof.commitment.ligero.delivery import PointClaim
from proofward.proof.commitment.ligero.powers import eq_at, powers_at
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.vector import Block
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.forms import ONE, ZERO
from proofward.proof.transcript import expand_extension
from tests.proof.toy import seeded

CODE = CodeParameters(log_k=4, log_n=6, queries=4, openings=1)


def point(seed: int, count: int) -> list[Ext]:
    return elements(expand_extension(bytes((seed,)) * 32, count))


@pytest.mark.parametrize("log_size", [0, 1, 3, 5])
def test_powers_over_a_block_by_their_sum(log_size: int) -> None:
    size = 1 << log_size
    at, xs = point(1, 6), point(2, 3)
    for length in {1, size // 2 + 1, max(1, size - 1), size}:
        for offset in (0, size, 64 - size):
            found = powers_at(Block(offset, length, size), as_array(xs), at)
            for x, value in zip(xs, elements(found), strict=True):
                terms = (power(x, j) * eq_at(offset + j, at) for j in range(length))
                assert value == sum(terms, ZERO), (length, offset)


def test_eq_of_an_index_is_the_entry_of_the_table() -> None:
    at = point(3, 4)
    for index in range(16):
        unit = [ONE if i == index else ZERO for i in range(16)]
        assert eq_at(index, at) == evaluate(as_array(unit), at)


@pytest.mark.parametrize("lengths", [(177, 162, 113), (8, 30, 5), (4, 4, 4), (1, 1, 9), (513, 512, 257)])
def test_blocks_are_aligned_hold_the_lengths_and_do_not_overlap(lengths: tuple[int, ...]) -> None:
    blocks, variables = place_blocks(lengths)
    for block, length in zip(blocks, lengths, strict=True):
        assert block.length == length <= block.size < 2 * length
        assert block.offset % block.size == 0
        assert block.offset + block.size <= 1 << variables
    spans = sorted((block.offset, block.offset + block.size) for block in blocks)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert spans[-1][1] > 1 << (variables - 1)


def batch(change: int = 0) -> tuple[Batch, int]:
    """Claims on random polynomials, true but for a change of one of the values claimed."""
    lengths = polynomial_lengths(CODE)
    blocks, variables = place_blocks(lengths)
    p, q, v = (random_field(2 * length, seeded(i)).reshape(2, length) for i, length in enumerate(lengths))
    z, beta, challenge = point(4, 3)
    indices = [3, 17, 40, 63]
    points = [Ext(COSET_SHIFT * int(x) % P) for x in domain(CODE.n)[indices]]
    value = evaluate_polynomial(v, z) - beta * evaluate_polynomial(p, z)
    value = value - beta * beta * evaluate_polynomial(q, z) + int(change == 1)
    total = sum_over_subgroup(p, CODE.k) + int(change == 2)
    found = [evaluate_polynomial(v, x) for x in points]
    found[2] = found[2] + int(change == 3)
    made = Batch(CODE, blocks, total, PointClaim(z, beta, value), indices, as_array(found), challenge)
    table = made.table(variables)
    parts = zip(blocks, (p, q, v), strict=True)
    inner = [ext_dot(table[:, b.offset : b.offset + b.length].copy(), values) for b, values in parts]
    covered = {j for b in blocks for j in range(b.offset, b.offset + b.length)}
    assert all(not table[:, j].any() for j in range(1 << variables) if j not in covered)
    assert (sum(inner, ZERO) == made.target) == (change == 0)
    return made, variables


@pytest.mark.parametrize("change", range(4))
def test_the_batch_is_true_where_all_claims_are(change: int) -> None:
    batch(change)


def test_the_weights_at_a_point_are_those_of_the_table_also_by_the_reference() -> None:
    made, variables = batch()
    at = point(5, variables)
    expected = evaluate(made.table(variables), at)
    assert made.at_point(at) == expected
    with reference_arithmetic():
        assert made.at_point(at) == expected and made.target == batch()[0].target


def test_refuses_rows_that_are_longer_than_a_polynomial_s_block() -> None:
    blocks, _ = place_blocks(polynomial_lengths(CODE))
    smallest = min(block.size for block in blocks)
    assert smallest == 32 and fits(CODE, VectorCode(5, 7, 8)) and not fits(CODE, VectorCode(6, 8, 8))
    Ligero(CODE, VectorCode(5, 7, 8))
    with pytest.raises(ValueError, match="rows of"):
        Ligero(CODE, VectorCode(6, 8, 8))


@pytest.mark.parametrize("code", [(0, 3, 2), (3, 3, 2), (3, 29, 2), (3, 5, 0), (3, 5, 17)])
def test_refuses_bad_codes_of_a_vector(code: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="bad code of a vector"):
        VectorCode(*code)
