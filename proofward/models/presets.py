"""Ready-made settings of network and training: files in `preset_files/`, by name, and files of one's own."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.settings import Preset, Settings, settings_of

FOLDER = Path(__file__).parent / "preset_files"
KEYS = ("summary", "features", "inputs", "model", "training", "scales", "private")
PRIVATE = ("learning_rate", "batch")
MOST_SIDE = 1024  #: of a picture
MAX_BYTES = 1 << 16
FULL_RATE_EPSILON = 3.0  #: from which on a private round has the preset's rate


@dataclass(frozen=True)
class PresetFile:
    """What a preset's file says; `summary` is its line in lists.

    inputs: axes of a record, (features,) of a row of a table, (channels, height, width) of a picture.
    private: learning rate and batch of the one step of a round with differential privacy, None for no such.
    """

    name: str
    summary: str
    inputs: tuple[int, ...]
    settings: Settings
    private: tuple[float, int] | None = None

    def settings_for(self, private: bool) -> Settings:
        """Without differential privacy or with it: then a round is one step on a full batch."""
        if not private or self.private is None:
            return self.settings
        rate, batch = self.private
        return replace(
            self.settings, learning_rate=rate, batch=batch, epochs=None, steps=1, full_batch=True,
            schedule=None, momentum=None,
        )  # fmt: skip

    def proposed_rate(self, epsilon: float) -> float | None:
        """The learning rate of a private round that is proposed for an epsilon, None where there is no such.

        The noise of a model grows as the rate and as 1 / epsilon. So below FULL_RATE_EPSILON the rate falls
        with epsilon, down to the next that the scales have: the model then has no more noise than at
        FULL_RATE_EPSILON. No record is looked at for it (docs/privacy.md).
        """
        if self.private is None:
            return None
        rate, batch = self.private
        if epsilon >= FULL_RATE_EPSILON:
            return rate
        unit = batch / (1 << self.settings.scales.fixed_point().rate_shift)
        return unit * max(1, math.floor(rate * epsilon / FULL_RATE_EPSILON / unit))

    @property
    def features(self) -> int:
        """Values of a record."""
        return math.prod(self.inputs)

    @property
    def of_pictures(self) -> bool:
        return len(self.inputs) == 3

    @property
    def preset(self) -> Preset:
        """The trainer's integers; raises ConfigurationError."""
        return self.settings.preset(self.name, self.summary, self.inputs)


def read_preset(path: Path) -> PresetFile:
    """A preset's file; raises ConfigurationError, OSError."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConfigurationError(str(path), f"a file of at most {MAX_BYTES} bytes", "more")
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(str(path), "a TOML file", str(error)) from error
    return _preset_file(path.stem, table)


def _preset_file(name: str, table: Mapping[str, Any]) -> PresetFile:
    for key in table:
        if key not in KEYS:
            raise ConfigurationError(key, f"one of {', '.join(KEYS)}", "an unknown key")
    summary = table.get("summary")
    if not isinstance(summary, str) or not 1 <= len(summary) <= 100 or not summary.isprintable():
        raise ConfigurationError("summary", "a line of 1 to 100 characters", summary)
    found = PresetFile(name, summary, _inputs(table), settings_of(table), _private(table))
    if not found.settings.complete:
        expected = "model.hidden, training.learning_rate, batch, clip_bound, and epochs or steps"
        raise ConfigurationError(name, expected, "some of them missing")
    return found


def _private(table: Mapping[str, Any]) -> tuple[float, int] | None:
    """The table [private]; its values are checked as settings."""
    values = table.get("private")
    if values is None:
        return None
    if not isinstance(values, dict) or set(values) != set(PRIVATE):
        raise ConfigurationError("private", f"a table of {' and '.join(PRIVATE)}", values)
    own = settings_of({"training": {**values, "steps": 1, "full_batch": True}})
    assert own.learning_rate is not None and own.batch is not None
    return own.learning_rate, own.batch


def _inputs(table: Mapping[str, Any]) -> tuple[int, ...]:
    """The axes of a record: features of a row, or those of a picture."""
    features, axes = table.get("features"), table.get("inputs")
    if axes is None:
        if type(features) is not int or not 1 <= features <= MAX_WIDTH:
            raise ConfigurationError("features", f"an integer in [1, {MAX_WIDTH}]", features)
        return (features,)
    if features is not None:
        raise ConfigurationError("features", "either features or inputs", "both")
    expected = f"[channels, height, width], 1 or 3 channels, sides in [1, {MOST_SIDE}]"
    if not isinstance(axes, list) or len(axes) != 3 or not all(type(axis) is int for axis in axes):
        raise ConfigurationError("inputs", expected, axes)
    if axes[0] not in (1, 3) or not all(1 <= axis <= MOST_SIDE for axis in axes[1:]):
        raise ConfigurationError("inputs", expected, axes)
    return tuple(axes)


PRESET_FILES: dict[str, PresetFile] = {
    path.stem: read_preset(path) for path in sorted(FOLDER.glob("*.toml"), key=lambda path: path.stem)
}
PRIVATE_PRESETS = {name for name, file in PRESET_FILES.items() if file.private is not None}
PRESETS: dict[str, Preset] = {name: file.preset for name, file in PRESET_FILES.items()}


def preset_file(name: str) -> PresetFile:
    """The preset of this name; ConfigurationError lists the names there are."""
    if name not in PRESET_FILES:
        raise ConfigurationError("preset", f"one of {', '.join(sorted(PRESET_FILES))}", name)
    return PRESET_FILES[name]


def preset(name: str) -> Preset:
    """The configuration of this name.

    Args:
        name: Such as `"wdbc"`.

    Raises:
        ConfigurationError: There is none of this name. It lists the names there are.
    """
    return preset_file(name).preset
