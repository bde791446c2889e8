"""What values beyond their range need: as many columns and lookups as each way says, and honest values pass them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from proofward.field.goldilocks import to_signed
from proofward.layers.arithmetic.beyond import Beyond, Span
from proofward.layers.arithmetic.flags import Flags
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.arithmetic.split import Split, ways
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.forms import Column
from proofward.proof.lookup import LinearCombination, LookupArgument, Query
from tests.proof.cheats import Inventory

CODE = CodeParameters(log_k=5, log_n=7, queries=4, openings=1)
BITS, LOG_SIZE = 9, 4
SPANS = [(0, 0), (-1, 0), (-1, 1), (-2, 0), (-2, 1), (-3, 5), (-40, 0), (-700, 699), (-(1 << 14), 3)]


class Declared(Inventory):
    """A counter that keeps what a prover would commit to."""

    def __init__(self) -> None:
        super().__init__(Ligero(CODE))
        self.known: dict[str, np.ndarray] = {}

    def declare(self, name: str, log_size: int, values: Callable[[], Any]) -> Column:
        self.known[name] = to_signed(values())
        return super().declare(name, log_size, values)

    def value(self, made: LinearCombination) -> np.ndarray:
        total = np.full(1 << LOG_SIZE, made.constant, dtype=np.int64)
        for factor, column in made.terms:
            total = total + factor * self.known[column.name]
        return total


def low_limbs(table_bits: int, limb_bits: int) -> int:
    return -(-BITS // (limb_bits or table_bits))


def all_ways(span: Span, table_bits: int, limb_bits: int, sign_bits: int) -> list[Beyond]:
    limbs = low_limbs(table_bits, limb_bits)
    limb = HighLimb.of(span, table_bits, sign_bits, limb_bits, BITS)
    whole = [own for own in ways(span, BITS, limb_bits) if own.part_bits < 14]
    above = [own for own in ways(span, 0, limb_bits, limbs) if own.part_bits < 14]
    return [limb, *whole, *(above if not limb.is_own_sign else [])]


def some_values(span: Span) -> np.ndarray:
    """Both ends of the span, the ends of the range, and what is next to them."""
    least, most = span[0] << BITS, ((span[1] + 1) << BITS) - 1
    met = [least, most, 0, 1, (1 << BITS) - 1, 1 << BITS, -1, (least + most) // 2]
    values = [min(max(value, least), most) for value in met]
    return np.array([*values, *values[::-1]], dtype=np.int64)


def declared(
    way: Beyond, table_bits: int, values: np.ndarray, inside: bool
) -> tuple[Declared, list[Query], tuple[Any, ...]]:
    party = Declared()
    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, table_bits)
    declare = way.declare_inside if inside else way.declare_saturating
    made = declare(ranges, "own", LOG_SIZE, BITS, lambda: values)
    return party, lookups._queries, made


def all_listed(party: Declared, queries: list[Query]) -> bool:
    """Whether every entry of a lookup is in its table."""
    for query in queries:
        assert isinstance(query.first, LinearCombination)
        first = party.value(query.first)
        second = party.value(query.second) if query.second is not None else None
        if query.table.count(first, second)[1] != -1:
            return False
    return True


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(("table_bits", "limb_bits"), [(12, 0), (4, 0), (3, 0), (4, 5), (12, 2)])
@pytest.mark.parametrize("sign_bits", [3, 10])
def test_as_many_columns_and_lookups_as_are_said(
    span: Span, table_bits: int, limb_bits: int, sign_bits: int
) -> None:
    values = some_values(span)
    for way in all_ways(span, table_bits, limb_bits, sign_bits):
        if not isinstance(way, Split) or way.low_bits:
            party, queries, (flags, low, whole) = declared(way, table_bits, values, inside=True)
            assert len(party.columns) == way.inside_columns and len(queries) == way.inside_lookups, way
            within = (values >= 0) & (values < 1 << BITS)
            assert np.array_equal(party.value(whole), values)
            assert np.array_equal(party.value(low)[within], values[within])
            assert np.array_equal(party.value(flags.sign), np.sign(values >> BITS))
            assert (flags.above is None) == (span[1] <= 0) == ("own above" not in party.known)
            assert all_listed(party, queries)
        if isinstance(way, Split) and way.low_bits and way.excess_bits:
            continue
        party, queries, (whole, ended) = declared(way, table_bits, values, inside=False)
        assert len(party.columns) == way.saturating_columns and len(queries) == way.saturating_lookups, way
        assert np.array_equal(party.value(whole), values)
        expected = (values & ((1 << BITS) - 1)) + (np.sign(values >> BITS) << BITS)
        assert np.array_equal(party.value(ended), expected)
        assert all_listed(party, queries)


@pytest.mark.parametrize(("table_bits", "limb_bits"), [(12, 0), (4, 0), (4, 5), (12, 2)])
def test_a_value_that_cannot_leave_its_range_is_committed_to_itself(table_bits: int, limb_bits: int) -> None:
    """A bit beside it where it may be below, since both classes may occur; a gradient needs nothing else."""
    limbs = low_limbs(table_bits, limb_bits)
    inside = HighLimb.of((-1, 0), table_bits, 10, limb_bits, BITS)
    gradient = HighLimb.of((0, 0), table_bits, 10, limb_bits, BITS)
    assert (inside.low_limbs, inside.inside_columns, inside.inside_lookups) == (limbs, 1 + limbs, limbs)
    assert (gradient.saturating_columns, gradient.saturating_lookups) == (limbs, limbs)


@pytest.mark.parametrize("span", [span for span in SPANS if span[1] <= 0])
def test_without_the_bit_above_nothing_above_the_range_is_listed(span: Span) -> None:
    """Whatever high limb and bit a prover chooses, they make up a value that is below the range or inside it."""
    for way in all_ways(span, 4, 0, 3):
        if isinstance(way, Split) and not way.low_bits:
            continue
        for value in (1 << BITS, (1 << BITS) + 5, 3 << BITS):
            values = np.full(1 << LOG_SIZE, value)
            party, queries, (flags, _, whole) = declared(way, 4, values, inside=True)
            assert flags.above is None
            if isinstance(way, HighLimb) and way.is_own_sign:  # then the bit itself makes up the value
                assert (party.value(whole) < 1 << BITS).all()
                continue
            for bit in (0, 1):
                party.known["own inside"] = np.full(1 << LOG_SIZE, bit)
                assert not all_listed(party, queries)


@pytest.mark.parametrize("above", [True, False])
def test_flags_have_the_classes_that_are_possible(above: bool) -> None:
    party = Declared()
    classes = np.array([-5, -1, 0, 0] + ([1, 9] if above else [0, 0]) + [0] * 10)
    flags = Flags.declare(party, "own", LOG_SIZE, lambda: classes, above=above)
    assert [column.name for column in party.columns] == ["own inside", "own above"][: 1 + above]
    assert np.array_equal(party.value(flags.sign), np.sign(classes))
