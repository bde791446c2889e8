"""Correlations against the sums that they are."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field.correlation import correlated
from proofward.field.scalar import P
from tests.field.values import agrees, f_array


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
@pytest.mark.parametrize("factors", [1, 2, 5, 8, 20])
def test_a_correlation_is_its_sums(count: int, factors: int) -> None:
    values, by = f_array(1, 2, count), f_array(2, factors)
    found = agrees(correlated, values, by)
    expected = [
        [sum(int(by[j]) * int(own[i + j]) for j in range(factors) if i + j < count) % P for i in range(count)]
        for own in values
    ]
    assert np.array_equal(found, expected)
