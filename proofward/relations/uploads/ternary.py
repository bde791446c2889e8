"""A committed column of -1, 0 and 1, without lookups.

What is proved: s(j)^3 = s(j) for every entry, which has these three solutions in the field and no other.
Message order:
    verifier: a point p of the entries
    a sumcheck of eq(p, j) (t(j) s(j) - s(j)) = 0 with t = s^2, no column     prover: t and s where it ended
    a sumcheck for t there, of eq s(j) s(j)                                   prover: s where it ended, twice
Soundness: the number of variables / |E| for the point, and the sumchecks. How it hides: the party pads every
message. Source: the zerocheck by sumcheck (Thaler, Proofs, Arguments and Zero-Knowledge, section 8.2), with a
layer for the square.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_scale, lift
from proofward.field.goldilocks import mul
from proofward.layers.columns.stack import eq_weights
from proofward.proof.forms import ONE, Column, Form
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


def prove_ternary(party: Party, column: Column) -> None:
    """Every entry of the column is -1, 0 or 1."""
    point = party.challenges(column.log_size)
    party.soundness.add("ternary secret", "Schwartz-Zippel", len(point))

    def cubes() -> Tables:
        values = party.values(column)
        own = lift(values)
        return Tables([(lift(mul(values, values)), own)], ext_scale(own, ONE * -1))

    reduced = party.sumcheck(Form.of(0), eq_weights(point), cubes)
    square, own, product = party.send_product(*reduced.factors[0])
    party.assert_zero(own - column.at(reduced.point))
    party.assert_zero(reduced.claim - product + own)

    def squares() -> Tables:
        values = lift(party.values(column))
        return Tables([(values, values)])

    ended = party.sumcheck(square, eq_weights(reduced.point), squares)
    left, right, product = party.send_product(*ended.factors[0])
    party.assert_zero(left - right)
    party.assert_zero(left - column.at(ended.point))
    party.assert_zero(ended.claim - product)
