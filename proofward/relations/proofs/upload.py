"""What every upload has, whatever its relation proves: an encrypted vector, and shares of its key.

A script of an upload takes a party, the statement, the ciphertext, what gives the digests of the sealed
shares, and the witness, and returns the binding of the shares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import is_canonical, random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import RING_DEGREE, ciphertext_length
from proofward.lattice.sampler import MaskContext
from proofward.proof.counter import Plan
from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Challenger
from proofward.proof.verifier import Verified, Verifier
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.uploads.encryption import EncryptionWitness
from proofward.relations.uploads.key_shares import DIGEST_BYTES, Digests, KeyShare, ShareBinding, deal_shares

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Rng = Callable[[int], bytes]
Seal = Callable[[tuple[KeyShare, ...]], Digests]
"""Seals every holder's share and gives the digests of the sealed bytes, empty for a holder that gets none."""
Script = Callable[[Any, Any, Array, Callable[[list[Ext]], Digests], None], ShareBinding]


@dataclass(frozen=True, slots=True)
class VerifiedRound(Verified):
    """What a verifier learns of a valid round."""

    dataset_root: bytes
    share_binding: ShareBinding
    proof_bytes: int


@dataclass(slots=True)
class Dealer:
    """A hospital's: deals the shares of its key when the script asks for their digests, as it does once."""

    key: EncryptionWitness
    holders: int
    seal: Seal
    shares: tuple[KeyShare, ...] = field(default=(), init=False)
    sealed: Digests = field(default=(), init=False)

    def __call__(self, blinds: list[Ext]) -> Digests:
        """The digests, given the blinds of the shares."""
        self.shares = deal_shares(self.key.secret, self.key.coefficients, blinds, self.holders)
        self.sealed = self.seal(self.shares)
        return self.sealed


def encrypted(
    statement: UploadStatement, message: Signed, bound: int, rng: Rng
) -> tuple[Array, EncryptionWitness]:
    """The ciphertext of a vector within a bound, under a fresh key, and what the hospital knows of it."""
    made = encrypt(MaskContext(statement.beacon, statement.round), message, bound, rng)
    threshold = statement.config.threshold
    coefficients = random_field(threshold * RING_DEGREE, rng).reshape(threshold, RING_DEGREE)
    return made.ciphertext, EncryptionWitness(made.secret, made.error, coefficients)


def checked(
    script: Script,
    statement: UploadStatement,
    plan: Callable[[Any], Plan],
    ciphertext: Array,
    sealed_shares: Digests,
    proof: bytes,
    challenger: Challenger,
) -> tuple[Verifier, ShareBinding]:
    """The verifier that has accepted a proof, and the binding; raises ProofRejected.

    `plan` is asked for the statement's measures once the public parts are what they have to be.
    """
    check_public_parts(statement, ciphertext, sealed_shares)
    verifier = Verifier(challenger, plan(statement), proof)
    bindings: list[ShareBinding] = []
    verifier.run(
        lambda party: bindings.append(script(party, statement, ciphertext, lambda _: sealed_shares, None)),
        statement.config.security_bits,
    )
    return verifier, bindings[0]


def check_public_parts(statement: UploadStatement, ciphertext: Array, sealed_shares: Digests) -> None:
    """Raises ProofRejected unless a ciphertext and digests are what the statement is about."""
    holders = statement.config.holders
    expected = (ciphertext_length(statement.entries),)
    if ciphertext.shape != expected or ciphertext.dtype != np.uint64 or not is_canonical(ciphertext):
        found = f"{ciphertext.shape} {ciphertext.dtype}"
        raise ProofRejected("ciphertext", f"expected {expected} canonical uint64, got {found}")
    lengths = {len(digest) for digest in sealed_shares}
    if len(sealed_shares) != holders or not lengths <= {0, DIGEST_BYTES}:
        found = f"{len(sealed_shares)} of {sorted(lengths)} bytes"
        raise ProofRejected(
            "sealed shares", f"expected {holders} digests of 0 or {DIGEST_BYTES} bytes, got {found}"
        )
