"""Presets on the command line: listed in the help of commands that take one, chosen by name or by file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from proofward.models.presets import PresetFile
    from proofward.models.settings import Settings


class WithPresets(click.Command):
    """A command whose help ends with the presets, a line each, and where their files are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click."""
        from proofward.models.presets import FOLDER, PRESET_FILES

        with formatter.section("Presets"):
            formatter.write_dl([(name, entry.summary) for name, entry in PRESET_FILES.items()])
        with formatter.indentation():
            formatter.write_text(f"Their files, to be copied: {FOLDER}")


def chosen_preset(given: str, epsilon: float | None = None) -> dict[str, Any]:
    """Fields of a project: a preset's name, or all that a file sets; raises ProjectError.

    epsilon: what is promised, None for no differential privacy; it decides on the training, and its rate.
    """
    from proofward.cli.project.consortium_file.columns import placeholder_features
    from proofward.cli.project.tables.table import ProjectError
    from proofward.layers.basics.errors import ConfigurationError
    from proofward.models.presets import PRESET_FILES, read_preset
    from proofward.models.settings import Settings

    if given in PRESET_FILES:
        own = PRESET_FILES[given]
        proposed = Settings() if epsilon is None else _rate_for(own, Settings(), epsilon)
        changes = {} if proposed == Settings() else {"settings": proposed}
        return {"preset": given, **changes, **_pictures(own)}
    path = Path(given)
    if not path.is_file():
        expected = f"one of {', '.join(sorted(PRESET_FILES))}, or a file like theirs"
        raise ProjectError("preset", expected, repr(given))
    try:
        found = read_preset(path)
    except ConfigurationError as error:
        raise ProjectError(f"{given}: {error.field}", error.expected, repr(error.actual)[:80]) from error
    except OSError as error:
        raise ProjectError("preset", "a file that can be read", f"{given}: {error.strerror}") from error
    settings = found.settings
    if epsilon is not None:  # in which [privacy] says what is clipped
        settings = _rate_for(found, replace(found.settings_for(True), clip_bound=None), epsilon)
    if found.of_pictures:
        return {"settings": settings, **_pictures(found)}
    return {"settings": settings, "features": placeholder_features(found.features)}


def _rate_for(found: PresetFile, settings: Settings, epsilon: float) -> Settings:
    """The settings with the rate that is proposed for an epsilon, where it is another than the preset's."""
    rate = found.proposed_rate(epsilon)
    if found.private is None or rate == found.private[0]:
        return settings
    return replace(settings, learning_rate=rate)


def _pictures(found: PresetFile) -> dict[str, Any]:
    """The images of a preset of pictures: of its size, with usual grey levels and classes to be renamed."""
    from proofward.data.image_schema import ImageSchema
    from proofward.data.images.contract.rule import ImageRule
    from proofward.data.images.pixels.levels import usual_levels

    if not found.of_pictures:
        return {}
    channels, height, width = found.inputs
    return {"images": ImageSchema(ImageRule(height, width, channels), usual_levels(channels))}
