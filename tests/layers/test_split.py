"""Parts of values that may be beyond their range: what the tables admit is what integers are, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.layers.arithmetic.beyond import Span, span_of
from proofward.layers.arithmetic.ranges import best_limb_bits
from proofward.layers.arithmetic.split import (
    NO_CLASS,
    Split,
    class_table,
    excess_table,
    saturated_at_ends,
    saturating_table,
    ways,
)
from proofward.proof.tables import Table

WAYS = [
    way
    for span in ((-3, 2), (-9, 40), (-(1 << 9), 3), (-(1 << 20), 1 << 20))
    for low_bits in (0, 3)
    for way in list(ways(span, low_bits))[::2]
]
SMALL = [way for way in WAYS if way.table_rows < 1 << 11]


def class_of(values: np.ndarray, low_bits: int) -> np.ndarray:
    return np.where(values < 0, -1, np.sign(values >> low_bits))


def ends(span: Span, low_bits: int) -> tuple[int, int]:
    return span[0] << low_bits, ((span[1] + 1) << low_bits) - 1


@pytest.mark.parametrize("way", SMALL)
def test_whatever_the_tables_admit_has_the_class_of_its_value_and_is_the_only_one(way: Split) -> None:
    """Every entry of one table with every entry of the other, as a prover may choose them."""
    found = class_table(way.low_bits, way.part_bits)
    first, classes = found.first, found.second
    assert classes is not None
    admitted = classes != NO_CLASS
    part, known = first[admitted], classes[admitted]
    assert set(known.tolist()) == {-1, 0, 1}
    if not way.excess_bits:
        assert np.array_equal(known, class_of(part, way.low_bits))
        return
    table, half = excess_table(way.excess_bits), 1 << (way.excess_bits - 1)
    assert table.second is not None
    excess = table.first - half * table.second
    met = known[:, None] == table.second[None, :]  # both tables are looked up with one class
    value = part[:, None] + way.step * excess[None, :]
    assert np.array_equal(class_of(value, way.low_bits)[met], np.broadcast_to(known[:, None], met.shape)[met])
    assert len(np.unique(value[met])) == met.sum(), "a value has one part and one excess"


@pytest.mark.parametrize("way", WAYS)
def test_every_value_of_the_span_has_a_part_and_an_excess(way: Split) -> None:
    low, high = ends(way.span, way.low_bits)
    random = np.random.default_rng(7)
    near = [value for end in (low, -1, 0, 1 << way.low_bits, way.step, -way.step, high) for value in (end - 1, end, end + 1)]
    values = np.array([value for value in near if low <= value <= high], dtype=np.int64)
    values = np.concatenate([values, random.integers(low, high, 500, endpoint=True)])
    part, excess = way.part(values), way.excess(values)
    assert np.array_equal(part + way.step * excess, values)
    assert np.array_equal(class_of(part, way.low_bits), class_of(values, way.low_bits))
    assert ((part >= -way.step) & (part < way.step + (1 << way.low_bits))).all()
    if way.excess_bits:
        classes = class_of(values, way.low_bits)
        keys = excess + (classes << (way.excess_bits - 1))
        assert excess_table(way.excess_bits).count(keys, classes)[1] == -1
    else:
        assert not excess.any()


@given(st.integers(1, 22), st.integers(0, 60), st.integers(0, (1 << 60) - 1))
def test_what_parts_can_make_up_is_at_most_four_times_as_far_out_as_honest_values(bits: int, size: int, low: int) -> None:
    """`bounds` counts on it: of sums with a range of `bits` bits, and of gradients with one of a bit more."""
    rounded = 1 + low % (1 << size)
    most = 4 * rounded + (16 << bits)
    sums, back = ((-rounded - 2) >> bits, (rounded - 1) >> bits), span_of(rounded, bits)
    for found, shift in (
        (ways(sums, bits), 0),
        (ways(back, bits + 1), 0),
        (ways(back, 0), bits + 1),
    ):
        for way in found:
            excess = (1 << (way.excess_bits - 1)) - 1 if way.excess_bits else 0
            ends = (-way.step * max(1, excess), way.step * (1 + excess) + (1 << way.low_bits))
            assert max(-ends[0], ends[1]) << shift <= most


@given(st.integers(0, 4), st.integers(1, 5), st.integers(2, 9), st.randoms(use_true_random=False))
def test_tables_have_the_extensions_that_their_entries_have(low: int, more: int, excess: int, random: object) -> None:
    tables: list[Table] = [class_table(low, low + more), saturating_table(low, low + more), excess_table(excess)]
    for table in tables:
        point = tuple(Ext(random.getrandbits(63), random.getrandbits(63)) for _ in range(table.log_size))  # type: ignore[attr-defined]
        assert table.first_at(point) == evaluate(to_field(table.first), point)
        assert table.second is not None and table.second_at(point) == evaluate(to_field(table.second), point)


def test_saturating_tables_have_the_high_limb_brought_to_its_sign() -> None:
    table = saturating_table(2, 5)
    assert table.second is not None
    for value, found in zip(table.first.tolist(), table.second.tolist(), strict=True):
        high = value >> 2
        assert found == value - 4 * high + 4 * ((high > 0) - (high < 0))
    assert saturated_at_ends(np.array([-5, -1, 0, 3, 4, 11]), 2).tolist() == [-1, -1, 0, 3, 4, 7]


def test_limbs_are_wide_where_there_are_many_values() -> None:
    assert best_limb_bits([(22, 1 << 10)], 12) == 0
    assert best_limb_bits([(22, 1 << 24)], 12) == 22
    assert best_limb_bits([(24, 1 << 22)], 12) == 0
    assert best_limb_bits([(30, 1 << 24), (22, 1 << 20)], 12) in (15, 22)
    assert best_limb_bits([(26, 1 << 30)], 12) == 13
