"""One hospital's counts in a counting round, and their ciphertext, in one proof.

What is proved: the public ciphertext encrypts a vector c with 0 <= c_i < 2^bits for every entry and nothing
behind the last one. Where the rules ask for it, no group of entries sums to more than the rows that the
hospital has enrolled. Where counts have noise, c and the noise that is drawn from secret words, of which the
statement has the root, are encrypted as their sum. The key of the ciphertext is shared by the polynomial that
the published values are of, and its sealed shares are those of that polynomial or fail their check.

Not proved: that the counts are true. Which rows were counted, and under which model, the hospital signs.

Hidden: the counts, and the sums of their groups.

Messages:
    with noise, the root of its words (in the statement)                          (uploads/noise.py)
    root of the witness
    the digests of the sealed shares and the values of the sharing polynomial     (uploads/key_shares.py)
    the lookups; of the ciphertext's errors the values where they end
    verifier: r, where the sums of groups are looked at
    the ring equation of the ciphertext                                           (uploads/encryption.py)
    the opening

The sums of groups. Let S_g be the sum of group g, and m_g in [0, 2^b) its committed room, b the bits of the
rows n. For every group S_g + m_g = n, and for the groups that pad their number m_g = n. At a random r
    sum_i eq(r, g(i)) c_i + m~(r) = n,
which is one functional of c. All of it is below 2^52, so equality in F is equality of integers.

Soundness: the sum of the sources that the script enters, see `relations.proofs.measure.counting_plan`; of the
sums of groups log(groups) / |E|. How it hides: `proof.party`, `proof.commitment.contract`,
`relations.uploads.key_shares`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, zeros
from proofward.field.multilinear import eq_table
from proofward.lattice.sampler import MaskContext
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import log_padded
from proofward.proof.forms import total
from proofward.proof.lookup import LinearCombination, LookupArgument
from proofward.proof.party import Party
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.uploads.count_noise import reopened
from proofward.relations.uploads.encryption import EncryptionRelation, EncryptionWitness
from proofward.relations.uploads.key_shares import Digests, ShareBinding, bind_shares
from proofward.relations.uploads.noise_seed import NoiseSecret

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CountingWitness:
    """All that a hospital knows of its counts, int64 (length,), of their encryption, and of its noise."""

    counts: Signed
    encryption: EncryptionWitness
    noise: NoiseSecret | None = None


def counting_round(
    party: Party,
    statement: CountingStatement,
    ciphertext: Array,
    digests: Callable[[list[Ext]], Digests],
    witness: CountingWitness | None,
) -> ShareBinding:
    """The script; `digests` are those of the sealed shares, see `bind_shares`."""

    def known() -> CountingWitness:
        assert witness is not None
        return witness

    counting, config = statement.counting, statement.config
    block = counting.block
    noise = reopened(party, statement, lambda: known().noise)
    lookups = LookupArgument(party)
    ranges = RangeChecks(party, lookups, counting.limb_bits)
    counts = ranges.declare(block.name, block.log_size, counting.bits, lambda: block.pad(known().counts))
    groups = GroupSums.declare(ranges, statement, lambda: known().counts) if counting.within_rows else None
    messages = [counts] if noise is None else noise.added_to(ranges, [counts])
    encryption = EncryptionRelation.declare(
        ranges, [block], config.threshold, ciphertext, messages, lambda: known().encryption
    )
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)

    binding = bind_shares(party, encryption.coefficients, config.holders, digests)
    lookups.prove()
    if groups is not None:
        groups.prove(party, counts)
    encryption.prove(party, MaskContext(statement.beacon, statement.round))
    return binding


@dataclass(frozen=True, slots=True)
class GroupSums:
    """The committed rooms m_g of the groups, of which none sums to more than the enrolled rows."""

    statement: CountingStatement
    log_groups: int
    room: LinearCombination

    @staticmethod
    def declare(ranges: RangeChecks, statement: CountingStatement, counts: Callable[[], Signed]) -> GroupSums:
        """Declare the rooms and their range checks."""
        rows, spans = statement.rows, statement.counting.spans
        log_groups = log_padded(len(spans))

        def rooms() -> Signed:
            found = np.full(1 << log_groups, rows, dtype=np.int64)
            found[: len(spans)] -= np.add.reduceat(counts(), [first for first, _ in spans])
            return found

        return GroupSums(
            statement, log_groups, ranges.declare("rooms of groups", log_groups, rows.bit_length(), rooms)
        )

    def prove(self, party: Party, counts: LinearCombination) -> None:
        """Every sum and its room make up the rows."""
        point = party.challenges(self.log_groups)
        if self.log_groups:
            party.soundness.add("sums of groups", "Schwartz-Zippel", self.log_groups)
        claimed = self.room.at(point) - self.statement.rows
        if party.evaluates_public:
            weights = partial(self._weights, eq_table(point))
            claimed = claimed + total([column.inner(weights()) * factor for factor, column in counts.terms])
        party.assert_zero(claimed)

    def _weights(self, table: Array) -> Array:
        """eq(r, g(i)) of every entry, an E-array; 0 behind the last."""
        counting = self.statement.counting
        lengths = [stop - first for first, stop in counting.spans]
        found = zeros(1 << counting.log_size)
        found[:, : counting.length] = np.repeat(table[:, : len(lengths)], lengths, axis=1)
        return found
