"""Targets of the tamper benchmark from a federation that records evidence of machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from _targets import VERIFIER, Intercepting, Target, of_each_kind

from proofward.attestation.claims import SNP
from proofward.attestation.made_snp import MadeSnp
from proofward.attestation.policy import RECORDED, Policy
from proofward.engines.attacks.evidence import honest
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.relations.rules.counting import Counting, untrained

NAMES = tuple(f"hospital-{index}" for index in range(3))
ASKED = Counting("ages", "what every entry counts", 6, 10, (1,), (3, 3), 3)


def evidence_targets(directory: Path, seen: set[str]) -> Iterator[Target]:
    """Entries of the kinds that only such a federation has: no round of it is needed."""
    made, config = MadeSnp(), untrained(len(NAMES), 1)
    policy = Policy(RECORDED, (SNP,), roots=((SNP, made.fingerprint),))
    plan = Plan(
        "tamper",
        NAMES,
        (VERIFIER,),
        1,
        usual_updates(len(NAMES), 1),
        1,
        config,
        counting=(ASKED,),
        attestation=policy,
    )
    engine = InProcessFederation(
        directory,
        plan,
        {},
        seed=b"tamper",
        network=Intercepting("", ""),
        attesters=dict.fromkeys(NAMES, honest(made)),
    )
    history = engine.aggregator.history
    engine.run(lambda: bool(history.attestation_verdicts))
    yield from of_each_kind(engine, seen)
    engine.close()
