"""The ciphertext of the update and the sharing of its key.

What is proved: y = a s + e + 2^18 U for the public masks a and ciphertext y, s ternary, e in [-42, 42], with
the U of the update relation; and that the
values published for key sharing are those of the committed coefficients c_0 = s, c_1 .. c_t of the sharing
polynomial.
Message order: V one point per block of parameters and gamma (the ring equation at random multilinear weights:
linear in s, e and U); V a point r; P phi_d =
c_d(r) - b_d for d = 0 .. t. Holder x has the share sum_d c_d x^d and the blind sum_d b_d x^d, and checks
<eq(r), share> - blind = sum_d phi_d x^d.
Soundness: blocks + log(parameters) over |E| for the ring equation; 12 / |E| that a share other than the
committed one passes. A padded entry of a block has no
y: there the equation says e + 2^18 U = 0, which the ranges make e = U = 0.
How it hides: phi_d is padded by b_d, a pad of the proof; t holders know the blind polynomial at t points, so
b_0 stays uniform.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_dot, ext_scale, lift
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.lattice.encryption import masked_functional
from proofward.lattice.parameters import ERROR_ETA, RING_DEGREE, UPDATE_SHIFT
from proofward.lattice.sampler import MaskContext
from proofward.layers.ranges import RangeChecks
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import Linear
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.blocks import Block

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

TERNARY = Table.padded("ternary", 65, [-1, 0, 1])
ERRORS = Table.padded("errors", 66, list(range(-ERROR_ETA, ERROR_ETA + 1)))
LOG_RING_DEGREE = RING_DEGREE.bit_length() - 1


@dataclass(frozen=True, slots=True)
class EncryptionWitness:
    """Secret int8 (4096,), errors int8 (parameters,), coefficients c_1 .. c_t of the sharing polynomial, F
    (t, 4096).
    """

    secret: npt.NDArray[np.int8]
    error: npt.NDArray[np.int8]
    coefficients: Array


@dataclass(frozen=True, slots=True)
class EncryptionRelation:
    """The committed columns of an encryption."""

    blocks: list[Block]
    errors: list[Column]
    coefficients: list[Column]

    @staticmethod
    def declare(
        party: Party,
        ranges: RangeChecks,
        blocks: list[Block],
        threshold: int,
        witness: Callable[[], EncryptionWitness],
    ) -> EncryptionRelation:
        """Declare the columns and their lookups; coefficients[0] is the secret."""
        errors = []

        def block_errors(block: Block) -> Array:
            return block.field_values(witness().error.astype(np.int64))

        def coefficient(degree: int) -> Array:
            return np.ascontiguousarray(witness().coefficients[degree - 1])

        for block in blocks:
            column = party.declare(
                f"{block.name} errors",
                block.log_size,
                partial(block_errors, block),
            )
            ranges.lookups.query(ERRORS, Linear(((1, column),)))
            errors.append(column)
        secret = party.declare("secret", LOG_RING_DEGREE, lambda: to_field(witness().secret.astype(np.int64)))
        ranges.lookups.query(TERNARY, Linear(((1, secret),)))
        coefficients = [secret]
        for degree in range(1, threshold + 1):
            coefficients.append(
                party.declare(
                    f"sharing coefficient {degree}",
                    LOG_RING_DEGREE,
                    partial(coefficient, degree),
                )
            )
        return EncryptionRelation(blocks, errors, coefficients)

    def prove(
        self, party: Party, context: MaskContext, ciphertext: Array, updates: list[Linear]
    ) -> ShareBinding:
        """Run the relation; `updates` are the columns U of the same blocks."""
        gamma = party.challenge()
        points = [party.challenges(block.log_size) for block in self.blocks]
        party.soundness.add(
            "ring equation", "Schwartz-Zippel", len(points) + sum(len(point) for point in points)
        )
        form = Form.of(0)
        scale = ONE
        scales = []
        for point, error, update in zip(points, self.errors, updates, strict=True):
            form = form + (error.at(point) + update.at(point) * (1 << UPDATE_SHIFT)) * scale
            scales.append(scale)
            scale = scale * gamma
        if party.evaluates_public:
            weights = np.concatenate(
                [
                    ext_scale(block.unpad(eq_table(point)), s)
                    for block, point, s in zip(self.blocks, points, scales, strict=True)
                ],
                axis=1,
            )
            functional = masked_functional(
                context, ciphertext.size, lambda first, stop: np.ascontiguousarray(weights[:, first:stop])
            )
            form = form + self.coefficients[0].inner(functional) - ext_dot(weights, lift(ciphertext))
        party.assert_zero(form)
        return self._bind_shares(party)

    def _bind_shares(self, party: Party) -> ShareBinding:
        point = party.challenges(LOG_RING_DEGREE)
        party.soundness.add("share binding", "Schwartz-Zippel", LOG_RING_DEGREE)
        first_pad = party.pads
        values = [
            evaluate(party.values(c), point) if party.knows_witness else ZERO for c in self.coefficients
        ]
        sent = party.send_all(values)
        for form, column in zip(sent, self.coefficients, strict=True):
            party.assert_zero(form - column.at(point))
        return ShareBinding(point, tuple(form.constant for form in sent), first_pad)


@dataclass(frozen=True, slots=True)
class ShareBinding:
    """The public functional that every holder's share must satisfy: the point r, phi_0 .. phi_t, and the
    first blind's pad number.
    """

    point: Point
    values: tuple[Ext, ...]
    first_pad: int

    def matches(self, holder: int, share: Array, blind: Ext) -> bool:
        """<eq(r), share> - blind = sum_d phi_d x^d at x = holder + 1; share F-array (4096,)."""
        x = holder + 1
        expected = ZERO
        for value in reversed(self.values):
            expected = expected * x + value
        return evaluate(share, self.point) - blind == expected
