"""Edge values, random arrays and the comparison of a function with its specification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from proofward.field import reference_arithmetic
from proofward.field.extension import Ext
from proofward.field.scalar import P

Array = npt.NDArray[np.uint64]

_HALVES = (0, 1, 2, 7, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 3, 2**32 - 2, 2**32 - 1)
WORDS = sorted(
    {(high << 32) | low for high in _HALVES for low in _HALVES}
    | {P - 2, P - 1, P, P + 1, P // 2, P // 2 + 1, P // 7, P // 7 + 1, 6 * P // 7, 2**63 - 1, 2**64 - 1}
    | {2**32 - 1, 2**32, 2**32 + 1, 2**64 - 2**32, 2**64 - 2**33, 2**48, 2**48 - 1}
)
"""Words at which a carry, a borrow or a reduction changes."""
EDGES = [word for word in WORDS if word < P]

field = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))
word = st.one_of(st.sampled_from(WORDS), st.integers(0, 2**64 - 1))
ext = st.builds(Ext, field, field)


def f_array(seed: int, *shape: int) -> Array:
    """A canonical array, one entry in three an edge value."""
    random = np.random.default_rng([seed, *shape])
    values = random.integers(0, P, shape, dtype=np.uint64)
    edges = np.array(EDGES, dtype=np.uint64)[random.integers(0, len(EDGES), shape)]
    return np.where(random.integers(0, 3, shape) == 0, edges, values)


def one_ext(seed: int) -> Ext:
    """An element of E."""
    c0, c1 = f_array(seed, 2)
    return Ext(int(c0), int(c1))


def point(seed: int, variables: int) -> list[Ext]:
    """A point of E^n."""
    return [one_ext(seed + 7 * i) for i in range(variables)]


def elements(values: Array) -> list[Ext]:
    """The elements of an E-array."""
    return [Ext(int(a), int(b)) for a, b in zip(*values, strict=True)]


def total(values: list[Ext]) -> Ext:
    """Their sum."""
    return sum(values, Ext(0))


def layouts(values: Array) -> list[Array]:
    """The same array in other memory layouts: contiguous, column-major, strided, and backwards."""
    wide = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), dtype=np.uint64)
    wide[..., ::2] = values
    backwards = np.ascontiguousarray(values[..., ::-1])[..., ::-1]
    return [np.ascontiguousarray(values), np.asfortranarray(values), wide[..., ::2], backwards]


def agrees(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result, which is canonical and that of its specification in plain integers."""
    fast = function(*arguments)
    with reference_arithmetic():
        slow = function(*arguments)
    same(fast, slow)
    return fast


def same(fast: Any, slow: Any) -> None:
    """Equal types, shapes and values, canonical."""
    assert type(fast) is type(slow)
    if isinstance(fast, tuple):
        assert len(fast) == len(slow)
        for left, right in zip(fast, slow, strict=True):
            same(left, right)
    elif isinstance(fast, np.ndarray):
        assert fast.dtype == slow.dtype == np.uint64
        assert fast.shape == slow.shape
        assert np.array_equal(fast, slow)
        assert all(value < P for value in fast.reshape(-1).tolist())
    else:
        assert fast == slow
