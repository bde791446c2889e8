"""Drawing committees: uniform, canonical, separated by purpose, and useless to who steps back."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.federation.committees import drawing
from proofward.federation.committees.drawing import HOLDERS, VERIFIERS, committee, order

BEACON = bytes(range(32))
NAMES = [f"hospital-{index:02}" for index in range(20)]


def drawn(beacon=BEACON, purpose=HOLDERS, number=1, size=6, able=NAMES, subject=""):
    return committee(beacon, purpose, number, NAMES, size, able=able, subject=subject)


def test_a_draw_is_pinned():
    """By the definition in the docstring, in other words."""
    parts = (b"proofward/committee/v1", BEACON, b"holders", (1).to_bytes(8, "little"), b"")
    seed = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    data, left, found = hashlib.shake_256(seed).digest(8 * 64), list(NAMES), []
    for at in range(0, 8 * len(NAMES), 8):
        word = int.from_bytes(data[at : at + 8], "little")
        chosen = word % len(left)
        left[0], left[chosen] = left[chosen], left[0]
        found.append(left.pop(0))
    assert list(order(BEACON, HOLDERS, 1, NAMES)) == found
    assert drawn() == tuple(sorted(found[:6]))
    assert sorted(found) == NAMES


def test_every_order_comes_equally_often():
    names, draws = NAMES[:4], 2400
    found = Counter(tuple(order(BEACON, HOLDERS, number, names)) for number in range(draws))
    expected = draws / 24
    square = sum((found[some] - expected) ** 2 / expected for some in permutations(names))
    assert square < 60  # 23 degrees of freedom: exceeded with probability 4e-5, and the draws are fixed
    pairs = Counter(committee(BEACON, HOLDERS, number, names, 2, able=names) for number in range(draws))
    assert set(pairs) == set(combinations(names, 2))


def test_words_that_would_favour_small_numbers_are_rejected():
    limit = (1 << 64) - (1 << 64) % 3
    assert drawing._below(iter([limit, (1 << 64) - 1, 5]), 3) == 2
    assert drawing._below(iter([limit - 1]), 3) == 2


def test_purpose_round_subject_and_beacon_separate_draws():
    others = [
        drawn(purpose=VERIFIERS),
        drawn(number=2),
        drawn(subject="hospital-01"),
        drawn(beacon=bytes(32)),
        drawn(subject="hospital-0"),
    ]
    assert len({drawn(), *others}) == 6


@settings(max_examples=25, deadline=None)
@given(st.sets(st.sampled_from(NAMES)), st.integers(0, 20))
def test_who_steps_back_opens_its_own_seat_and_changes_no_other(gone, size):
    whole, able = drawn(size=size), [name for name in NAMES if name not in gone]
    found = drawn(size=size, able=able)
    assert set(whole) - gone <= set(found) <= set(able)
    assert len(found) == min(size, len(able))


def test_a_long_list_is_not_gone_through_for_a_few():
    many = [f"{index:06}" for index in range(100_000)]
    assert len(committee(BEACON, VERIFIERS, 1, many, 3, able=many)) == 3


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"]])
def test_rejects_a_list_that_not_everybody_has_alike(names):
    with pytest.raises(ValueError, match="ascending order"):
        list(order(BEACON, HOLDERS, 1, names))
