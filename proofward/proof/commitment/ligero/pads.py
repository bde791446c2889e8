"""The rows over E of a witness tableau: masks of the opening, pads, and triples of pads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofward.field.extension import ext_mul
from proofward.field.goldilocks import random_field
from proofward.proof.algebra import add_at, evaluate_polynomial
from proofward.proof.commitment.contract import Array, Rng
from proofward.proof.commitment.ligero.layout import MASK_LINEAR_HIGH, MASK_LINEAR_LOW, ExtensionRows
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT


@dataclass(frozen=True, slots=True)
class DrawnPads:
    """Their values, an E-array of one row after another."""

    rows: ExtensionRows
    drawn: Array

    def values(self, key: int, count: int = 1) -> Array:
        """An E-array of `count` pads of one kind, from this key on."""
        start = self.rows.flat(key)
        return self.drawn[:, start : start + count]


def draw_pads(rows: ExtensionRows, rng: Rng) -> Array:
    """Uniform masks and pads; PRODUCT rows are products, the linear test's masks sum to 0 over H."""
    k = 1 << rows.log_k
    values = random_field(2 * rows.count * k, rng).reshape(2, rows.count, k)
    for i in range(rows.product_rows):
        left, right = (np.ascontiguousarray(values[:, rows.product_row(kind, i)]) for kind in (LEFT, RIGHT))
        values[:, rows.product_row(PRODUCT, i)] = ext_mul(left, right)
    flat = np.ascontiguousarray(values.reshape(2, rows.count * k))
    masks = flat[:, MASK_LINEAR_LOW * k : (MASK_LINEAR_HIGH + 1) * k]
    excess = evaluate_polynomial(np.ascontiguousarray(masks), ONE)
    add_at(flat, MASK_LINEAR_LOW * k, -excess)
    return flat
