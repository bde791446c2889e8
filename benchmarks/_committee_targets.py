"""Targets of the tamper benchmark from a federation with committees: kinds of entries that only it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from _targets import FEW, Intercepting, Target, of_each_kind

from proofward.data.synthetic import make_synthetic
from proofward.engines.attacks.other_rules import drawn
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.messages.catalogue import Verdict
from proofward.federation.messages.scaling import FINGERPRINTS, HEADS, Scaling
from proofward.federation.messages.usual import usual_updates
from proofward.models import preset
from proofward.relations.config import RoundConfig

VERIFIERS = tuple(f"verifier-{index}" for index in range(3))


def committee_targets(directory: Path, seen: set[str]) -> Iterator[Target]:
    """Entries of the kinds that come where a drawn verifier is silent, of fingerprints and of heads."""
    setup = preset("tiny")
    config = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, len(FEW), 1)
    plan = Plan("tamper", FEW, VERIFIERS, 2, usual_updates(len(FEW), 1), 1, config)
    records = [make_synthetic(8 + index, 4, index, setup.scales) for index in range(len(FEW))]
    data = {name: (own.features, own.labels) for name, own in zip(FEW, records, strict=True)}
    network = Intercepting(VERIFIERS[0], Verdict.kind)
    agreed = replace(drawn(plan, 10), scaling=Scaling(FINGERPRINTS, follow=HEADS))
    engine = InProcessFederation(directory, agreed, data, seed=b"tamper", network=network)
    if not engine.run().finished:
        raise RuntimeError("the federation with committees did not finish")
    yield from of_each_kind(engine, seen)
