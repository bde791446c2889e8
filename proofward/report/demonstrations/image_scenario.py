"""A demonstration on images: generated patches or real ones, and a preset or a small network of its own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from proofward.data.generated_patches import CLASSES, GeneratedPatches
from proofward.data.image_records import taken
from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Source
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import inspect
from proofward.data.images.patient_split import deal_by_patient, patient_split
from proofward.data.images.pixels.levels import Levels, usual_levels
from proofward.data.images.sources import source_at
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.presets import preset_file
from proofward.models.settings import Preset, Settings
from proofward.report.demonstrations.demonstration import VERIFIERS
from proofward.report.demonstrations.scenario import Scenario, demonstration_plan
from proofward.report.handover.models.description import Description

NAME = "images"
SIDE = 32
PATCHES = 80
"""For each hospital, of which some are held out."""
LEVELS = Levels((0.45,), (0.15,))
SETTINGS = Settings(
    layers=("conv2d 8 kernel 4 stride 4", "conv2d 16 kernel 3 stride 2 padding 1"),
    learning_rate=0.25, batch=16, steps=8, clip_bound=4.0,
)  # fmt: skip


def make_image_scenario(
    data: Path | None, hospitals: int, rounds: int, seed: int, verifiers: int = VERIFIERS, chosen: str = ""
) -> Scenario:
    """Makes the records and the plan of a run. The seed fixes patches and the division of images.

    data: an npz archive, an HDF5 file or a folder, whose first class is told from all others; None for
    generated patches. chosen: a preset of pictures, "" for the demonstration's own network. No patient and no
    image is in two parts. Raises ConfigurationError, ImagesRefused.
    """
    rule, levels = _seen(chosen)
    source: Source = GeneratedPatches(PATCHES * hospitals, max(rule.height, rule.width), seed)
    if data is not None:
        source = source_at(data, Admission(os.urandom(32)))
    found = inspect(source, rule)
    found.require()
    if len(found.classes) < 2:
        raise ImagesRefused(f"expected images of two classes or more, found {len(found.classes)}")
    names = CLASSES if data is None else found.classes
    schema = ImageSchema(rule, levels, negative=names[:1], positive=names[1:])
    setup = preset_file(chosen).preset if chosen else _own(schema)
    what = "generated patches" if data is None else "images of a file"
    plan = demonstration_plan(setup, hospitals, rounds, verifiers, f"{what}, divided by seed {seed}")
    records = taken(source, found, schema, setup.scales)
    training, held_out = patient_split(found, seed)
    parts = [records.select(own) for own in deal_by_patient(found, training, hospitals, seed)]
    return Scenario(
        setup,
        dict(zip(plan.hospitals, parts, strict=True)),
        records.select(held_out),
        plan,
        Description.of_images(schema),
        found.doubts,
    )


def _seen(chosen: str) -> tuple[ImageRule, Levels]:
    """How the network of this preset, or the demonstration's own, sees every image."""
    if not chosen:
        return ImageRule(SIDE, SIDE), LEVELS
    found = preset_file(chosen)
    if not found.of_pictures:
        raise ConfigurationError("preset", "one of pictures; tables are shown without --images", chosen)
    channels, height, width = found.inputs
    return ImageRule(height, width, channels), usual_levels(channels)


def _own(schema: ImageSchema) -> Preset:
    """The demonstration's own network, of pictures that the schema makes."""
    setup = SETTINGS.preset(NAME, "", schema.axes)
    words = f"{schema.rule.words}: {setup.model.words}, {setup.training.duration} of {setup.training.batch}"
    return replace(setup, summary=words)
