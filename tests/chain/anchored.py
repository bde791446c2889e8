"""A small federation whose ledger is anchored, with a hash in the place of each proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from proofward.chain.basics.anchor import contract_digest
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from tests.federation.fakes import FakeProofs, datasets, plan

CHAIN = 31337
SEATS = ("verifier-0", "verifier-1", "verifier-2")


def terms(**changes) -> ChainTerms:
    return replace(ChainTerms(CHAIN, 2, SEATS, contract_digest()), **changes)


def anchored_plan(**changes) -> Plan:
    return replace(plan(hospitals=4, verifiers=3, rounds=2, threshold=1), chain=terms(**changes))


def federation(directory: Path, agreed: Plan | None = None, **options) -> InProcessFederation:
    agreed = agreed or anchored_plan()
    return InProcessFederation(directory, agreed, datasets(agreed), seed=b"c", proofs=FakeProofs(), **options)
