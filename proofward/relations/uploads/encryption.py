"""The ciphertext of a vector U: of an update, or of counts.

What is proved: for the public masks a and ciphertext y, entry by entry,
    y = a s + e + 2^18 U,   s ternary, e in [-42, 42],
with the committed U of another relation at its entries and U = 0 at the added entries behind them, whose
errors are looked up as all others are. The errors are virtual: e is defined as y - a s - 2^18 U, and looked
up. That s is ternary is looked up too, or in training with noise proved by `relations.uploads.ternary`
instead.

Messages: in the lookups, where those of a block's errors end (a block is a layer's weights or its biases, or
the counts, or the added entries)
    prover: (a s)~ there
afterwards, in training with noise, that s is ternary                             (uploads/ternary.py)
    verifier: gamma      the sum of gamma^i (a s)~ at point i is a public functional of s: one constraint
Soundness: (blocks + 1) / |E| for gamma, besides the lookups. A padded entry of a block has no y and no a:
there e = -2^18 U, which the ranges |e| <= 42 and |U| < 2^32 make U = 0. How it hides: the party pads every
message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_scale
from proofward.field.goldilocks import scale, sub, to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.lattice.encryption import masked_functional
from proofward.lattice.parameters import ERROR_ETA, UPDATE_SHIFT, ciphertext_length
from proofward.lattice.sampler import MaskContext
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import padded
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination, VirtualColumn
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.rules.blocks import Entries
from proofward.relations.uploads.key_shares import LOG_RING_DEGREE
from proofward.relations.uploads.ternary import prove_ternary

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


class Encrypted(Protocol):
    """U over a padded block: a function of committed columns, linear in them."""

    def at(self, point: Point) -> Form:
        """Its multilinear extension."""

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Its values as an F-array, given the columns'."""


@dataclass(slots=True)
class _Entries:
    """A block of the ciphertext: `pad` takes its entries from a flat array, `update` is U, None where 0.

    Once the lookups are proved, `claim` is the point where they ended, and (a s)~ there.
    """

    pad: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
    log_size: int
    update: Encrypted | None
    claim: tuple[Point, Form] | None = None

    def look_up(
        self, ranges: RangeChecks, name: str, ciphertext: Array, errors: Callable[[], npt.NDArray[np.int8]]
    ) -> None:
        """Look up the virtual errors of these entries; `errors` are the ciphertext's, a prover's."""
        party = ranges.party

        def own_errors() -> Array:
            return to_field(self.pad(errors()))

        def extension(point: Point) -> Form:
            entries = party.public(lambda: evaluate(self.pad(ciphertext), point))
            value = ZERO
            if party.knows_witness:
                value = evaluate(self._masked(party, self.pad(ciphertext), own_errors()), point)
            masked = party.send(value)
            self.claim = point, masked
            update = Form.of(0) if self.update is None else self.update.at(point)
            return Form.of(entries) - masked - update * (1 << UPDATE_SHIFT)

        ranges.lookups.query(ERRORS, VirtualColumn(name, self.log_size, own_errors, extension))

    def _masked(self, party: Party, entries: Array, errors: Array) -> Array:
        """a s = y - e - 2^18 U; a prover's."""
        values = sub(entries, errors)
        if self.update is None:
            return values
        return sub(values, scale(self.update.values(party.values), 1 << UPDATE_SHIFT))


@dataclass(frozen=True, slots=True)
class EncryptionRelation:
    """The committed columns of an encryption and of the sharing of its key: coefficients[0] is the secret."""

    blocks: Sequence[Entries]
    entries: list[_Entries]
    length: int
    coefficients: list[Column]
    by_cubes: bool

    @staticmethod
    def declare(
        ranges: RangeChecks,
        blocks: Sequence[Entries],
        threshold: int,
        ciphertext: Array,
        updates: Sequence[Encrypted],
        witness: Callable[[], EncryptionWitness],
        *,
        by_cubes: bool = False,
    ) -> EncryptionRelation:
        """Declare the columns and their lookups; `updates` are U of the same blocks.

        by_cubes: whether the secret is proved ternary without lookups.
        """
        party = ranges.party
        parameters = sum(block.size for block in blocks)
        length = ciphertext_length(parameters)
        log_added = padded(length - parameters).bit_length() - 1

        def added(flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.concatenate(
                [flat[parameters:], np.zeros((1 << log_added) - (length - parameters), dtype=flat.dtype)]
            )

        def coefficient(degree: int) -> Array:
            return np.ascontiguousarray(witness().coefficients[degree - 1])

        entries = [
            _Entries(block.pad, block.log_size, update) for block, update in zip(blocks, updates, strict=True)
        ]
        entries.append(_Entries(added, log_added, None))
        for own, name in zip(entries, [*(block.name for block in blocks), "added entries"], strict=True):
            own.look_up(ranges, f"{name} errors", ciphertext, lambda: witness().error)
        secret = party.declare("secret", LOG_RING_DEGREE, lambda: to_field(witness().secret.astype(np.int64)))
        if not by_cubes:
            ranges.lookups.query(TERNARY, LinearCombination(((1, secret),)))
        coefficients = [
            party.declare(f"sharing coefficient {degree}", LOG_RING_DEGREE, partial(coefficient, degree))
            for degree in range(1, threshold + 1)
        ]
        return EncryptionRelation(blocks, entries, length, [secret, *coefficients], by_cubes)

    def prove(self, party: Party, context: MaskContext) -> None:
        """What the lookups said of a s is right, for the committed s."""
        if self.by_cubes:
            prove_ternary(party, self.coefficients[0])
        gamma = party.challenge()
        party.soundness.add("ring equation", "Schwartz-Zippel", len(self.entries))
        claimed, tables, power = Form.of(0), [], ONE
        for own in self.entries:
            assert own.claim is not None
            point, masked = own.claim
            claimed = claimed + masked * power
            if party.evaluates_public:
                tables.append(ext_scale(eq_table(point), power))
            power = power * gamma
        if party.evaluates_public:
            parts = [block.unpad(table) for block, table in zip(self.blocks, tables[:-1], strict=True)]
            added = self.length - sum(block.size for block in self.blocks)
            weights = np.concatenate([*parts, tables[-1][:, :added]], axis=1)
            functional = masked_functional(
                context, self.length, lambda first, stop: np.ascontiguousarray(weights[:, first:stop])
            )
            claimed = claimed - self.coefficients[0].inner(functional)
        party.assert_zero(claimed)
