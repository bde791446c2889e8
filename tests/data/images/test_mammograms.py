"""Generated mammograms in the layout that real ones have: twelve bits, low values white, four views a patient."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import inspect
from proofward.data.images.patient_split import patient_split
from proofward.data.images.readers.folder import ImageFolder
from proofward.data.images.readers.listing import read_listing
from proofward.data.images.stream import batches
from tests.data.images.making import ADMISSION, SALT, dicom

pytestmark = pytest.mark.slow

RULE = ImageRule(64, 48)
VIEWS = (("L", "CC"), ("R", "CC"), ("L", "MLO"), ("R", "MLO"))
PATIENTS = 10


def breast(seed: int, side: str) -> np.ndarray:
    """A bright half disc on the side of the chest, with texture; what lies outside is padding, 4095."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:256, :192]
    inside = (rows - 128) ** 2 / 110**2 + columns**2 / 150**2 < 1
    tissue = 3200 - 1500 * np.exp(-columns / 90) + random.normal(0, 60, (256, 192))
    stored = np.where(inside, tissue, 4095).clip(0, 4095).astype(np.uint16)
    return stored[:, ::-1] if side == "R" else stored


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Forty files, and the table of their labels; patients are in the files only."""
    root = tmp_path_factory.mktemp("study")
    rows = ["file,label"]
    for patient in range(PATIENTS):
        for at, (side, view) in enumerate(VIEWS):
            name = f"{patient:03}/{side}{view}.dcm"
            (root / name).parent.mkdir(exist_ok=True)
            dicom(root / name, breast(10 * patient + at, side), BitsStored=12, PatientID=f"MRN{patient}",
                  Modality="MG", PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE",
                  ImageLaterality=side, ViewPosition=view, PixelPaddingValue=4095, BurnedInAnnotation="NO",
                  WindowCenter="2600", WindowWidth="2400", RescaleSlope="1", RescaleIntercept="0")  # fmt: skip
            rows.append(f"{name},{'malignant' if patient % 3 == 0 and side == 'L' else 'benign'}")
    (root / "labels.csv").write_text("\n".join(rows))
    return root


def test_a_study(study):
    source = ImageFolder(study, ADMISSION, ("benign", "malignant"), read_listing(study / "labels.csv", SALT))
    found = inspect(source, RULE)
    assert (len(found), found.by_class, found.copies) == (40, {"benign": 32, "malignant": 8}, 0)
    assert not found.problems and not found.doubts and len(set(found.patients)) == PATIENTS
    kept, held = patient_split(found, 1)
    assert not {found.patients[at] for at in kept} & {found.patients[at] for at in held}
    assert {found.labels[at] for at in held} >= {0} and len(held) in range(4, 13)
    pixels = np.concatenate([batch.pixels for batch in batches(source, found, 16, kept)])
    assert pixels.shape == (len(kept), 1, 64, 48)
    left = pixels[0, 0]
    assert left[:4, -4:].max() == 0 and left[30:34, :4].mean() > 150  # air is black, dense tissue is bright
