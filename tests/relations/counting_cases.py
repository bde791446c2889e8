"""Small counting rounds for the tests of their relation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from proofward.field.goldilocks import random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND, RING_DEGREE
from proofward.lattice.sampler import MaskContext
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from proofward.relations.counting_rounds.counting_round import CountingWitness, counting_round
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.proofs.measure import counting_plan
from proofward.relations.rules.counting import Counting
from proofward.relations.uploads.encryption import EncryptionWitness
from proofward.relations.uploads.key_shares import Digests, KeyShare, deal_shares
from tests.proof.cheats import Recorder
from tests.proof.toy import seeded
from tests.relations.cases import BEACON, CONSORTIUM, Array, Signed, config, sealed

ROWS = 20
COUNTS = np.array([3, 0, 17, 20, 0], dtype=np.int64)
"""The second group has as many as there are rows."""
COUNTING = Counting("scores", "what is counted", 5, 9, (1,), (3, 2), 1, within_rows=True)


def statement_of(counting: Counting = COUNTING, rows: int = ROWS, security: int = 40) -> CountingStatement:
    """Round 1 of hospital h1."""
    return CountingStatement(
        consortium=CONSORTIUM,
        config=config(security=security),
        counting=counting,
        round=1,
        attempt=0,
        hospital="h1",
        rows=rows,
        beacon=BEACON,
        dataset_root=b"d" * 32,
        model=b"m" * 32,
    )


@dataclass(frozen=True)
class Counted:
    """Counts and their ciphertext."""

    statement: CountingStatement
    witness: CountingWitness
    ciphertext: Array


def counted(counts: Signed = COUNTS, statement: CountingStatement | None = None) -> Counted:
    """An honest encryption of any numbers, whatever their range."""
    about = statement or statement_of()
    made = encrypt(MaskContext(about.beacon, about.round), counts, LARGEST_BOUND - 1, seeded(3))
    degree = about.config.threshold
    coefficients = random_field(degree * RING_DEGREE, seeded(4)).reshape(degree, RING_DEGREE)
    witness = CountingWitness(counts, EncryptionWitness(made.secret, made.error, coefficients))
    return Counted(about, witness, made.ciphertext)


def says(
    made: Counted, prover: type[Prover] = Prover, ciphertext: Array | None = None
) -> tuple[Array, Digests, bytes]:
    """Ciphertext, digests of the sealed shares and a proof by any prover: what `verify_counts` takes."""
    about, words = made.statement, made.ciphertext if ciphertext is None else ciphertext
    party = prover(Transcript(about.transcript(words)), counting_plan(about), seeded(5))
    dealt: list[Digests] = []

    def digests(blinds):  # type: ignore[no-untyped-def]
        key = made.witness.encryption
        shares: tuple[KeyShare, ...] = deal_shares(key.secret, key.coefficients, blinds, about.config.holders)
        dealt.append(sealed(shares))
        return dealt[0]

    proof = party.run(lambda own: counting_round(own, about, words, digests, made.witness) and None)
    return words, dealt[0], proof


@cache
def honest_columns() -> dict[tuple[int, int], Array]:
    """The columns of an honest proof of COUNTS."""
    says(counted(), Recorder)
    return dict(Recorder.last.columns)
