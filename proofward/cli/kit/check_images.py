"""`proofward check-images`: a site's images as the consortium's rule makes them, and nothing taken in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.console import FLAW

if TYPE_CHECKING:
    from proofward.data.images.contract.admission import Admission
    from proofward.data.images.contract.example import Source
    from proofward.data.images.contract.rule import ImageRule
    from proofward.data.images.inspection import Inspection

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="check-images")
@click.argument("images", metavar="IMAGES", type=click.Path(exists=True, path_type=Path))
@click.option("--size", required=True, metavar="HEIGHTxWIDTH", help="Pixels of every image.")
@click.option(
    "--colours",
    is_flag=True,
    help="Keep colours, in three planes, which grey pictures get as well; without it all become grey.",
)
@click.option(
    "--window",
    default="file",
    show_default=True,
    metavar="file|full|CENTRE,WIDTH",
    help="Which values become black and white.",
)
@click.option(
    "--resampling",
    type=click.Choice(["area", "bilinear"]),
    default="area",
    show_default=True,
    help="How a picture is brought to the size: the mean below each pixel, or between the nearest four.",
)
@click.option(
    "--fit",
    type=click.Choice(["stretch", "crop", "pad"]),
    default="stretch",
    show_default=True,
    help="What is done with a picture of another shape.",
)
@click.option(
    "--labels",
    type=_FILE,
    metavar="CSV",
    help="Table of files, labels and patients; without it each folder is a class.",
)
@click.option("--file-column", default="file", show_default=True, metavar="COLUMN", help="Of the table.")
@click.option("--label-column", default="label", show_default=True, metavar="COLUMN", help="Of the table.")
@click.option(
    "--patient-column",
    default="patient",
    show_default=True,
    metavar="COLUMN",
    help="Of either table; the one with labels need not have it.",
)
@click.option(
    "--patients",
    type=_FILE,
    metavar="CSV",
    help="For a file of PatchCamelyon: table with a row for each image, in their order, and its patient.",
)
@click.option("--only-listed", is_flag=True, help="Leave files alone that the table does not name.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="The agreed classes, in their order; once for each.",
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="NAME",
    type=click.Choice(["train", "val", "test"]),
    help="Only this part of a MedMNIST archive.",
)
@click.option(
    "--allow-identifying", is_flag=True, help="Take DICOM files that name a patient; no name is kept."
)
@click.option(
    "--allow-burned-in", is_flag=True, help="Take DICOM files that say they have text in the pixels."
)
@click.option(
    "--contact-sheet",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Write some of the images for a look; the file holds patients' images and stays at the site.",
)
@JSON
def check_images(images: Path, as_json: bool, **options: Any) -> None:
    """Look at a site's images as the consortium's rule makes them, and keep nothing of them.

    IMAGES is a folder of DICOM, PNG, JPEG or TIFF files, a MedMNIST npz archive, or an HDF5 file in
    PatchCamelyon's layout. Every file that cannot be read is listed with its reason; names of files are
    shown, so the answer stays at the site. Exit code 1 when something could not be read or is doubtful.
    """
    with answering(as_json):
        look_at(images, _rule(options), options, as_json)


def look_at(images: Path, rule: ImageRule, options: Mapping[str, Any], as_json: bool) -> None:
    """Prints what images are by a rule, and writes the contact sheet that the options name.

    Raises Refused, ImagesRefused, SystemExit where something could not be read or is doubtful.
    """
    from proofward.data.images.contact_sheet import WARNING, ContactSheet
    from proofward.data.images.inspection import inspect

    where: Path | None = options["contact_sheet"]
    if where is not None and where.exists():
        raise Refused(f"{where}: there is a file already; name another for the contact sheet")
    sheet = ContactSheet() if where is not None else None
    source = _source(images, _admission(options), options)
    found = inspect(source, rule, sheet.add if sheet is not None else None)
    plain, lines = _described(images, found)
    if where is not None and sheet is not None and len(found):
        sheet.write(where, found.classes)
        plain["contact_sheet"] = str(where)
        lines.insert(len(lines) - 1, f"contact sheet: {where}. {WARNING}")
    tell(plain, lines, as_json)
    if found.problems or found.doubts or not len(found):
        raise SystemExit(FLAW)


def _rule(options: Mapping[str, Any]) -> ImageRule:
    """The rule that the options say; raises BadParameter, ConfigurationError."""
    from proofward.data.images.contract.rule import FIXED, ImageRule

    height, width = two_sides(options["size"])
    window, centre, span = options["window"], 0, 0
    if window not in ("file", "full"):
        centre, span = _two_integers(window, ",", "--window", "file, full or CENTRE,WIDTH, such as 40,400")
        window = FIXED
    return ImageRule(
        height=height,
        width=width,
        channels=3 if options["colours"] else 1,
        window=window,
        window_centre=centre,
        window_width=span,
        resampling=options["resampling"],
        fit=options["fit"],
    )


def two_sides(text: str) -> tuple[int, int]:
    """Height and width that an option --size says; raises BadParameter."""
    return _two_integers(text, "x", "--size", "HEIGHTxWIDTH, such as 64x64")


def _two_integers(text: str, between: str, option: str, expected: str) -> tuple[int, int]:
    try:
        first, second = (int(part) for part in text.lower().split(between))
    except ValueError:
        raise click.BadParameter(f"expected {expected}", param_hint=option) from None
    return first, second


def _admission(options: Mapping[str, Any]) -> Admission:
    """What the options allow. The salt is of this command: digests of two checks cannot be compared."""
    from proofward.data.images.contract.admission import Admission

    return Admission(
        os.urandom(32), identifying=options["allow_identifying"], burned_in=options["allow_burned_in"]
    )


def _source(images: Path, admission: Admission, options: Mapping[str, Any]) -> Source:
    from proofward.data.images.readers.listing import Columns, read_listing
    from proofward.data.images.readers.patient_column import read_patients
    from proofward.data.images.sources import source_at

    listing = None
    if options["labels"] is not None:
        columns = Columns(options["file_column"], options["label_column"], options["patient_column"])
        listing = read_listing(options["labels"], admission.salt, columns)
    elif options["only_listed"]:
        raise Refused("--only-listed means nothing without --labels")
    patients: tuple[bytes, ...] = ()
    if options["patients"] is not None:
        patients = read_patients(options["patients"], admission.salt, options["patient_column"])
    return source_at(
        images,
        admission,
        classes=tuple(options["classes"]),
        listing=listing,
        only_listed=options["only_listed"],
        parts=tuple(options["parts"]),
        patients=patients,
    )


def _described(images: Path, found: Inspection) -> tuple[dict[str, object], list[str]]:
    """What was found, as a document and as lines."""
    from proofward.data.images.inspection import shown

    rule = found.rule
    patients = len(set(found.patients) - {None})
    by_class = {shown(name): count for name, count in found.by_class.items()}
    refused = bool(found.problems or not len(found))
    plain: dict[str, object] = {
        "did": "checked",
        "rule": rule.canonical(),
        "rule_digest": rule.digest().hex(),
        "images": len(found),
        "classes": by_class,
        "parts": found.by_part,
        "formats": dict(found.kinds),
        "patients": patients,
        "copies": found.copies,
        "problems": [
            {"file": shown(unread.name), "kind": unread.reason.kind, "reason": unread.reason.words}
            for unread in found.problems
        ],
        "doubts": list(found.doubts),
        "notes": list(found.notes),
        "would_be_taken": not refused and not found.doubts,
    }
    counts = ", ".join(f"{count} of class {name}" for name, count in by_class.items())
    lines = [f"{images}: {len(found)} images{': ' + counts if len(found) else ''}; each becomes {rule.words}"]
    if any(found.parts):
        lines.append("parts: " + ", ".join(f"{count} of {part}" for part, count in found.by_part.items()))
    if patients:
        lines.append(f"{patients} patients, whose numbers are not kept")
    lines += [f"refused: {line}" for line in found.problem_lines()]
    lines += [f"doubtful: {doubt}" for doubt in found.doubts]
    lines += list(found.notes)
    if refused:
        lines.append(f"nothing of this would be taken: {len(found.problems)} cannot be read")
    else:
        lines.append("doubtful: look at it before it is taken" if found.doubts else "all of this can be read")
    return plain, lines
