from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.lattice import kernels, reference, ring
from proofward.lattice.errors import ArgumentRefused
from proofward.lattice.parameters import MODULUS as P
from proofward.lattice.parameters import RING_DEGREE as N
from proofward.lattice.parameters import ROOT_OF_UNITY

EDGES = [0, 1, 2, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63, P // 2, P // 2 + 1, P - 2**32, P - 2, P - 1]
word = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))


def random_rows(seed: int, rows: int) -> ring.Words:
    return np.random.default_rng(seed).integers(0, P, (rows, N), dtype=np.uint64)


def padded(values: list[int], size: int) -> np.ndarray:
    return np.array(values + [0] * (size - len(values)), dtype=np.uint64)


def test_multiplication_addition_and_subtraction_at_all_pairs_of_edges() -> None:
    pairs = [(a, b) for a in EDGES for b in EDGES]
    left = padded([a for a, _ in pairs], N).reshape(1, N)
    right = padded([b for _, b in pairs], N).reshape(1, N)
    product = left.copy()
    kernels.multiply_rows(product, right)
    total = left.reshape(-1).copy()
    assert kernels.accumulate(total, right.reshape(-1)) == 0
    for i, (a, b) in enumerate(pairs):
        assert int(product[0, i]) == a * b % P
        assert int(total[i]) == (a + b) % P


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(word, min_size=64, max_size=64), st.lists(word, min_size=64, max_size=64))
def test_multiplication_of_random_words(a: list[int], b: list[int]) -> None:
    product = padded(a, N).reshape(1, N)
    kernels.multiply_rows(product, padded(b, N).reshape(1, N))
    assert [int(v) for v in product[0, :64]] == [x * y % P for x, y in zip(a, b, strict=True)]


def test_root_of_unity_is_primitive() -> None:
    assert pow(ROOT_OF_UNITY, N, P) == P - 1
    assert pow(ROOT_OF_UNITY, 2 * N, P) == 1


@pytest.mark.slow
def test_values_are_those_of_the_specification() -> None:
    row = random_rows(1, 1)[0]
    assert [int(v) for v in ring.to_values(row)] == reference.evaluations([int(v) for v in row])


def test_transform_and_back_is_the_identity_also_at_the_largest_words() -> None:
    for rows in (random_rows(2, 3), np.full((2, N), P - 1, np.uint64), np.zeros((1, N), np.uint64)):
        assert np.array_equal(ring.to_coefficients(ring.to_values(rows)), rows)
        assert np.array_equal(ring.to_values(ring.to_coefficients(rows)), rows)


def test_product_is_the_schoolbook_product() -> None:
    rows = random_rows(3, 2)
    rows[1, :] = P - 1
    factor = np.zeros(N, np.uint64)
    factor[[0, 1, N // 2, N - 1]] = [P - 1, 5, 2**32, P - 2]
    products = ring.product(rows, factor)
    for row, got in zip(rows, products, strict=True):
        expected = reference.negacyclic_product([int(v) for v in factor], [int(v) for v in row])
        assert [int(v) for v in got] == expected


@pytest.mark.slow
def test_dense_product_is_the_schoolbook_product_of_big_integers() -> None:
    a, b = random_rows(4, 2)
    width = 144  # a coefficient of the plain product is below 4096 P^2 < 2^140
    left = sum(int(v) << (width * i) for i, v in enumerate(a))
    right = sum(int(v) << (width * i) for i, v in enumerate(b))
    whole, digit = left * right, (1 << width) - 1
    plain = [(whole >> (width * i)) & digit for i in range(2 * N)]
    expected = [(plain[i] - plain[i + N]) % P for i in range(N)]
    assert [int(v) for v in ring.product(a, b)] == expected


@pytest.mark.parametrize("shift", [1, 17, N - 1])
def test_a_power_of_x_rotates_and_negates(shift: int) -> None:
    row = random_rows(5, 1)[0]
    monomial = np.zeros(N, np.uint64)
    monomial[shift] = 1
    got = ring.product(row, monomial)
    assert np.array_equal(got[shift:], row[: N - shift])
    assert np.array_equal(got[:shift], P - row[N - shift :])


def test_transposed_product_has_the_inner_products_of_the_product() -> None:
    weights, a, s = random_rows(6, 3)
    direct = sum(int(w) * int(v) for w, v in zip(weights, ring.product(a, s), strict=True)) % P
    moved = ring.transposed_product(weights, a)
    assert sum(int(v) * int(x) for v, x in zip(moved, s, strict=True)) % P == direct


def test_transposed_product_is_that_of_the_reference() -> None:
    weights = np.zeros(N, np.uint64)
    weights[[0, 3, N - 1]] = [P - 1, 1, 7]
    a = random_rows(7, 1)[0]
    sparse = [i for i in range(N) if weights[i]]
    expected = [
        sum(int(weights[i]) * (int(a[i - k]) if i >= k else -int(a[N + i - k])) for i in sparse) % P
        for k in range(N)
    ]
    assert [int(v) for v in ring.transposed_product(weights, a)] == expected


def test_reference_transposed_product_agrees_with_its_product() -> None:
    a, w, s = [3, P - 1, 2, 9], [1, 5, P - 7, 2], [4, 4, P - 1, 6]
    left = sum(x * y for x, y in zip(w, reference.negacyclic_product(a, s), strict=True)) % P
    right = sum(x * y for x, y in zip(reference.transposed_product(a, w), s, strict=True)) % P
    assert left == right


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(N, np.int64),
        np.zeros(N - 1, np.uint64),
        np.zeros((1, 1, N), np.uint64),
        np.full(N, P, np.uint64),
    ],
)
def test_other_shapes_types_and_words_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ArgumentRefused) as caught:
        ring.to_values(values)
    assert caught.value.field == "coefficients"


def test_rows_of_factors_must_match() -> None:
    with pytest.raises(ArgumentRefused, match="1 or 3 rows"):
        ring.product(random_rows(8, 3), random_rows(9, 2))
