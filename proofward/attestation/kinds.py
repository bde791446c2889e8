"""The kinds of evidence and what verifies each: offline, at a recorded time, with recorded collateral."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proofward.attestation import nvidia, snp, tdx
from proofward.attestation.certificates import UNREADABLE
from proofward.attestation.claims import (
    GPU,
    MAX_COLLATERAL_BYTES,
    MAX_EVIDENCE_BYTES,
    SNP,
    TDX,
    Claims,
    Item,
)
from proofward.attestation.errors import EvidenceRefused, demand

LATEST = 253_402_300_799
Verify = Callable[[bytes, bytes, int, Sequence[bytes]], Claims]
VERIFY: dict[str, Verify] = {GPU: nvidia.verify, SNP: snp.verify, TDX: tdx.verify}


def verify_item(item: Item, time: int, roots: Sequence[bytes]) -> Claims:
    """What evidence claims at a time, in seconds of UTC; raises EvidenceRefused, or CannotVerify."""
    demand(item.kind in VERIFY, "evidence-kind", " or ".join(VERIFY), item.kind)
    most, found = MAX_EVIDENCE_BYTES, len(item.evidence)
    demand(found <= most, "evidence-format", f"at most {most} bytes of evidence", found)
    most, found = MAX_COLLATERAL_BYTES, len(item.collateral)
    demand(found <= most, "evidence-collateral", f"at most {most} bytes of collateral", found)
    demand(0 <= time <= LATEST, "evidence-time", "a time up to the year 9999", time)
    try:
        return VERIFY[item.kind](item.evidence, item.collateral, time, roots)
    except (*UNREADABLE, RecursionError) as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise EvidenceRefused("evidence-format", f"evidence of kind {item.kind}", said) from error
