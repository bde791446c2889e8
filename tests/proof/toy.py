"""A small relation that uses every part of the party interface, for tests of the proof system."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from proofward.field.extension import lift
from proofward.field.goldilocks import to_field
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter, Plan
from proofward.proof.forms import ONE, ZERO, Form
from proofward.proof.lookup import LinearCombination, LookupArgument
from proofward.proof.party import Party, Tables
from proofward.proof.prover import Prover
from proofward.proof.tables import Table
from proofward.proof.transcript import Challenger, Transcript
from proofward.proof.verifier import Verifier

Signed = npt.NDArray[np.int64]

CODE = CodeParameters(log_k=7, log_n=11, queries=60, openings=2)
LOG_SIZE = 9
RANGE = Table.interval("range", 6, 0, 6)
SQUARES = Table.of("squares", 70, np.arange(-8, 8), np.arange(-8, 8) ** 2)


def seeded(seed: int) -> Callable[[int], bytes]:
    """A deterministic random source for tests."""
    count = 0

    def rng(length: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(b"test" + seed.to_bytes(8, "little") + count.to_bytes(8, "little")).digest(
            length
        )

    return rng


def toy_witness(seed: int) -> tuple[Signed, Signed, Signed]:
    """a in [0, 64), b in [-8, 8), c = a * b."""
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 64, 1 << LOG_SIZE), random.integers(-8, 8, 1 << LOG_SIZE)
    return a, b, a * b


def toy(party: Party, witness: tuple[Signed, Signed, Signed, Signed] | None) -> None:
    """Committed a, b, c and d, and a short column that repeats the first entries of a.

    Entry by entry c = a b, a is in range and d = b^2.
    """

    def values(index: int) -> npt.NDArray[np.uint64]:
        assert witness is not None
        return to_field(witness[index])

    a = party.declare("a", LOG_SIZE, lambda: values(0))
    party.commit("data")
    b = party.declare("b", LOG_SIZE, lambda: values(1))
    c = party.declare("c", LOG_SIZE, lambda: values(2))
    d = party.declare("d", LOG_SIZE, lambda: values(3))
    short = party.declare("short", 3, lambda: values(0)[:8])
    lookups = LookupArgument(party)
    lookups.query(RANGE, LinearCombination(((1, a),)))
    lookups.query(SQUARES, LinearCombination(((1, b),)), LinearCombination(((1, d),)))
    lookups.query(RANGE, LinearCombination(((1, short),)))
    lookups.declare_multiplicities()
    party.commit("witness", padded=True)
    lookups.prove()
    point = party.challenges(LOG_SIZE)
    reduced = party.sumcheck(
        c.at(point),
        [(ONE - r, r) for r in point],
        lambda: Tables([(lift(party.values(a)), lift(party.values(b)))]),
    )
    left, right, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    party.assert_zero(left - a.at(reduced.point))
    party.assert_zero(right - b.at(reduced.point))
    # the short column repeats the first entries of a
    low = party.challenges(3)
    zeros = (ZERO,) * (LOG_SIZE - 3)
    party.assert_zero(short.at(low) - a.at((*zeros, *low)))
    party.assert_zero(Form.of(0))


def plan() -> Plan:
    """The measures of the toy relation."""
    return Counter(Ligero(CODE)).run(lambda party: toy(party, None))


def prove(
    witness: tuple[Signed, ...], seed: int = 1, statement: bytes = b"toy", prover: type[Prover] = Prover
) -> bytes:
    """A proof of the toy relation; d is filled in where the witness has three parts."""
    a, b, c = witness[:3]
    full = (a, b, c, witness[3] if len(witness) == 4 else b**2)
    return prover(Transcript(statement), plan(), seeded(seed)).run(lambda party: toy(party, full))


def verify(proof: bytes, challenger: Challenger | None = None, statement: bytes = b"toy") -> Verifier:
    """Verify it; returns the verifier."""
    verifier = Verifier(challenger or Transcript(statement), plan(), proof)
    verifier.run(lambda party: toy(party, None), 20)
    return verifier
