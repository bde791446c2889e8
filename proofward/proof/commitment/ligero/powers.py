"""Weights of a vector that are powers: what claims on values of polynomials are, as a table and at a point.

A polynomial's coefficients are a block of a vector u. Its value at x is <w, u>, where w is x^j at the j-th
entry of the block and 0 elsewhere. The multilinear extension of such a w takes O(v) operations, by the binary
digits of the block's length: with the lowest i bits of the length set aside,

    F_i = sum over j < 2^i of x^j eq(j, r)  = product over the lowest i variables of (1 - r + r x^(2^...))
    P_i = sum over j < (length mod 2^i) of x^j eq(j, r)
        = (1 - r) P_(i-1), or where the bit is set (1 - r) F_(i-1) + r x^(2^(i-1)) P_(i-1)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proofward.field.extension import Ext, ext_add, ext_mul, ext_scale, ext_shift, powers, zeros
from proofward.field.ntt import COSET_SHIFT, intt
from proofward.proof.commitment.contract import Array
from proofward.proof.commitment.ligero.vector import Block
from proofward.proof.forms import ONE


def eq_at(index: int, point: Sequence[Ext]) -> Ext:
    """eq(index, point), the most significant bit first."""
    product = ONE
    for i, r in enumerate(reversed(point)):
        product = product * (r if index >> i & 1 else ONE - r)
    return product


def powers_at(block: Block, x: Array, point: Sequence[Ext]) -> Array:
    """For every x of an E-array, the extension of its powers over the block at the point."""
    low = block.size.bit_length() - 1
    high = len(point) - low
    whole = _constant(ONE, x.shape[1])
    part = np.zeros_like(x)
    square = x
    for i, r in enumerate(reversed(point[high:])):
        stay, move = ONE - r, ext_scale(square, r)
        if block.length >> i & 1:
            part = ext_add(ext_scale(whole, stay), ext_mul(move, part))
        else:
            part = ext_scale(part, stay)
        whole = ext_mul(whole, ext_shift(move, stay))
        square = ext_mul(square, square)
    covered = whole if block.length == block.size else part
    return ext_scale(covered, eq_at(block.offset // block.size, point[:high]))


def add_powers(table: Array, block: Block, x: Ext, factor: Ext) -> None:
    """Add factor x^j at the block's j-th entry, in place."""
    span = slice(block.offset, block.offset + block.length)
    table[:, span] = ext_add(np.ascontiguousarray(table[:, span]), ext_scale(powers(x, block.length), factor))


def add_coset_powers(table: Array, block: Block, indices: list[int], factors: Array, n: int) -> None:
    """Add the sum of factors[l] x_l^j at the block's j-th entry, in place, by one transform.

    x_l is the coset's point of the index, 7 w^e; an inverse transform of length n sums w^(-e j) / n.
    """
    if block.length > n:
        raise ValueError(f"{block.length} powers of points of a domain of {n}")
    sparse = zeros(n)
    sparse[:, indices] = ext_scale(factors, Ext(n))
    sums = intt(sparse)
    turned = np.concatenate([sums[:, :1], sums[:, :0:-1]], axis=1)[:, : block.length]
    weights = ext_mul(np.ascontiguousarray(turned), powers(Ext(COSET_SHIFT), block.length))
    span = slice(block.offset, block.offset + block.length)
    table[:, span] = ext_add(np.ascontiguousarray(table[:, span]), weights)


def _constant(value: Ext, count: int) -> Array:
    return np.repeat(np.array([[value.c0], [value.c1]], dtype=np.uint64), count, axis=1)
