"""Softmax of logits in integers: exponentials by table, and probabilities by exactly rounded division.

Of K exact logits Z_k, with e = fd + 6 and l = logit_range_bits:
    Q_k = floor((Z_k + 2^(fw-1)) / 2^fw),   M = max_k Q_k,   D_k = M - Q_k >= 0
    E_k = table[D_k] = round(2^e exp(-D_k / 2^fa)) for D_k < 2^l, and 0 beyond
    S   = sum_k E_k,   P_k = floor((2^(fd+1) E_k + S) / (2 S)) = 2^fd E_k / S, rounded half up

Every value is defined whatever the logits are, and P_k is in [0, 2^fd]: the maximum has E = 2^e, so S is not
0. Which of several equal logits is called the maximum does not matter. An entry of the table is wrong by at
most 1/2, and S by less than K / 2 at least 2^e; so for up to 64 classes P_k is within 1 of the real value
where no difference is beyond the table. With the usual scales the table ends where a probability rounds to 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.layers.arithmetic.rounding import rounded
from proofward.layers.basics.layout import log_padded
from proofward.layers.rules.model import FixedPoint, Int64Array

_FINER_BITS = 6


def exponential_bits(scales: FixedPoint) -> int:
    """e: an exponential is at scale 2^e."""
    return scales.gradient_bits + _FINER_BITS


def division_bits(scales: FixedPoint, classes: int) -> int:
    """Bits of 2 S - 1, and so of the remainder of the division."""
    return exponential_bits(scales) + log_padded(classes) + 1


@lru_cache(maxsize=8)
def exponential_table(scales: FixedPoint) -> Int64Array:
    """E at index D for D in [0, 2^(l+1)), the upper half 0; int64, read-only.

    Decimal exponentials of 40 digits, correctly rounded: the same table on every machine. Only D = 0 gives a
    rational number, 2^e. They fall, so behind the first 0 all are 0.
    """
    size = 1 << scales.logit_range_bits
    table = np.zeros(2 * size, dtype=np.int64)
    unit = 1 << exponential_bits(scales)
    with localcontext() as context:
        context.prec = 40
        for index in range(size):
            decay = (Decimal(-index) / (1 << scales.activation_bits)).exp()
            table[index] = int((unit * decay).to_integral_value(ROUND_HALF_EVEN))
            if table[index] == 0:
                break
    table.setflags(write=False)
    return table


@dataclass(frozen=True)
class Softmax:
    """The values of the module's description, over (.., class), without classes in padding.

    maximum M and total S are over (..); remainder is 2^(fd+1) E + S - 2 S P, in [0, 2 S).
    """

    maximum: Int64Array
    distance: Int64Array
    exponential: Int64Array
    total: Int64Array
    probability: Int64Array
    remainder: Int64Array


def real_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Of real logits (n, classes)."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def softmax(sums: Int64Array, scales: FixedPoint) -> Softmax:
    """Of exact logits Z (.., K).

    2^(fd+1) E + S < 2^15 2^20 + 2^27, as fd is at most 14 and K at most 64.
    """
    quotients = rounded(sums, scales)
    maximum = quotients.max(axis=-1)
    distance = maximum[..., None] - quotients
    exponential = exponential_table(scales)[np.minimum(distance, 1 << scales.logit_range_bits)]
    total = exponential.sum(axis=-1)
    scaled = (exponential << (scales.gradient_bits + 1)) + total[..., None]
    probability, remainder = np.divmod(scaled, 2 * total[..., None])
    return Softmax(maximum, distance, exponential, total, probability, remainder)
