"""The polynomials p, q and V committed and not sent: what an opening needs of them is proved.

What is proved: claims A, B and C of `delivery.py`, for polynomials that are fixed when they are committed.
They are blocks of one vector u over E, each aligned to a power of two, the largest first. A claim is an inner
product of u with public weights, so a combination of all is one claim <w, u> = T.

Messages (t opened columns x_l with their combinations y_l, 2^v entries of u):
    in place of p and q                prover: the root of the matrix of p and q
    in place of V                      prover: the root of the matrix of V
    (the columns are queried and opened)
    verifier: lambda                   prover: the messages of a plain sumcheck of sum_x w(x) u(x) = T, where
    verifier: r in E^v, by rounds              T = A + lambda B + sum_l lambda^(2 + l) C_l
                                       prover: the value u(r), and its proof, see `vector.py`
Check: the last claim of the sumcheck is w(r) u(r).

Soundness. p, q and V are by definition the entries of their blocks up to the length that each has: entries
behind have the weight 0 in all claims, so no degree has to be proved. By `vector.py`, p and q are fixed when
their root is said, before z is drawn, and V before the columns are, which is all that `opening.py` asks of
them. The y_l are combinations of columns that are fixed by the tableaux's roots and the indices, and besides
they are absorbed. So all claims are fixed when lambda is drawn. If one is false, T is <w, u> with probability
<= (t + 1) / |E|. Where T is not, the sumcheck ends in a true claim with probability <= 2 v / |E|. The rest is
the error of the vector's evaluation. Each of these errors is small by itself, so it gains a prover nothing to
try one challenge again and again.

How it hides. What is said here is a function of p, q, V, the opened columns and the coins. A simulator that
has drawn these as for polynomials in the clear computes it as a prover does: no hiding of its own is needed.

Source: Ligero (2022/1608) opened by a second one as in Ligerito (Novakovic, Angeris 2025/1187), without its
folding; the batch by Schwartz-Zippel, the sumcheck of Lund, Fortnow, Karloff, Nisan 1992.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.field.extension import Ext, elements, zeros
from proofward.field.rounds import claim_coefficients
from proofward.proof.algebra import as_array
from proofward.proof.claims import Tables
from proofward.proof.commitment.contract import Array, Conversation
from proofward.proof.commitment.ligero.batch import Batch
from proofward.proof.commitment.ligero.code import CodeParameters, polynomial_lengths
from proofward.proof.commitment.ligero.delivery import Compute, Delivery, PointClaim
from proofward.proof.commitment.ligero.vector import Block, CommittedVector
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.commitment.ligero.words import values_at
from proofward.proof.forms import ONE, ZERO
from proofward.proof.soundness import Soundness
from proofward.proof.sumcheck import Summation
from proofward.proof.transcript import Label

PHASE = "committed polynomials"
"""What a prover measures apart: all that this takes more than polynomials in the clear."""


def place_blocks(lengths: tuple[int, ...]) -> tuple[list[Block], int]:
    """A block for each length, aligned to its size, a power of two; and log2 of the vector's length."""
    sizes = [1 << (length - 1).bit_length() for length in lengths]
    blocks: dict[int, Block] = {}
    offset = 0
    for i in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        blocks[i] = Block(offset, lengths[i], sizes[i])
        offset += sizes[i]
    return [blocks[i] for i in range(len(sizes))], (offset - 1).bit_length()


def fits(code: CodeParameters, vector: VectorCode) -> bool:
    """Whether a vector's rows are parts of the blocks."""
    blocks, _ = place_blocks(polynomial_lengths(code))
    return all(block.size >= vector.k for block in blocks)


def enter_claim_errors(soundness: Soundness, queries: int, variables: int) -> None:
    """Enter the errors of the claims and of their sumcheck."""
    soundness.add("claims on the polynomials", "Schwartz-Zippel", queries + 1)
    soundness.add("sumcheck of the polynomials", "Lund, Fortnow, Karloff, Nisan 1992", 2 * variables)


class Committed(Delivery):
    """See above."""

    def __init__(self, party: Conversation, code: CodeParameters, vector_code: VectorCode) -> None:
        super().__init__(party, code)
        self._blocks, self._variables = place_blocks(polynomial_lengths(code))
        self._vector = CommittedVector(party, vector_code, self._variables)
        self._total = ZERO
        self._claim: PointClaim | None = None

    def tests(self, total: Ext, p: Compute, q: Compute) -> None:
        self._total = total
        self.p = self.party.keep(self._blocks[0].length, p, self.with_sum(total))
        self.check_sum(total)
        self.q = self.party.keep(self._blocks[1].length, q, lambda values: values)
        known = None if self.p is None or self.q is None else [self.p, self.q]
        with self.party.timed(PHASE):
            self._vector.say(self._blocks[:2], known)

    def combined_row(self, claim: PointClaim, compute: Compute) -> None:
        self._claim = claim
        self.combined = self.party.keep(self._blocks[2].length, compute, self.with_value(claim))
        self.check_value(claim)
        with self.party.timed(PHASE):
            self._vector.say(self._blocks[2:], None if self.combined is None else [self.combined])

    def agree(self, indices: list[int], found: Array | None) -> None:
        with self.party.timed(PHASE):
            self._agree(indices, found)

    def _agree(self, indices: list[int], found: Array | None) -> None:
        if found is None:
            assert self.combined is not None
            found = values_at(self.combined, self.code.n, indices)
        assert self._claim is not None
        self.party.challenger.absorb(Label.COMBINED_COLUMNS, found.T.astype("<u8").tobytes())
        batch = Batch(
            self.code, self._blocks, self._total, self._claim, indices, found, self.party.challenge()
        )
        point, claimed, known = self._sumcheck(batch)
        value = self._vector.prove_value(point, known)
        expected = batch.at_point(point) * value
        self.party.check("claims on the polynomials", lambda: (claimed, expected))

    def _sumcheck(self, batch: Batch) -> tuple[list[Ext], Ext, Callable[[], Ext]]:
        """The point, what w u has to be there, and, but for a verifier, u."""
        summation = self._summation(batch)
        point: list[Ext] = []
        sent: list[Ext] = []

        def message() -> Array:
            assert summation is not None
            return as_array(list(summation.message()))

        for _ in range(self._variables):
            heard = self.party.exchange(Label.SUMCHECK, 2, message, lambda drawn: message())
            sent += elements(heard)
            point.append(self.party.challenge())
            if summation is not None:
                summation.bind(point[-1])
        *_, scale, constant = elements(claim_coefficients([(ONE, ONE)] * self._variables, point, sent))
        return point, batch.target * scale + constant, lambda: _first_factor(summation)

    def _summation(self, batch: Batch) -> Summation | None:
        """The sum of w u for whoever has u."""
        if self.p is None or self.q is None or self.combined is None:
            return None
        vector = zeros(1 << self._variables)
        for block, values in zip(self._blocks, (self.p, self.q, self.combined), strict=True):
            vector[:, block.offset : block.offset + block.length] = values
        tables = Tables([(vector, batch.table(self._variables))])
        return Summation(tables, [(ONE, ONE)] * self._variables)


def _first_factor(summation: Summation | None) -> Ext:
    """u at the sumcheck's point."""
    assert summation is not None
    (value, _), *_ = summation.finals()[0]
    return value
