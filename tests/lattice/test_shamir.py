from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.lattice import polynomial, reference, ring, shamir
from proofward.lattice.errors import ArgumentRefused, SharesInconsistent, SharesInsufficient
from proofward.lattice.parameters import MODULUS as P

EDGES = [0, 1, 2**32 - 1, 2**32, 2**63, P // 2, P - 2**32, P - 2**32 + 1, P - 1]


def dealt(
    seed: int, threshold: int, holders: int, width: int = 6
) -> tuple[ring.Words, ring.Words, ring.Words]:
    rng = np.random.default_rng(seed)
    secret = rng.integers(0, P, width, dtype=np.uint64)
    secret[:2] = [0, P - 1]
    coefficients = rng.integers(0, P, (threshold, width), dtype=np.uint64)
    return secret, coefficients, shamir.share(secret, coefficients, holders)


def chosen(shares: ring.Words, holders: list[int]) -> dict[int, ring.Words]:
    return {holder: shares[holder].copy() for holder in holders}


def test_shares_are_those_of_the_reference() -> None:
    secret, coefficients, shares = dealt(1, 3, 5)
    for holder in range(5):
        for i in range(secret.size):
            column = [int(c) for c in coefficients[:, i]]
            assert int(shares[holder, i]) == reference.share(int(secret[i]), column, holder)


@settings(max_examples=60)
@given(st.lists(st.integers(0, P - 1) | st.sampled_from(EDGES), min_size=1, max_size=9), st.integers(0, 60))
def test_shares_of_edge_values_are_those_of_the_reference(column: list[int], holder: int) -> None:
    words = np.array(column, dtype=np.uint64).reshape(-1, 1)
    shares = shamir.share(words[0], words[1:], 70)
    assert int(shares[holder, 0]) == reference.share(column[0], column[1:], holder)


def test_wide_vectors_and_many_holders_match_the_reference() -> None:
    secret, coefficients, shares = dealt(11, 150, 300, width=517)
    for holder, i in ((0, 0), (299, 255), (299, 256), (150, 516)):
        column = [int(c) for c in coefficients[:, i]]
        assert int(shares[holder, i]) == reference.share(int(secret[i]), column, holder)


@pytest.mark.parametrize("threshold,holders", [(0, 1), (0, 3), (1, 2), (2, 5), (4, 5), (3, 7)])
def test_every_set_of_threshold_plus_one_recovers(threshold: int, holders: int) -> None:
    secret, _, shares = dealt(holders, threshold, holders)
    for group in combinations(range(holders), threshold + 1):
        assert np.array_equal(shamir.combine(chosen(shares, list(group)), threshold), secret)
        assert shamir.recover(chosen(shares, list(group)), threshold).wrong == ()


def test_threshold_shares_are_compatible_with_every_secret() -> None:
    secret, _, shares = dealt(2, 2, 5, width=3)
    for guess in (np.zeros(3, np.uint64), secret, np.full(3, P - 1, np.uint64)):
        points = [0, 1, 2]
        for i in range(3):
            values = [int(guess[i]), int(shares[0, i]), int(shares[1, i])]
            assert len(polynomial.interpolate(points, values)) <= 3


def test_sums_of_shares_are_shares_of_the_sum_whoever_drops_out() -> None:
    deals = [dealt(seed, 2, 5) for seed in range(4)]
    total = np.array([sum(int(d[0][i]) for d in deals) % P for i in range(6)], np.uint64)
    sums = {
        holder: np.array([sum(int(d[2][holder, i]) for d in deals) % P for i in range(6)], np.uint64)
        for holder in range(5)
    }
    for alive in ([0, 1, 2], [2, 3, 4], [0, 2, 4], [0, 1, 3, 4], [0, 1, 2, 3, 4]):
        got = shamir.recover({holder: sums[holder] for holder in alive}, 2)
        assert np.array_equal(got.secret, total)
        assert got.wrong == ()


@pytest.mark.parametrize("wrong", [[], [0], [6], [1, 5], [0, 6], [2, 3]])
def test_wrong_shares_are_named(wrong: list[int]) -> None:
    secret, _, shares = dealt(3, 2, 7)
    given_shares = chosen(shares, list(range(7)))
    for k, holder in enumerate(wrong):
        given_shares[holder][k] = (int(given_shares[holder][k]) + 1) % P
    got = shamir.recover(given_shares, 2)
    assert got.wrong == tuple(wrong)
    assert np.array_equal(got.secret, secret)


@settings(max_examples=25)
@given(st.data())
def test_wrong_shares_are_named_for_all_thresholds(data: st.DataObject) -> None:
    holders = data.draw(st.integers(1, 9))
    threshold = data.draw(st.integers(0, holders - 1))
    present = data.draw(st.lists(st.integers(0, holders - 1), min_size=threshold + 1, unique=True))
    most = (len(present) - threshold - 1) // 2
    wrong = data.draw(st.lists(st.sampled_from(present), max_size=most, unique=True)) if most else []
    secret, _, shares = dealt(data.draw(st.integers(0, 99)), threshold, holders, width=3)
    given_shares = chosen(shares, present)
    for holder in wrong:
        change = data.draw(st.integers(1, P - 1))
        place = data.draw(st.integers(0, 2))
        given_shares[holder][place] = (int(given_shares[holder][place]) + change) % P
    got = shamir.recover(given_shares, threshold)
    assert got.wrong == tuple(sorted(wrong))
    assert np.array_equal(got.secret, secret)


def test_all_wrong_shares_of_one_liar_who_swaps_two_coordinates() -> None:
    secret, _, shares = dealt(4, 1, 4)
    given_shares = chosen(shares, [0, 1, 2, 3])
    given_shares[2] = np.ascontiguousarray(given_shares[2][::-1])
    got = shamir.recover(given_shares, 1)
    assert got.wrong == (2,)
    assert np.array_equal(got.secret, secret)


def test_more_wrong_shares_than_can_be_named_are_an_error() -> None:
    _, _, shares = dealt(5, 2, 6)
    given_shares = chosen(shares, list(range(6)))
    for holder in (0, 3):
        given_shares[holder][1] ^= np.uint64(1)
    with pytest.raises(SharesInconsistent) as caught:
        shamir.recover(given_shares, 2)
    assert caught.value.expected == "at most 1 of 6"


def test_one_surplus_share_detects_but_cannot_name() -> None:
    _, _, shares = dealt(6, 2, 4)
    given_shares = chosen(shares, [0, 1, 2, 3])
    given_shares[3][0] ^= np.uint64(1)
    with pytest.raises(SharesInconsistent):
        shamir.recover(given_shares, 2)


def test_too_few_shares_are_an_error_with_both_numbers() -> None:
    _, _, shares = dealt(7, 3, 5)
    with pytest.raises(SharesInsufficient) as caught:
        shamir.recover(chosen(shares, [0, 1, 2]), 3)
    assert (caught.value.expected, caught.value.actual) == ("at least 4", 3)


def test_strange_shares_are_refused_by_name() -> None:
    _, _, shares = dealt(8, 1, 3)
    for bad in (np.zeros(5, np.uint64), np.zeros(6, np.int64), np.full(6, P, np.uint64)):
        given_shares = chosen(shares, [0, 1])
        given_shares[2] = bad
        with pytest.raises(ArgumentRefused, match="share of holder 2"):
            shamir.recover(given_shares, 1)
    with pytest.raises(ArgumentRefused, match="holders"):
        shamir.recover({-1: shares[0], 1: shares[1]}, 1)
    with pytest.raises(ArgumentRefused, match="threshold"):
        shamir.recover(chosen(shares, [0]), -1)


def test_strange_deals_are_refused() -> None:
    secret, coefficients, _ = dealt(9, 2, 5)
    with pytest.raises(ArgumentRefused, match="holders"):
        shamir.share(secret, coefficients, 2)
    with pytest.raises(ArgumentRefused, match="coefficients"):
        shamir.share(secret, coefficients[:, :5], 5)
    with pytest.raises(ArgumentRefused, match="coefficients"):
        shamir.share(secret, np.full((2, 6), P, np.uint64), 5)
    with pytest.raises(ArgumentRefused, match="secret"):
        shamir.share(np.full(6, P, np.uint64), coefficients, 5)
    with pytest.raises(ArgumentRefused, match="no two equal"):
        shamir.lagrange_weights([1, 1])


def test_lagrange_weights_reproduce_values_elsewhere() -> None:
    weights = shamir.lagrange_weights([0, 4, 9], at=7)
    values = [polynomial.evaluate([3, P - 2, 11], x) for x in (1, 5, 10)]
    assert sum(w * v for w, v in zip(weights, values, strict=True)) % P == polynomial.evaluate(
        [3, P - 2, 11], 7
    )


@settings(max_examples=30)
@given(st.lists(st.integers(0, P - 1), max_size=8), st.lists(st.integers(0, P - 1), min_size=1, max_size=5))
def test_division_has_quotient_and_small_remainder(a: list[int], b: list[int]) -> None:
    dividend, divisor = polynomial.trimmed(a), polynomial.trimmed(b) or [1]
    quotient, remainder = polynomial.divide(dividend, divisor)
    assert len(remainder) < len(divisor)
    assert polynomial.subtract(dividend, polynomial.multiply(quotient, divisor)) == remainder


def test_interpolation_and_vanishing_polynomials() -> None:
    points = [1, 2, 7, P - 1]
    assert polynomial.interpolate(points, [polynomial.evaluate([5, 0, 9], x) for x in points]) == [5, 0, 9]
    assert polynomial.interpolate(points, [0, 0, 0, 0]) == []
    assert [polynomial.evaluate(polynomial.vanishing(points), x) for x in points] == [0, 0, 0, 0]


def sums_of(
    threshold: int, holders: int, largest: int, seed: int = 5
) -> tuple[ring.Words, dict[int, ring.Words]]:
    """A small secret, as a sum of secrets is, and the shares of it."""
    rng = np.random.default_rng(seed)
    small = rng.integers(-largest, largest + 1, 64)
    secret = np.array([int(value) % P for value in small], np.uint64)
    coefficients = rng.integers(0, P, (threshold, 64), dtype=np.uint64)
    return secret, chosen(shamir.share(secret, coefficients, holders), list(range(holders)))


def spoil(shares: dict[int, ring.Words], holders: list[int], seed: int = 6) -> None:
    """Wrong shares that agree among themselves: shares of another vector."""
    rng = np.random.default_rng(seed)
    other = shamir.share(
        rng.integers(0, P, 64, dtype=np.uint64), rng.integers(0, P, (2, 64), dtype=np.uint64), len(shares)
    )
    for holder in holders:
        shares[holder] = other[holder]


@pytest.mark.parametrize("wrong", [[0], [0, 1], [1, 4], [0, 1, 2], [2, 3, 4], [0, 1, 2, 3]])
def test_the_right_secret_is_a_candidate_while_three_of_seven_shares_are_right(wrong: list[int]) -> None:
    """t = 2: unique decoding corrects 2 of 7, and 4 consistent wrong shares outvote 3 right ones."""
    secret, shares = sums_of(2, 7, largest=9)
    spoil(shares, wrong)
    found = list(shamir.candidates(shares, 2, 9))
    assert [(c.secret.tolist(), c.wrong) for c in found] == [(secret.tolist(), tuple(wrong))]


def test_with_one_share_more_than_needed_a_wrong_one_is_named() -> None:
    secret, shares = sums_of(2, 4, largest=3)
    shares[1] = (shares[1] + np.uint64(1)) % np.uint64(P)
    with pytest.raises(SharesInconsistent):
        shamir.recover(shares, 2)
    ((found),) = shamir.candidates(shares, 2, 3)
    assert found.secret.tolist() == secret.tolist() and found.wrong == (1,)


def test_too_few_right_shares_have_no_candidate() -> None:
    _, shares = sums_of(2, 5, largest=9)
    spoil(shares, [0, 2, 4])
    assert list(shamir.candidates(shares, 2, 9)) == []
    secret, shares = sums_of(2, 3, largest=9)
    assert [c.secret.tolist() for c in shamir.candidates(shares, 2, 9)] == [secret.tolist()]
    assert list(shamir.candidates(shares, 2, 8)) == []
    del shares[0]
    with pytest.raises(SharesInsufficient):
        list(shamir.candidates(shares, 2, 9))


def test_two_small_secrets_are_both_candidates() -> None:
    """Somebody knows the others' shares and gives those of a small vector of its own choice."""
    secret, shares = sums_of(1, 3, largest=9)
    other = secret.copy()
    value = int(secret[5]) if int(secret[5]) < P // 2 else int(secret[5]) - P
    other[5] = (value + 5 if value <= 4 else value - 5) % P
    points = [0, 1]  # holders 0 and X = 0 fix a line; holder 2 lies on another through the other vector
    forged = [
        polynomial.evaluate(polynomial.interpolate(points, [int(o), int(s)]), 3)
        for o, s in zip(other, shares[0], strict=True)
    ]
    shares[2] = np.array(forged, np.uint64)
    found = list(shamir.candidates(shares, 1, 9))
    assert {tuple(c.secret.tolist()) for c in found} == {tuple(secret.tolist()), tuple(other.tolist())}
    assert [c.wrong for c in found] == [(2,), (1,)]


def test_the_search_ends_at_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    _, shares = sums_of(2, 7, largest=9)
    spoil(shares, [0, 1, 2, 3])
    monkeypatch.setattr(shamir, "MOST_SETS", 34)  # (4, 5, 6) is the last of 35
    assert list(shamir.candidates(shares, 2, 9)) == []
    monkeypatch.setattr(shamir, "MOST_SETS", 35)
    assert len(list(shamir.candidates(shares, 2, 9))) == 1
