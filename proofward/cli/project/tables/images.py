"""What consortium.toml says of hospitals' images: the table [images], and the classes in [label]."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from proofward.cli.project.tables.features import read_feature
from proofward.cli.project.tables.frozen import frozen_lines
from proofward.cli.project.tables.label import (
    CLIPPED,
    DECIMAL,
    IGNORE,
    LABEL,
    NOTATION_KEYS,
    notation_lines,
)
from proofward.cli.project.tables.table import ProjectError, Table
from proofward.data.columns.row_schema import RowSchema
from proofward.data.columns.schema import FeaturesInvalid, ascending
from proofward.data.image_schema import ImageSchema, image_schema
from proofward.data.images.contract.rule import (
    AREA,
    FITS,
    FIXED,
    FROM_FILE,
    FULL,
    RESAMPLINGS,
    STRETCH,
    ImageRule,
)
from proofward.data.images.pixels.levels import Levels, numbers
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.keys import Either, Flag, Key, Keys, Number, Several, Text

_LEVEL = Either((Number(), Several(Number(), 1)))
IMAGES = Keys((
    Key("size", Text(pattern=r"^\s*\d+\s*[xX]\s*\d+\s*$"), "height x width of every picture, in pixels",
        needed=True),
    Key("colours", Flag(), "three channels, else one of grey", False),
    Key("window", Text(), 'what becomes black and white: "file", "full" or "CENTRE,WIDTH"', FROM_FILE),
    Key("resampling", Text(options=RESAMPLINGS), " or ".join(RESAMPLINGS), AREA),
    Key("fit", Text(options=FITS), f"for pictures of another shape: {', '.join(FITS)}", STRETCH),
    Key("centre", _LEVEL, "a grey level x from 0 to 1 becomes (x - centre) / spread", 0.5),
    Key("spread", _LEVEL, "see centre; one number, or one for each channel", 0.25),
))  # fmt: skip
ROW = Keys((
    Key("id", Text(1), "the column with the patient's number, which is nowhere kept", needed=True),
    IGNORE, DECIMAL, CLIPPED,
))  # fmt: skip
_OF_TABLES = ("feature", *(name for name in NOTATION_KEYS if name != "label"))
ROW_TABLE = "table"


def read_image_schema(table: Table) -> ImageSchema | None:
    """The images in the file's top table, None where hospitals have tables; raises ProjectError."""
    if not table.has("images"):
        return None
    for name in _OF_TABLES:
        if table.has(name) and not (name == "feature" and table.has(ROW_TABLE)):
            expected = f"either columns of a table or [images], unless a table [{ROW_TABLE}] joins both"
            raise ProjectError(name, expected, "both")
    images = Table(table.table("images"), "images.", IMAGES)
    label = Table(table.table("label"), "label.", LABEL)
    try:
        rule = _rule(images)
        levels = {
            name: numbers(f"images.{name}", images.peek(name), rule.channels) for name in ("centre", "spread")
        }
        made = image_schema(rule, Levels(**levels), label.text("column"), _sides(label))
        return replace(made, row=_row_schema(table))
    except ConfigurationError as error:
        field = error.field if "." in error.field else f"images.{error.field}"
        raise ProjectError(field, error.expected, error.actual) from error
    except FeaturesInvalid as error:
        raise ProjectError("images", "classes of images for both sides", str(error)) from error


def _row_schema(table: Table) -> RowSchema | None:
    """The table whose rows go with the images; raises ProjectError, FeaturesInvalid."""
    if not table.has(ROW_TABLE):
        return None
    own = Table(table.table(ROW_TABLE), f"{ROW_TABLE}.", ROW)
    features = [read_feature(entry, where) for where, entry in table.tables("feature")]
    percent = own.integer("clipped_percent")
    return RowSchema.of(
        own.text("id"), features, ascending(own.texts("ignore")), own.text("decimal"), percent
    )


def _rule(images: Table) -> ImageRule:
    size = images.text("size")
    height, width = _two_integers(size, "x", "images.size", 'HEIGHTxWIDTH, such as "64x64"')
    window, centre, span = images.text("window"), 0, 0
    if window not in (FROM_FILE, FULL):
        expected = f'"{FROM_FILE}", "{FULL}" or "CENTRE,WIDTH", such as "40,400"'
        centre, span = _two_integers(window, ",", "images.window", expected)
        window = FIXED
    return ImageRule(
        height=height,
        width=width,
        channels=3 if images.flag("colours") else 1,
        window=window,
        window_centre=centre,
        window_width=span,
        resampling=images.text("resampling"),
        fit=images.text("fit"),
    )


