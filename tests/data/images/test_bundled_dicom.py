"""The files that pydicom brings: each with pixels is read or refused with its own reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.extra import quiet
from proofward.data.images.contract.refusal import DAMAGED, IDENTIFYING, NO_IMAGE, NO_PIXELS, ImageRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.readers.dicom import dicom_pictures
from proofward.data.images.readers.dicom_header import described, opened
from tests.data.images.making import OPEN, SALT

ROOT = Path(pydicom.__file__).parent / "data"
FILES = sorted(path for path in ROOT.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
NAMED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": ("a codestream of 1024 x 256 pixels of 1", "3722445056 pixels"),
    "JPEG-lossy.dcm": ("a frame that can be decoded", "scan stop must be 63 for the sequential operating modes"),
    "badVR.dcm": ("an integer in [1, 2147483648] as NumberOfFrames", "'1A'"),
    "meta_missing_tsyntax.dcm": ("a Transfer Syntax UID (0002,0010)", "none"),
    "nested_priv_SQ.dcm": ("elements that describe the pixels", "no Bits Allocated (0028,0100)"),
    "MR_truncated.dcm": ("8192 bytes of pixels", "8130 bytes"),
}


@pytest.fixture(scope="module")
def outcomes():
    """What became of each file: its pictures, or its reason."""
    found = {}
    for path in FILES:
        try:
            found[path] = list(dicom_pictures(path, ImageRule(32, 32, channels=3), OPEN))
        except ImageRefused as refusal:
            found[path] = refusal.reason
    return found


@pytest.mark.slow
def test_counts(outcomes):
    read = {path: found for path, found in outcomes.items() if isinstance(found, list)}
    kinds = Counter(found.kind for found in outcomes.values() if not isinstance(found, list))
    assert (len(FILES), len(read), kinds) == (205, 101, {NO_PIXELS: 81, DAMAGED: 6, NO_IMAGE: 17})
    frames = [picture for pictures in read.values() for picture in pictures]
    assert all(picture.pixels.shape == (3, 32, 32) and picture.pixels.dtype == np.uint8 for picture in frames)
    assert Counter(len(pictures) for pictures in read.values()) == {1: 94, 2: 3, 15: 3, 30: 1}


def test_each_damaged_file_has_its_own_reason(outcomes):
    damaged = {path.name: found for path, found in outcomes.items() if getattr(found, "kind", "") == DAMAGED}
    assert set(damaged) == set(NAMED)
    for name, (expected, actual) in NAMED.items():
        assert expected in damaged[name].expected and actual in damaged[name].actual, damaged[name]
    assert len({reason.words for reason in damaged.values()}) == 6


def test_files_without_pixels_say_what_they_are(outcomes):
    reasons = {path: found for path, found in outcomes.items() if getattr(found, "kind", "") == NO_PIXELS}
    found = Counter(reason.actual for reason in reasons.values())
    assert found["none in CT Image Storage"] == 51 and found["none in Color Palette Storage"] == 8
    assert found["none in Media Storage Directory Storage"] == 8
    assert all(reason.expected == "Pixel Data (7FE0,0010)" for reason in reasons.values())


@pytest.mark.slow
def test_colours_agree_with_pydicom(outcomes):
    """Its conversion rounds single-precision numbers: bytes may differ by one."""
    compared = 0
    for path, found in outcomes.items():
        if not isinstance(found, list) or not found[0].colour or len(found) > 1:
            continue
        with quiet():
            data = opened(path, OPEN.limits)
            description = described(data, OPEN.limits)
            theirs = data.pixel_array
        if description.photometric == "PALETTE COLOR" or description.stored != 8:
            continue
        rule = ImageRule(description.rows, description.columns, channels=3)
        own = next(dicom_pictures(path, rule, OPEN)).pixels
        if theirs.shape[2:] == (3,) and description.photometric in ("YBR_FULL", "YBR_FULL_422"):
            with quiet():
                theirs = pydicom.pixels.pixel_array(data, raw=False)
        assert np.abs(own.astype(int) - np.moveaxis(theirs, 2, 0)).max() <= 1, path.name
        compared += 1
    assert compared >= 20


@pytest.mark.parametrize("pair", [("MR_small.dcm", "MR_small_bigendian.dcm"), ("MR_small.dcm", "MR_small_RLE.dcm"),
                                  ("MR_small.dcm", "MR_small_jp2klossless.dcm"),
                                  ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm"),
                                  ("MR_small.dcm", "MR_small_padded.dcm"), ("rtdose.dcm", "rtdose_expb.dcm"),
                                  ("SC_rgb_small_odd.dcm", "SC_rgb_small_odd_big_endian.dcm"),
                                  ("liver_1frame.dcm", "liver_expb_1frame.dcm")])  # fmt: skip
def test_one_picture_in_two_encodings_gives_the_same_bytes(outcomes, pair):
    first, second = (next(found for path, found in outcomes.items() if path.name == name) for name in pair)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert (one.pixels == other.pixels).all()


@pytest.mark.slow
def test_most_name_a_patient_and_are_refused_unless_allowed():
    kinds = Counter()
    for path in FILES:
        try:
            list(dicom_pictures(path, ImageRule(8, 8), Admission(SALT)))
            kinds["read"] += 1
        except ImageRefused as refusal:
            kinds[refusal.reason.kind] += 1
            if refusal.reason.kind == IDENTIFYING:
                assert "Patient's" in refusal.reason.actual or "Physician" in refusal.reason.actual
    assert kinds[IDENTIFYING] > 80 and kinds["read"] + kinds[IDENTIFYING] >= 101


def test_bytes_are_the_same_everywhere(outcomes):
    """Every picture but those of JPEG 2000's real-valued wavelet, whose decoder rounds floating-point numbers."""
    digest, count = hashlib.sha256(), 0
    for path, found in outcomes.items():
        if isinstance(found, list) and pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID != JPEG2000:
            for picture in found:
                digest.update(picture.pixels.tobytes())
            count += 1
    assert (count, digest.hexdigest()) == (98, "9f2a03666f5f73e064906fd5f689a611d66f78726b7e1c2cfceffd87bf86c63e")
