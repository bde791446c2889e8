"""Network and training of a project, as one round has them: its settings over those of its preset."""

from __future__ import annotations

from dataclasses import replace

from proofward.data.columns.schema import Schema
from proofward.data.image_schema import ImageSchema
from proofward.models.presets import PRESET_FILES
from proofward.models.settings import Preset, Settings


def setup_of(preset: str, settings: Settings, schema: Schema | ImageSchema, private: bool = False) -> Preset:
    """The trainer's integers; raises ConfigurationError.

    schema: what every hospital's data are, which says how many inputs and classes there are. private: whether
    the preset's training is that with differential privacy.
    """
    found, images = PRESET_FILES[preset], schema if isinstance(schema, ImageSchema) else None
    whole = settings.over(found.settings_for(private))
    classes, usual = len(schema.classes), found.preset.model
    untouched = images is None and settings == Settings() and not private
    if untouched and (schema.size, classes) == (found.features, usual.head.classes):
        return found.preset
    row = 0 if images is None else images.row_size
    own = whole.preset("", "", schema.size if images is None else images.axes, classes, row)
    training, what = own.training, f"{schema.size} features" if images is None else "images"
    what += f", each with a row of {row} features" if row else ""
    if images is not None and images.frozen is not None:
        what = f"images through {images.frozen.name}"
    batches = f"{training.batch}{training.momentum_words}"
    summary = f"{what}: {own.model.words}, {training.duration} of {batches}"
    return replace(own, name=preset, summary=summary)
