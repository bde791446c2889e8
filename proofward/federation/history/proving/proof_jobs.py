"""What a proof system is asked for, and what it makes: plain bytes beside the statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proofward.federation.history.proving.judging import Source
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.uploads.key_shares import Digests

Seal = Callable[[tuple[bytes, ...]], Digests]
"""Gets every holder's share in plain, seals them, and gives the SHA-256 digests of the sealed bytes.

The digest is empty for a holder that gets none. What it gives is bound by the proof.
"""


@dataclass(frozen=True)
class ProvedRound:
    """Ciphertext and proof to publish, and what is kept.

    Of counts that are not proved there are no root, dataset and spent: they open no dataset commitment, and
    all three are b"". counts: those of an evaluation that is proved, 8 bytes each, else b"".
    sealed_shares: the digests that the proof binds; shares: one plain key share per holder; root, dataset: of
    the fresh dataset commitment; spent: the secret of the one that was opened.
    """

    ciphertext: bytes
    sealed_shares: Digests
    proof: bytes
    shares: tuple[bytes, ...]
    root: bytes
    dataset: bytes
    spent: bytes
    counts: bytes = b""


@dataclass(frozen=True)
class EnrolmentJob:
    """An enrolment to verify; `key` names it in the answer."""

    key: str
    statement: EnrolmentStatement
    proof: Source


@dataclass(frozen=True)
class RoundJob:
    """A round's proof to verify, of training or of counts.

    `key` names it in the answer, and `sealed_shares` are the recorded digests.
    """

    key: str
    statement: UploadStatement
    sealed_shares: Digests
    ciphertext: Source
    proof: Source
