"""Images that `proofward data inspect` is given: what they are by a consortium's rule or at a size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.kit.check_images import look_at, two_sides

if TYPE_CHECKING:
    from proofward.data.image_schema import ImageSchema

ARCHIVE, SHEET = ".npz", ".png"
_OF_TABLES = ("label", "delimiter", "sheet", "key", "decimal")


def agreed_images(consortium: Path | None) -> ImageSchema | None:
    """What a consortium.toml says of images, None where it is on tables; raises Refused, WrongThing."""
    from proofward.cli.project.consortium_file.reading import opened_project

    return None if consortium is None else opened_project(consortium).images


def holds_images(path: Path, size: str | None, agreed: ImageSchema | None) -> bool:
    """Whether a path is looked at as images: by what is asked of it, else by what it is."""
    if size is not None or agreed is not None or path.is_dir() or path.suffix.lower() == ARCHIVE:
        return True
    from proofward.data.images.readers.dicom_header import is_dicom
    from proofward.data.images.readers.pictures import marked

    return is_dicom(path) or bool(marked(path))


def inspect_images(
    images: Path, agreed: ImageSchema | None, given: Mapping[str, Any], out: Path | None, as_json: bool
) -> None:
    """Prints what they are, and writes their contact sheet to `out`; exit code 1 as `check-images` has it.

    given: what the options say, by name. Raises UsageError for those of tables and for a size that is missing
    or double.
    """
    from proofward.data.images.contract.rule import ImageRule

    for name in _OF_TABLES:
        if given.get(name):
            raise click.UsageError(f"--{name} is of tables, and {images} is looked at as images")
    if out is not None and out.suffix.lower() != SHEET:
        raise click.UsageError(f"--out: expected a name that ends in {SHEET}, of images, found {out}")
    size: str | None = given["size"]
    if (size is None) == (agreed is None):
        words = "either --consortium, a file of one on images, or --size HEIGHTxWIDTH"
        raise click.UsageError(f"{images} is looked at as images: expected {words}")
    rule = agreed.rule if agreed is not None else ImageRule(*two_sides(size or ""))
    look_at(images, rule, _options(agreed, given, out), as_json)


def _options(agreed: ImageSchema | None, given: Mapping[str, Any], out: Path | None) -> dict[str, Any]:
    """As `check-images` has them; a consortium's own classes and column."""
    return {
        "labels": given["labels"],
        "file_column": "file",
        "label_column": "label" if agreed is None else agreed.column,
        "patient_column": "patient",
        "patients": None,
        "only_listed": False,
        "classes": () if agreed is None else agreed.agreed,
        "parts": (),
        "allow_identifying": given["allow_identifying"],
        "allow_burned_in": given["allow_burned_in"],
        "contact_sheet": out,
    }
