"""Divisors that are no powers of two: roundings, and limbs that cover the remainders exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.layers.divisor import Divisor
from proofward.layers.errors import ConfigurationError

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
