"""The commitment scheme of all proofs: one line."""

from __future__ import annotations

from proofward.proof.commitment.contract import Scheme
from proofward.proof.commitment.ligero.scheme import Ligero

SCHEME: type[Scheme] = Ligero
