"""Targets of the tamper benchmark from a federation with committees: kinds of entries that only it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from _targets import HOSPITALS, Intercepting, Target, of_each_kind

from proofward.data.synthetic import make_synthetic
from proofward.engines.attacks.hospitals import SealsWrongShare
from proofward.engines.attacks.other_rules import drawn
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.scaling import (
    AS_OBJECTS,
    FINGERPRINTS,
    HEADS,
    TOGETHER,
    Scaling,
)
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.messages.records.catalogue import Verdicts
from proofward.models import preset
from proofward.relations.rules.config import RoundConfig

FIVE = HOSPITALS[:5]
VERIFIERS = tuple(f"verifier-{index}" for index in range(3))


def committee_targets(directory: Path, seen: set[str]) -> Iterator[Target]:
    """Kinds of entries where a drawn verifier is silent, of all that the rules have for many hospitals.

    A dealer seals a wrong share, so that there is a complaint.
    """
    setup = preset("tiny")
    config = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, len(FIVE), 1)
    plan = Plan("tamper", FIVE, VERIFIERS, 2, usual_updates(len(FIVE), 1), 1, config)
    records = [make_synthetic(8 + index, 4, index, setup.scales) for index in range(len(FIVE))]
    data = {name: (own.features, own.labels) for name, own in zip(FIVE, records, strict=True)}
    network = Intercepting(VERIFIERS[0], Verdicts.kind)
    scaling = Scaling(FINGERPRINTS, sealing_keys=AS_OBJECTS, follow=HEADS, verdicts=TOGETHER)
    agreed = replace(drawn(plan, 10), scaling=scaling)
    parties = Parties({FIVE[1]: SealsWrongShare})
    engine = InProcessFederation(directory, agreed, data, seed=b"tamper", network=network, parties=parties)
    if not engine.run().finished:
        raise RuntimeError("the federation with committees did not finish")
    yield from of_each_kind(engine, seen)
