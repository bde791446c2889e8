"""Divisors that are no powers of two: roundings, and limbs that cover the remainders exactly."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.layers.arithmetic.ranges import table_below
from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError

VALUES = st.lists(st.integers(-(1 << 61), 1 << 61), min_size=1, max_size=5)


@given(values=VALUES, value=st.integers(1, 1 << 40))
def test_roundings_are_those_of_plain_integers(values: list[int], value: int) -> None:
    divisor = Divisor.of(value)
    assert divisor.value == value and divisor.odd % 2 == 1 and divisor.half == value // 2
    quotients = divisor.rounded(np.array(values, dtype=np.int64)).tolist()
    remainders = divisor.remainder(np.array(values, dtype=np.int64)).tolist()
    for own, quotient, remainder in zip(values, quotients, remainders, strict=True):
        assert quotient == (own + value // 2) // value and 0 <= remainder < value
        assert value * quotient + remainder == own + value // 2


@given(
    bits=st.integers(1, 40), odd=st.integers(0, 2000).map(lambda half: 2 * half + 1), table_bits=st.integers(2, 20)
)
def test_limbs_cover_exactly_the_remainders(bits: int, odd: int, table_bits: int) -> None:
    divisor = Divisor(bits, odd)
    if odd > 1 << table_bits:
        with pytest.raises(ConfigurationError, match=f"at least {divisor.odd_bits}, for sums"):
            divisor.check("sums", table_bits)
        return
    divisor.check("sums", table_bits)
    parts = divisor.limbs(table_bits)
    assert parts[0][0] == 0 and all(0 < width <= table_bits for _, width in parts)
    assert all(shift + width == above for (shift, width), (above, _) in pairwise(parts))
    shift, width = parts[-1]
    top = divisor.value >> shift
    assert top << shift == divisor.value and 1 << (width - 1) < top <= 1 << width
    # as many as those of the next power of two
    assert len(parts) == -(-(divisor.value - 1).bit_length() // table_bits)


@given(st.integers(3, 1 << 12).filter(lambda count: bool(count & (count - 1))), st.randoms(use_true_random=False))
def test_tables_of_the_integers_below_a_number_have_closed_extensions(count: int, random: Random) -> None:
    """A verifier fills none, since limbs may be so wide that such a table has 2^24 entries."""
    table = table_below(count)
    assert table.first_form is not None and set(table.first.tolist()) == set(range(count))
    assert table.first.size == 1 << table.log_size
    point = tuple(Ext(random.getrandbits(63), random.getrandbits(63)) for _ in range(table.log_size))
    assert table.first_at(point) == evaluate(to_field(table.first), point)
