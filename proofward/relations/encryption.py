"""The ciphertext of the update.

What is proved: for the public masks a and ciphertext y, entry by entry,
    y = a s + e + 2^18 U,   s ternary, e in [-42, 42],
with the U of the update relation at the parameters and U = 0 at the added entries behind them, whose errors
are committed and looked up as all others are.

Messages: the verifier draws gamma and one point for each block of parameters and for the added entries. The
equation at random multilinear weights is linear in s, e and U: one constraint. Nothing is sent.

Soundness: (blocks + 1 + the points' lengths) / |E|. A padded entry of a block has no y: there the equation
says e + 2^18 U = 0, which the ranges |e| <= 42 and |U| < 2^32 make e = U = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_dot, ext_scale, lift
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import eq_table
from proofward.lattice.encryption import masked_functional
from proofward.lattice.parameters import ERROR_ETA, UPDATE_SHIFT, ciphertext_length
from proofward.lattice.sampler import MaskContext
from proofward.layers.model import padded
from proofward.layers.ranges import RangeChecks
from proofward.proof.forms import ONE, Column, Form
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.blocks import Block
from proofward.relations.key_shares import LOG_RING_DEGREE

Array = npt.NDArray[np.uint64]

TERNARY = Table.padded("ternary", 65, [-1, 0, 1])
ERRORS = Table.padded("errors", 66, list(range(-ERROR_ETA, ERROR_ETA + 1)))


@dataclass(frozen=True, slots=True)
class EncryptionWitness:
    """What the hospital knows of its ciphertext and key.

    secret: int8 (4096,); error: int8 (length of the ciphertext,); coefficients: c_1 .. c_t of the sharing
    polynomial, F (t, 4096).
    """

    secret: npt.NDArray[np.int8]
    error: npt.NDArray[np.int8]
    coefficients: Array


@dataclass(frozen=True, slots=True)
class EncryptionRelation:
    """The committed columns of an encryption and of the sharing of its key: coefficients[0] is the secret."""

    blocks: list[Block]
    errors: list[Column]
    added_errors: Column
    coefficients: list[Column]

    @staticmethod
    def declare(
        party: Party,
        ranges: RangeChecks,
        blocks: list[Block],
        threshold: int,
        witness: Callable[[], EncryptionWitness],
    ) -> EncryptionRelation:
        """Declare the columns and their lookups."""
        parameters = sum(block.size for block in blocks)

        def block_errors(block: Block) -> Array:
            return block.field_values(witness().error.astype(np.int64))

        def added_errors() -> Array:
            values = np.zeros(1 << log_added, dtype=np.int64)
            values[: length - parameters] = witness().error[parameters:]
            return to_field(values)

        def coefficient(degree: int) -> Array:
            return np.ascontiguousarray(witness().coefficients[degree - 1])

        errors = [
            party.declare(f"{block.name} errors", block.log_size, partial(block_errors, block))
            for block in blocks
        ]
        length = ciphertext_length(parameters)
        log_added = padded(length - parameters).bit_length() - 1
        added = party.declare("errors of added entries", log_added, added_errors)
        for column in (*errors, added):
            ranges.lookups.query(ERRORS, LinearCombination(((1, column),)))
        secret = party.declare("secret", LOG_RING_DEGREE, lambda: to_field(witness().secret.astype(np.int64)))
        ranges.lookups.query(TERNARY, LinearCombination(((1, secret),)))
        coefficients = [
            party.declare(f"sharing coefficient {degree}", LOG_RING_DEGREE, partial(coefficient, degree))
            for degree in range(1, threshold + 1)
        ]
        return EncryptionRelation(blocks, errors, added, [secret, *coefficients])

    def prove(
        self, party: Party, context: MaskContext, ciphertext: Array, updates: list[LinearCombination]
    ) -> None:
        """Run the relation; `updates` are the columns U of the same blocks."""
        gamma = party.challenge()
        columns = [*self.errors, self.added_errors]
        points = [party.challenges(column.log_size) for column in columns]
        party.soundness.add("ring equation", "Schwartz-Zippel", len(points) + sum(map(len, points)))
        form = Form.of(0)
        scales, scale = [], ONE
        for column, point in zip(columns, points, strict=True):
            form = form + column.at(point) * scale
            scales.append(scale)
            scale = scale * gamma
        for update, point, scale in zip(updates, points[:-1], scales[:-1], strict=True):
            form = form + update.at(point) * (scale * (1 << UPDATE_SHIFT))
        if party.evaluates_public:
            tables = [ext_scale(eq_table(point), scale) for point, scale in zip(points, scales, strict=True)]
            parts = [block.unpad(table) for block, table in zip(self.blocks, tables[:-1], strict=True)]
            added = ciphertext.size - sum(block.size for block in self.blocks)
            weights = np.concatenate([*parts, tables[-1][:, :added]], axis=1)
            functional = masked_functional(
                context, ciphertext.size, lambda first, stop: np.ascontiguousarray(weights[:, first:stop])
            )
            form = form + self.coefficients[0].inner(functional) - ext_dot(weights, lift(ciphertext))
        party.assert_zero(form)
