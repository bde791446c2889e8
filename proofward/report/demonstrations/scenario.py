"""A demonstration: a preset's data divided among hospitals, and the consortium that trains on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proofward.data.reading.records import Records
from proofward.data.splits import held_out_split, hospital_split
from proofward.data.synthetic import make_synthetic
from proofward.data.wdbc import NORMALISATION, load_wdbc
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.usual import (
    LEAST_HOSPITALS,
    usual_threshold,
    usual_updates,
    usual_verdicts,
)
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.presets import preset, preset_file
from proofward.models.settings import Preset
from proofward.relations.rules.config import RoundConfig
from proofward.report.demonstrations.demonstration import MAX_HOSPITALS, MAX_ROUNDS, VERIFIERS
from proofward.report.handover.models.description import Description, Feature

WDBC_CLASSES = ("benign", "malignant")
SYNTHETIC_RECORDS = 30  # for each hospital


@dataclass(frozen=True)
class Scenario:
    """setup: the preset. hospitals: the records of each, by name. held_out: records of nobody's training.

    description: what features and labels mean. doubts: what speaks against the data.
    """

    setup: Preset
    hospitals: Mapping[str, Records]
    held_out: Records
    plan: Plan
    description: Description
    doubts: tuple[str, ...] = ()


def make_scenario(name: str, hospitals: int, rounds: int, seed: int, verifiers: int = VERIFIERS) -> Scenario:
    """Makes the records and the plan of a run from the name of a preset.

    Presets of 30 features get the breast cancer records, others synthetic ones. The seed fixes the records
    and their division.

    Raises ConfigurationError, DataUnavailable.
    """
    if preset_file(name).of_pictures:
        raise ConfigurationError("preset", "one of tables; pictures are shown with --images", name)
    setup = preset(name)
    plan = demonstration_plan(setup, hospitals, rounds, verifiers, f"records divided by seed {seed}")
    features = setup.model.features
    if features == len(NORMALISATION):
        records = load_wdbc(setup.scales)
        description = Description.of([Feature(*entry) for entry in NORMALISATION], WDBC_CLASSES)
    else:
        amplitude = 1.0 if features < 100 else 0.25
        count = SYNTHETIC_RECORDS * hospitals
        records = make_synthetic(count, features, seed, setup.scales, amplitude)
        columns = [f"feature-{number}" for number in range(1, features + 1)]
        description = Description.of([Feature(name, 0.0, 1.0) for name in columns])
    training, held_out = held_out_split(records, seed)
    parts = hospital_split(training, hospitals, seed)
    return Scenario(setup, dict(zip(plan.hospitals, parts, strict=True)), held_out, plan, description)


def demonstration_plan(setup: Preset, hospitals: int, rounds: int, verifiers: int, data: str) -> Plan:
    """What a demonstration's consortium agrees on; raises ConfigurationError.

    data: in words, which records there are.
    """
    for what, least, most, found in (
        ("hospitals", LEAST_HOSPITALS, MAX_HOSPITALS, hospitals),
        ("rounds", 1, MAX_ROUNDS, rounds),
    ):
        if not least <= found <= most:
            raise ConfigurationError(what, f"an integer in [{least}, {most}]", found)
    threshold = usual_threshold(hospitals)
    return Plan(
        federation=f"demonstration: {setup.summary}; {data}",
        hospitals=[f"hospital-{index}" for index in range(hospitals)],
        verifiers=[f"verifier-{index}" for index in range(verifiers)],
        accepting_verdicts=usual_verdicts(verifiers),
        minimum_updates=usual_updates(hospitals, threshold),
        rounds=rounds,
        config=RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, hospitals, threshold),
    )
