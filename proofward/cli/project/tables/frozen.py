"""What consortium.toml says of a frozen part, in the table [frozen]; its file lies beside consortium.toml."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.data.columns.schema import FeaturesInvalid
from proofward.data.frozen_part import FrozenPart
from proofward.data.image_schema import ImageSchema
from proofward.data.images.pixels.levels import numbers
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.graph.frozen.file import read_frozen_network
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.keys import Either, Key, Keys, Number, Several, Text

_LEVEL = Either((Number(), Several(Number(), 1)))
FROZEN = Keys((
    Key("file", Text(1), "beside this file, the same at every site", needed=True),
    Key("digest", Text(), "of the network in exact integers", ""),
    Key("centre", _LEVEL, "an output x becomes (x - centre) / spread", 0.0),
    Key("spread", _LEVEL, "see centre; one number, or one for each output", 1.0),
))  # fmt: skip


def with_frozen_part(images: ImageSchema | None, table: Table, folder: Path) -> ImageSchema | None:
    """The images with the frozen part in the file's top table, if it has one; raises ProjectError."""
    if not table.has("frozen"):
        return images
    if images is None:
        raise ProjectError(
            "frozen", "a table [images]: a frozen network takes pictures", "columns of a table"
        )
    frozen = Table(table.table("frozen"), "frozen.", FROZEN)
    name, digest = frozen.text("file"), frozen.text("digest")
    if Path(name).name != name or not name.isprintable():
        raise ProjectError("frozen.file", "the name of a file in the same folder", repr(name))
    try:
        network = read_frozen_network(folder / name)
        if digest and digest.lower() != network.digest.hex():
            raise ProjectError("frozen.digest", digest, f"{network.digest.hex()} in {name}")
        scales = {
            key: numbers(f"frozen.{key}", frozen.peek(key), network.outputs) for key in ("centre", "spread")
        }
        short = {key: own[:1] if len(set(own)) == 1 else own for key, own in scales.items()}
        part = FrozenPart(name, network.digest, network.outputs, short["centre"], short["spread"])
        return images.with_frozen(part, network)
    except ImportRefused as error:
        raise ProjectError(
            "frozen.file", "a network that can be frozen", "; ".join(error.problems)
        ) from error
    except ConfigurationError as error:
        raise ProjectError(error.field, error.expected, error.actual) from error
    except FeaturesInvalid as error:
        raise ProjectError("frozen", "a network of these images", str(error)) from error


def frozen_lines(part: FrozenPart | None) -> list[str]:
    """The lines of the file's table [frozen]."""
    if part is None:
        return []
    return [
        "",
        "# The public network that pictures go through first; what it gives are the features.",
        "[frozen]",
        f"file = {json.dumps(part.name, ensure_ascii=False)}  # {FROZEN['file'].meaning}",
        f'digest = "{part.digest.hex()}"  # {FROZEN["digest"].meaning}',
        f"centre = {_numbers(part.centre)}  # {FROZEN['centre'].meaning}",
        f"spread = {_numbers(part.spread)}",
    ]


def _numbers(values: Sequence[float]) -> str:
    return repr(values[0]) if len(values) == 1 else repr(list(values))
