"""Which reader takes a path: by what is there, not by its name."""

from __future__ import annotations

from pathlib import Path

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Source
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.readers.folder import ImageFolder
from proofward.data.images.readers.listing import Listing
from proofward.data.images.readers.medmnist import MedMnist
from proofward.data.images.readers.patchcamelyon import SIGNATURE, PatchCamelyon

ZIP = b"PK"


def source_at(
    path: Path,
    admission: Admission,
    *,
    classes: tuple[str, ...] = (),
    listing: Listing | None = None,
    only_listed: bool = False,
    parts: tuple[str, ...] = (),
    patients: tuple[bytes, ...] = (),
    beside: tuple[Path, ...] = (),
) -> Source:
    """The images at a path; raises ImagesRefused where no reader takes it or an option is of no use.

    beside: tables that may lie in a folder of images, and are none.
    """
    if len(set(classes)) != len(classes):
        raise ImagesRefused("classes: expected each name once")
    if path.is_dir():
        _without(path, parts=bool(parts), patients=bool(patients))
        return ImageFolder(path, admission, classes, listing, only_listed, beside)
    _without(path, labels=listing is not None)
    with path.open("rb") as file:
        start = file.read(len(SIGNATURE))
    if start == SIGNATURE:
        _without(path, parts=bool(parts))
        return PatchCamelyon(path, admission.limits, classes, patients=patients)
    _without(path, patients=bool(patients))
    if start.startswith(ZIP):
        return MedMnist(path, admission.limits, classes, parts)
    raise ImagesRefused(f"{path}: expected a folder of images, an npz archive or an HDF5 file")


def _without(path: Path, **given: bool) -> None:
    for name, there in given.items():
        if there:
            raise ImagesRefused(f"{path}: {name} have no meaning for this kind of images")
