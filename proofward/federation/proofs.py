"""The relations as the parties call them: bytes in, bytes out, so that every result can be stored before it
is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proofward.federation.randomness import ByteSource
from proofward.federation.round_state import Finding
from proofward.federation.values import words_from_bytes, words_to_bytes
from proofward.field.extension import Ext
from proofward.proof.errors import ProofRejected
from proofward.relations.encryption import LOG_RING_DEGREE, ShareBinding
from proofward.relations.enrolment import EnrolmentStatement, prove_enrolment, verify_enrolment
from proofward.relations.prove import KeyShare, prove_round, verify_round
from proofward.relations.round_statement import RoundStatement
from proofward.relations.secret import DatasetSecret

Signed = NDArray[np.int64]


@dataclass(frozen=True)
class ProvedRound:
    """Ciphertext and proof to publish; one key share per holder; the next dataset's root and secret, the
    spent secret.
    """

    ciphertext: bytes
    proof: bytes
    shares: tuple[bytes, ...]
    root: bytes
    dataset: bytes
    spent: bytes


class Proofs(Protocol):
    """What a party needs of the proof system. Verification raises ProofRejected."""

    def prove_enrolment(
        self, statement: EnrolmentStatement, features: Signed, labels: Signed, rng: ByteSource
    ) -> tuple[bytes, bytes, bytes]:
        """(proof, dataset root, dataset secret)."""
        ...

    def verify_enrolment(self, statement: EnrolmentStatement, proof: bytes) -> bytes:
        """The dataset root."""
        ...

    def prove_round(
        self, statement: RoundStatement, secret: bytes, rng: ByteSource, progress: Callable[[str], None]
    ) -> ProvedRound:
        """Trains, encrypts and proves; `progress` is told each phase as it begins."""
        ...

    def verify_round(self, statement: RoundStatement, ciphertext: bytes, proof: bytes) -> Finding:
        """The next dataset root and the binding of the key shares."""
        ...

    def share_is_bound(self, binding: bytes, share: bytes, holder: int) -> bool:
        """Whether an opened share is the one that the proof commits to for this holder; False if
        malformed.
        """
        ...

    def share_values(self, share: bytes) -> NDArray[np.uint64]:
        """The share's vector, F-array (4096,)."""
        ...


class RelationProofs:
    """The relations themselves."""

    def prove_enrolment(
        self, statement: EnrolmentStatement, features: Signed, labels: Signed, rng: ByteSource
    ) -> tuple[bytes, bytes, bytes]:
        """See Proofs."""
        proof, secret = prove_enrolment(statement, features, labels, rng)
        return proof, secret.root, secret.to_bytes()

    def verify_enrolment(self, statement: EnrolmentStatement, proof: bytes) -> bytes:
        """See Proofs."""
        return verify_enrolment(statement, proof).dataset_root

    def prove_round(
        self, statement: RoundStatement, secret: bytes, rng: ByteSource, progress: Callable[[str], None]
    ) -> ProvedRound:
        """See Proofs."""
        dataset = DatasetSecret.from_bytes(secret)
        spent = dataset.spend().to_bytes()
        made = prove_round(statement, dataset, rng, progress)
        shares = tuple(share.to_bytes() for share in made.shares)
        fresh = made.dataset
        return ProvedRound(
            words_to_bytes(made.ciphertext), made.proof, shares, fresh.root, fresh.to_bytes(), spent
        )

    def verify_round(self, statement: RoundStatement, ciphertext: bytes, proof: bytes) -> Finding:
        """See Proofs."""
        words = words_from_bytes(ciphertext, statement.config.model.parameters)
        if words is None:
            expected = f"{statement.config.model.parameters} canonical field elements"
            raise ProofRejected("ciphertext", f"expected {expected}, found {len(ciphertext)} other bytes")
        found = verify_round(statement, words, proof)
        return Finding(found.dataset_root, binding_to_bytes(found.share_binding))

    def share_is_bound(self, binding: bytes, share: bytes, holder: int) -> bool:
        """See Proofs."""
        try:
            opened = KeyShare.from_bytes(share)
            bound = binding_from_bytes(binding)
        except ValueError:
            return False
        return opened.holder == holder and bound.matches(holder, opened.values, opened.blind)

    def share_values(self, share: bytes) -> NDArray[np.uint64]:
        """See Proofs."""
        return KeyShare.from_bytes(share).values


def binding_to_bytes(binding: ShareBinding) -> bytes:
    """The point, then the values: 16 bytes each."""
    return b"".join(element.to_bytes() for element in (*binding.point, *binding.values))


def binding_from_bytes(data: bytes) -> ShareBinding:
    """Inverse of `binding_to_bytes` (the pads' numbers, which only the prover needs, are left out); raises
    ValueError.
    """
    elements = tuple(Ext.from_bytes(data[start : start + 16]) for start in range(0, len(data), 16))
    if len(elements) <= LOG_RING_DEGREE:
        raise ValueError(
            f"share binding: expected more than {LOG_RING_DEGREE} elements, found {len(elements)}"
        )
    return ShareBinding(elements[:LOG_RING_DEGREE], elements[LOG_RING_DEGREE:], 0)