def _two_integers(text: str, between: str, field: str, expected: str) -> tuple[int, int]:
    try:
        first, second = (int(part) for part in text.lower().split(between))
    except ValueError:
        raise ProjectError(field, expected, repr(text)[:80]) from None
    return first, second


def _sides(label: Table) -> list[tuple[str, ...]]:
    """The classes of images of each class of the network: negative and positive, or classes."""
    listed = label.peek("classes")
    if listed is None:
        return [_classes(label, "negative"), _classes(label, "positive")]
    if label.has("negative") or label.has("positive"):
        raise ProjectError("label", "either classes, or negative and positive", "both")
    if not isinstance(listed, list):
        raise ProjectError(
            "label.classes", "a list of classes of images, or of lists of them", repr(listed)[:80]
        )
    entries = [Table({"classes": own}, "label.", LABEL) for own in listed]
    return [_classes(own, "classes") for own in entries]


def _classes(label: Table, name: str) -> tuple[str, ...]:
    """One class of images, or a list of them."""
    if isinstance(label.peek(name), list):
        return tuple(label.texts(name))
    return (label.value(name),)


def image_settings(schema: ImageSchema) -> dict[str, object]:
    """The values of the file's table [images], by name."""
    rule, levels = schema.rule, schema.levels
    return {
        "size": f"{rule.height}x{rule.width}",
        "colours": rule.channels == 3,
        "window": f"{rule.window_centre},{rule.window_width}" if rule.window == FIXED else rule.window,
        "resampling": rule.resampling,
        "fit": rule.fit,
        "centre": list(levels.centre),
        "spread": list(levels.spread),
    }


def image_lines(schema: ImageSchema) -> list[str]:
    """The lines of the file's tables [images] and [label]."""
    rule, levels = schema.rule, schema.levels
    window = f"{rule.window_centre},{rule.window_width}" if rule.window == FIXED else rule.window
    return [
        "",
        "# How every hospital makes its pictures: alike to the last bit. `proofward check-data` shows them.",
        "[images]",
        f'size = "{rule.height}x{rule.width}"  # {IMAGES["size"].meaning}',
        f"colours = {str(rule.channels == 3).lower()}  # {IMAGES['colours'].meaning}",
        f'window = "{window}"  # {IMAGES["window"].meaning}',
        f'resampling = "{rule.resampling}"  # {IMAGES["resampling"].meaning}',
        f'fit = "{rule.fit}"  # {IMAGES["fit"].meaning}',
        f"centre = {_numbers(levels.centre)}  # {IMAGES['centre'].meaning}",
        f"spread = {_numbers(levels.spread)}",
        "",
        "[label]",
        f"column = {_quoted(schema.column)}  # with the class, in a table of files",
        *_side_lines(schema),
        *frozen_lines(schema.frozen),
        *([] if schema.row is None else _row_lines(schema.row)),
    ]


def _row_lines(row: RowSchema) -> list[str]:
    notation = row.columns.notation
    return [
        "",
        "# A row of a table goes with each image: that of the same patient. Its columns are the features.",
        f"[{ROW_TABLE}]",
        f"id = {_quoted(row.id)}  # {ROW['id'].meaning}",
        *notation_lines(notation),
    ]


def _side_lines(schema: ImageSchema) -> list[str]:
    if schema.others:
        sides = ", ".join(map(_names, schema.sides))
        words = "classes of images that are each class: one, or a list, alike at every hospital"
        return [f"classes = [{sides}]  # {words}"]
    return [
        f"positive = {_names(schema.positive)}  # classes of images that are class 1: folders, or names in a "
        "table or an archive",
        f"negative = {_names(schema.negative)}  # and class 0, alike at every hospital",
    ]


def _numbers(values: Sequence[float]) -> str:
    return repr(values[0]) if len(set(values)) == 1 else repr(list(values))


def _names(names: Sequence[str]) -> str:
    quoted = [_quoted(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
