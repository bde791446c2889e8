"""Named, ready-made training configurations, and settings of one's own."""

from __future__ import annotations

from proofward.models.presets import PRESETS, preset
from proofward.models.settings import Preset, Settings

__all__ = ["PRESETS", "Preset", "Settings", "preset"]
