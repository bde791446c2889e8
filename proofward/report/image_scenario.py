"""A demonstration on images: generated patches or a file of real ones, and a small convolutional network."""

from __future__ import annotations

import os
from pathlib import Path

from proofward.data.generated_patches import CLASSES, GeneratedPatches
from proofward.data.image_records import taken
from proofward.data.image_schema import ImageSchema
from proofward.data.images.admission import Admission
from proofward.data.images.example import Source
from proofward.data.images.inspection import inspect
from proofward.data.images.levels import Levels
from proofward.data.images.patient_split import deal_by_patient, patient_split
from proofward.data.images.refusal import ImagesRefused
from proofward.data.images.rule import ImageRule
from proofward.data.images.sources import source_at
from proofward.models.settings import Settings
from proofward.report.demonstration import VERIFIERS
from proofward.report.handover.description import Description
from proofward.report.scenario import Scenario, demonstration_plan

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
    data: Path | None, hospitals: int, rounds: int, seed: int, verifiers: int = VERIFIERS
) -> Scenario:
    """Makes the records and the plan of a run. The seed fixes patches and the division of images.

    data: an npz archive, an HDF5 file or a folder, whose first class is told from all others; None for
    generated patches. No patient and no image is in two parts. Raises ConfigurationError, ImagesRefused.
    """
    rule = ImageRule(SIDE, SIDE)
    source: Source = GeneratedPatches(PATCHES * hospitals, SIDE, seed)
    if data is not None:
        source = source_at(data, Admission(os.urandom(32)))
    found = inspect(source, rule)
    found.require()
    if len(found.classes) < 2:
        raise ImagesRefused(f"expected images of two classes or more, found {len(found.classes)}")
    names = CLASSES if data is None else found.classes
    schema = ImageSchema(rule, LEVELS, negative=names[:1], positive=names[1:])
    setup = SETTINGS.preset(NAME, "", schema.axes)
    words = f"{rule.words}: {setup.model.words}, {setup.training.duration} of {setup.training.batch}"
    setup = SETTINGS.preset(NAME, words, schema.axes)
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
