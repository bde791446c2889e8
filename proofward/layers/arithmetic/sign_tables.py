"""Tables of signs of consecutive integers, as long as the largest columns: who verifies never fills one.

    signs of b bits     (x, sign x) for x in [-2^(b-1), 2^(b-1))
    signs above b bits  (k, sign(low + 2^b x)) for k = low + 2^b (s + 1), low in [0, 2^b), s the sign of x

The extension of the signs at a point r, r_1 the most significant coordinate, is a polynomial of few terms:
    signs of b bits     2 r_1 - 1 - r_1 (1 - r_2) .. (1 - r_b), as x = 0 is the entry 2^(b-1), whose sign is 0
    signs above b bits  -1 where s = -1, 1 - eq(r, low = 0) where s = 0, and 1 in the upper half
Keys from 3 * 2^b on have no meaning; the table has 1 there.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.layers.columns.stack import zero_product
from proofward.proof.forms import ONE, Point
from proofward.proof.tables import Table, integers

Signed = npt.NDArray[np.int64]

SIGN_TAG, CHAIN_TAG = 128, 192


def signs(bits: int) -> Table:
    """The integers of so many bits, and their signs."""
    low, values = -(1 << (bits - 1)), partial(_signs, bits)
    return Table.function(f"signs of {bits} bits", SIGN_TAG + bits, low, bits, values, _signs_at)


def signs_above(bits: int) -> Table:
    """Low limbs of so many bits with the sign of what is above them, and the sign of both together."""
    name, values = f"signs above {bits} bits", partial(_signs_above, bits)
    return Table.function(name, CHAIN_TAG + bits, 0, bits + 2, values, _signs_above_at)


def _signs(bits: int) -> Signed:
    return np.sign(integers(-(1 << (bits - 1)), bits))


def _signs_at(point: Point) -> Ext:
    top = point[0]
    return top * 2 - 1 - top * zero_product(point[1:])


def _signs_above(bits: int) -> Signed:
    keys = integers(0, bits + 2)
    inside = np.sign(keys & ((1 << bits) - 1))
    result: Signed = np.where(keys >> bits == 1, inside, np.sign((keys >> bits) - 1))
    return result


def _signs_above_at(point: Point) -> Ext:
    upper, odd, low = point[0], point[1], point[2:]
    below = odd * (ONE - zero_product(low)) - (ONE - odd)
    return upper + (ONE - upper) * below
