"""Images as `fit` takes them: a folder or an archive for each hospital, read as a hospital's own are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofward.api.refusals import TablesRefused, refusing
from proofward.cli.kit.records.data_file import DataFile
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.report.handover.models.exported_model import ExportedModel
from proofward.report.handover.predictions.image_prediction import predict_images
from proofward.report.handover.predictions.prediction import Predictions

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Images:
    """A folder of DICOM, PNG, JPEG and TIFF files, an npz or a file of PatchCamelyon, where it needs words.

    Attributes:
        path: The folder or file.
        labels: A table of files, labels and patients. Without it each folder is a class.
        column: The column of the label there, "" for that which was agreed.
        patients: For PatchCamelyon, a table of patients.
        patient_column: The column of the patient's number in either table.
        table: A table whose rows are joined to the images.
        parts: The parts of an npz that are taken, all of them where it is empty.
        only_listed: Whether files that `labels` does not name are left alone.
        allow_identifying: Whether DICOM files that name a patient are taken.
        allow_burned_in: Whether DICOM files that say that they have text in the pixels are taken.
    """

    path: Place
    labels: Place | None = None
    column: str = ""
    patients: Place | None = None
    patient_column: str = "patient"
    table: Place | None = None
    parts: tuple[str, ...] = ()
    only_listed: bool = False
    allow_identifying: bool = False
    allow_burned_in: bool = False

    @property
    def file(self) -> DataFile:
        """As commands have it; raises TablesRefused where there is nothing."""
        path = Path(os.fspath(self.path))
        if not path.exists():
            raise TablesRefused(f"{path} is no file and no folder")
        options: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("patient_column", "only_listed", "allow_identifying", "allow_burned_in")
        }
        options["parts"] = tuple(self.parts)
        for name in ("labels", "patients", "table"):
            given = getattr(self, name)
            options[name] = None if given is None else Path(os.fspath(given))
        return DataFile(path, self.column, options=options)


def images_given(value: Any) -> Images:
    """Images in any of the forms that are taken; raises TablesRefused."""
    if isinstance(value, Images):
        return value
    if isinstance(value, str | os.PathLike):
        return Images(value)
    words = "the path of a folder or an archive of images, or proofward.Images(path, ...)"
    raise TablesRefused(f"expected {words}, found {type(value).__name__}")


def image_sources(sites: Mapping[str, Any]) -> dict[str, DataFile]:
    """A source for each hospital; raises TablesRefused with what is wrong with any."""
    if not isinstance(sites, Mapping):
        words = "a mapping from each hospital's name to its images"
        raise TablesRefused(f"sites: expected {words}, found {type(sites).__name__}")
    found, problems = {}, []
    for name, given in sites.items():
        try:
            found[str(name)] = images_given(given).file
        except TablesRefused as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise TablesRefused("nothing was run", problems)
    return found


def predicted_images(model: ExportedModel, value: Any) -> Predictions:
    """What the model says of images, in the order of their names; raises TablesRefused."""
    given = images_given(value)
    if model.model.row:
        words = "the model reads a row of a table with every image: `proofward predict` takes both"
        raise TablesRefused(words)
    try:
        with refusing(TablesRefused):
            return predict_images(
                model,
                given.file.path,
                identifying=given.allow_identifying,
                burned_in=given.allow_burned_in,
            )
    except ImagesRefused as error:
        raise TablesRefused(str(error).splitlines()[0], error.problems) from None
