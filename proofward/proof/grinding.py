"""Work before the challenges of the lookups: what a prover pays for each try of them.

What is proved: nothing more. A proof has a nonce of 8 bytes whose hash with the transcript's state has
GRINDING_BITS leading zero bits (`Transcript.has_work`). Only statements whose policy needs it have one, see
`counter.Counter.run`: it is part of the plan, and no choice of the prover's.

Messages:
    prover: a nonce                 verifier: the challenges
The nonce is absorbed, so another one gives other challenges. Any nonce with the work is accepted. A prover
takes the smallest, counted from 0; a cheating one gains nothing by another, since it has to find it.

Soundness: whoever computes challenges by hashing may try them again and again. For a given state each nonce
gives one try, and gives it with probability 2^-GRINDING_BITS, independently of the challenges that it leads
to. So Q hashes have Q 2^-GRINDING_BITS tries in place of Q. That lowers the error of the challenges directly
behind the nonce and of no others, in the random-oracle reading and in no other; see `soundness`.

How it hides: the nonce is a function of what was said before, which everybody can compute. So is the time
that it takes to find it.

Source: the grinding of the ethSTARK documentation (StarkWare, 2021/582).
"""

from __future__ import annotations

from itertools import count

from proofward.proof.errors import ProofRejected
from proofward.proof.forms import Point
from proofward.proof.party import Party
from proofward.proof.transcript import NONCE_BYTES, Challenger, Label

GRINDING_BITS = 12
"""A prover tries 4096 nonces on average, in some milliseconds."""


def challenges_behind_work(
    party: Party, number: int, *, source: str, theorem: str, numerator: float
) -> Point:
    """`number` challenges, behind the work that the plan demands, with their error of numerator / |E|.

    Raises ProofRejected for a nonce without the work. An error is entered as one behind work only here, and
    `Soundness.grinding` is set only here, where the work is checked.
    """
    if party.grinding:
        nonce = party.nonce()
        if not party.challenger.has_work(nonce, party.grinding):
            raise ProofRejected(
                "proof-of-work",
                f"expected a nonce whose hash has {party.grinding} leading zero bits, found {nonce.hex()}",
            )
        party.challenger.absorb(Label.NONCE, nonce)
        party.soundness.grinding = party.grinding
    party.soundness.add(source, theorem, numerator, behind_work=True)
    return party.challenges(number)


def find_nonce(challenger: Challenger, bits: int) -> bytes:
    """The smallest nonce with the work."""
    nonces = (number.to_bytes(NONCE_BYTES, "little") for number in count())
    return next(nonce for nonce in nonces if challenger.has_work(nonce, bits))
