"""Named, ready-made training configurations."""

from __future__ import annotations

from proofward.models.presets import PRESETS, Preset, preset

__all__ = ["PRESETS", "Preset", "preset"]
