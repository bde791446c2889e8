"""Made machines of every kind, once for a process: their keys take a tenth of a second."""

from __future__ import annotations

from functools import cache

from proofward.attestation.claims import GPU, KINDS, SNP, TDX, Item
from proofward.attestation.made_nvidia import MadeNvidia
from proofward.attestation.made_snp import MadeSnp
from proofward.attestation.made_tdx import MadeTdx
from proofward.attestation.policy import REQUIRED, Policy

NOW = 1_700_000_000
"""A time within the validity of all that is made."""


@cache
def machine(kind):
    """The made machine of a kind."""
    return {SNP: MadeSnp, TDX: MadeTdx, GPU: MadeNvidia}[kind]()


def bound(kind: str) -> bytes:
    """What made evidence is bound to here."""
    return bytes(range(32)) if kind == GPU else bytes(range(64))


@cache
def made(kind: str) -> Item:
    """Honest evidence."""
    return machine(kind).item(bound(kind))


def roots(kind: str) -> tuple[bytes, ...]:
    """The made root of a kind."""
    return (machine(kind).fingerprint,)


def policy(level: str = REQUIRED, kinds: tuple[str, ...] = KINDS, **fields) -> Policy:
    """Rules that accept made machines."""
    pairs = tuple((kind, machine(kind).fingerprint) for kind in kinds)
    return Policy(level, kinds, **{"roots": pairs, **fields})
