"""Hospitals on made machines, in a federation that requires evidence: one shows another's quote."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from proofward.attestation.claims import SNP
from proofward.attestation.made_snp import MadeSnp
from proofward.attestation.policy import REQUIRED, Policy
from proofward.engines.attacks.evidence import honest, of_another
from proofward.engines.run_folder import Plan
from proofward.federation.parties.hospital import Hospital

VICTIM, MOST = "hospital-0", 256


@cache
def machine() -> MadeSnp:
    """The one that all hospitals here run on."""
    return MadeSnp()


def attested(plan: Plan, rows: int) -> Plan:
    """Evidence of machines is required of hospitals."""
    del rows
    policy = Policy(REQUIRED, (SNP,), roots=((SNP, machine().fingerprint),))
    return replace(plan, attestation=policy)


class ShowsEvidence(Hospital):
    """Shows the evidence of its own machine."""

    def __init__(self, *given: Any, **fields: Any) -> None:
        super().__init__(*given, **fields)
        self._attest = honest(machine())


class ShowsAnothersQuote(ShowsEvidence):
    """Shows the evidence of another hospital's machine as its own."""

    def __init__(self, *given: Any, **fields: Any) -> None:
        super().__init__(*given, **fields)
        self._attest = of_another(machine(), VICTIM)


BESIDE: dict[str, type[Hospital]] = {f"hospital-{index}": ShowsEvidence for index in range(MOST)}
