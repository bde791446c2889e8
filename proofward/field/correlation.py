"""Correlations of long vectors, by transforms: n log n steps, however many factors there are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import mul
from proofward.field.ntt import intt, ntt
from proofward.field.reference import correlation as reference
from proofward.field.reference import mirrored

Array = npt.NDArray[np.uint64]


@mirrored(reference.correlated)
def correlated(values: Array, factors: Array) -> Array:
    """sum over j of factors[j] values[:, i + j], of entries that there are: (2, n) and (m,) to (2, n).

    The product of polynomials, values in reverse order times factors, up to degree n. With 2 n points nothing
    of a higher degree falls on these.
    """
    count = values.shape[1]
    size = 2 << (count - 1).bit_length()
    rows = np.zeros((3, size), dtype=np.uint64)
    rows[:2, :count] = values[:, ::-1]
    rows[2, : min(count, factors.size)] = factors[:count]
    one, other, by = ntt(rows)
    products = intt(np.stack([mul(one, by), mul(other, by)]))
    return np.ascontiguousarray(products[:, count - 1 :: -1])
