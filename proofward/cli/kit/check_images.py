"""`proofward check-images`: a site's images as the consortium's rule makes them, and nothing taken in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, answering

if TYPE_CHECKING:
    from proofward.data.images.contract.rule import ImageRule

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
    from proofward.cli.kit.records.looked_at_images import look_at

    with answering(as_json):
        look_at(images, _rule(options), options, as_json)


def _rule(options: Mapping[str, Any]) -> ImageRule:
    """The rule that the options say; raises BadParameter, ConfigurationError."""
    from proofward.cli.kit.records.looked_at_images import two_integers, two_sides
    from proofward.data.images.contract.rule import FIXED, ImageRule

    height, width = two_sides(options["size"])
    window, centre, span = options["window"], 0, 0
    if window not in ("file", "full"):
        centre, span = two_integers(window, ",", "--window", "file, full or CENTRE,WIDTH, such as 40,400")
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
