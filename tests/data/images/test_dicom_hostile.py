"""DICOM files that lie about their size, end too early or name a person: refused, and at bounded cost."""

from __future__ import annotations

import logging
import warnings
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames

from proofward.data.images.contract.admission import Admission, Limits
from proofward.data.images.contract.identity import IDENTIFYING_ELEMENTS, patient_digest
from proofward.data.images.contract.refusal import (
    BURNED_IN,
    DAMAGED,
    IDENTIFYING,
    NO_IMAGE,
    TOO_LARGE,
    UNSUPPORTED,
    ImageRefused,
)
from proofward.data.images.contract.rule import ImageRule
from tests.data.images.making import ADMISSION, OPEN, PATIENT, SALT, dicom, read, refused, textured
from tests.peak_memory import begin_peak, peak_megabytes

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
SMALL = textured(0, (8, 8))
SECRET = "Erika-Mustermann"


def with_limits(**limits: int) -> Admission:
    return Admission(SALT, limits=Limits(**limits))


def test_declared_sizes_are_checked_before_decoding(tmp_path):
    begin = begin_peak()
    huge = dicom(tmp_path / "huge", SMALL, Rows=65535, Columns=65535)
    reason = refused(huge)
    assert (reason.kind, reason.actual) == (TOO_LARGE, "65535 x 65535") and "67108864 pixels" in reason.expected
    many = dicom(tmp_path / "many", SMALL, NumberOfFrames=2_000_000_000)
    assert refused(many).words == "too large: expected at most 16384 frames, found 2000000000"
    fewer = dicom(tmp_path / "fewer", SMALL, NumberOfFrames=16384)
    assert refused(fewer).words == "damaged: expected 1048576 bytes of pixels, found 64 bytes"
    assert peak_megabytes() - begin < 30


@pytest.mark.parametrize(("limits", "found"), [({"pixels": 63}, "8 x 8"), ({"file_pixels": 63}, "1 frames of 8 x 8"), ({"frames": 0}, "1"), ({"file_bytes": 100}, "bytes")])
def test_limits_are_the_sites(tmp_path, limits, found):
    reason = refused(dicom(tmp_path / "a", SMALL), admission=with_limits(**limits))
    assert reason.kind == TOO_LARGE and found in reason.actual


@pytest.mark.slow
def test_a_deflated_bomb(tmp_path):
    plain = (BUNDLED / "image_dfl.dcm").read_bytes()
    meta = pydicom.filereader.read_file_meta_info(BUNDLED / "image_dfl.dcm")
    start = 144 + meta.FileMetaInformationGroupLength
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    (tmp_path / "bomb").write_bytes(plain[:start] + bomb)
    begin = begin_peak()
    reason = refused(tmp_path / "bomb", admission=with_limits(inflated=1 << 24))
    assert reason.kind == TOO_LARGE and "16777216 bytes" in reason.expected
    assert peak_megabytes() - begin < 20
    (tmp_path / "cut").write_bytes(plain[:-200])
    assert refused(tmp_path / "cut", admission=OPEN).words.endswith("found one that is cut short")


def changed(name: str, path: Path, change) -> Path:
    """A bundled file with its one compressed frame changed."""
    data = pydicom.dcmread(BUNDLED / name)
    frame = next(generate_frames(data.PixelData, number_of_frames=1))
    data.PixelData = encapsulate([change(frame)])
    data.save_as(path)
    return path


COMPRESSED = ("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_gdcm.dcm",
              "SC_rgb_jpeg_dcmtk.dcm", "MR_small_RLE.dcm", "JPGExtended.dcm", "SC_rgb_jls_lossy_line.dcm")  # fmt: skip


@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
@pytest.mark.parametrize("name", COMPRESSED)
def test_a_frame_that_is_cut_short_is_refused(tmp_path, name, share):
    """A decoder would fill a JPEG's missing part with grey."""
    path = changed(name, tmp_path / "a", lambda frame: frame[: int(len(frame) * share)])
    assert refused(path, admission=OPEN).kind == DAMAGED
    whole = changed(name, tmp_path / "b", lambda frame: frame)
    assert len(read(whole, ImageRule(4, 4), OPEN)) == 1


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_a_codestream_of_another_size_is_refused(tmp_path, name):
    def larger(frame: bytes) -> bytes:
        at = next(at for mark in (b"\xff\xc0", b"\xff\xf7") if (at := frame.find(mark)) >= 0)
        return frame[: at + 5] + b"\xff\xff\xff\xff" + frame[at + 9 :]

    reason = refused(changed(name, tmp_path / "a", larger), admission=OPEN)
    assert reason.kind == DAMAGED and "65535 x 65535" in reason.actual and "codestream of" in reason.expected


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPRESSED)
def test_changed_frames_are_read_or_refused(tmp_path, name, rng):
    """The plug-in for RLE panics on some of them, which is no Exception of Python's."""
    for _ in range(40):
        places = [(rng.random(), rng.randrange(256)) for _ in range(rng.randint(1, 5))]

        def spoil(frame: bytes, places=places) -> bytes:
            data = bytearray(frame)
            for place, value in places:
                data[int(place * place * len(data))] = value  # the header is hit more often
            return bytes(data)

        try:
            read(changed(name, tmp_path / "a", spoil), ImageRule(4, 4), OPEN)
        except ImageRefused as refusal:
            assert refusal.reason.kind in (DAMAGED, UNSUPPORTED, TOO_LARGE)


def test_a_codestream_of_more_bits_is_refused(tmp_path):
    data = pydicom.dcmread(BUNDLED / "JPGExtended.dcm")
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.save_as(tmp_path / "a")
    assert refused(tmp_path / "a", admission=OPEN).words.endswith("codestream of at most 8 bits, found one of 12")


def test_fewer_frames_than_declared(tmp_path):
    data = pydicom.dcmread(BUNDLED / "SC_rgb_jpeg_dcmtk.dcm")
    data.NumberOfFrames = 3
    data.save_as(tmp_path / "a")
    assert "frames" in refused(tmp_path / "a", admission=OPEN).expected


def test_other_files(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "words").write_text("words")
    (tmp_path / "mark").write_bytes(bytes(128) + b"DICM")
    assert [refused(tmp_path / name).kind for name in ("empty", "words")] == [NO_IMAGE] * 2
    assert refused(tmp_path / "mark").kind in (DAMAGED, "no pixels")
    whole = dicom(tmp_path / "a", SMALL).read_bytes()
    floats = pydicom.dcmread(tmp_path / "a")
    del floats.PixelData
    floats.FloatPixelData = bytes(256)
    floats.save_as(tmp_path / "floats")
    assert refused(tmp_path / "floats").kind == UNSUPPORTED
    video = pydicom.dcmread(tmp_path / "a")
    video.file_meta.TransferSyntaxUID = pydicom.uid.MPEG4HP41
    video.PixelData = encapsulate([b"\0" * 64])
    video["PixelData"].is_undefined_length = True
    video.save_as(tmp_path / "video")
    assert refused(tmp_path / "video").kind == UNSUPPORTED
    for length in range(140, len(whole), 37):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(ImageRefused):
            read(tmp_path / "cut", ImageRule(4, 4))


def test_changed_bytes_are_read_or_refused(tmp_path, rng):
    """Whatever the change, there is a picture or a typed refusal, and nothing else."""
    whole = bytearray(dicom(tmp_path / "a", SMALL, WindowCenter="3", WindowWidth="9").read_bytes())
    for _ in range(150):
        other = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            other[rng.randrange(132, len(other))] = rng.randrange(256)
        (tmp_path / "b").write_bytes(other)
        try:
            read(tmp_path / "b", ImageRule(4, 4), with_limits(pixels=1 << 12))
        except ImageRefused as refusal:
            assert refusal.reason.words


def test_every_identifying_element_is_refused_and_none_is_repeated(tmp_path):
    for tag, name in IDENTIFYING_ELEMENTS.items():
        data = pydicom.dcmread(dicom(tmp_path / "a", SMALL))
        sequence = pydicom.datadict.dictionary_VR(tag) == "SQ"
        dates = {"DA": "19700101", "TM": "070707"}
        item = pydicom.Dataset()
        item.PatientID = SECRET
        value = [item] if sequence else dates.get(pydicom.datadict.dictionary_VR(tag), SECRET)
        data.add_new(tag, pydicom.datadict.dictionary_VR(tag), value)
        data.save_as(tmp_path / "b")
        reason = refused(tmp_path / "b")
        assert (reason.kind, reason.actual) == (IDENTIFYING, name)
        assert SECRET not in reason.words and "1970" not in reason.words
        assert len(read(tmp_path / "b", ImageRule(4, 4), OPEN)) == 1


def test_empty_elements_identify_nobody(tmp_path):
    path = dicom(tmp_path / "a", SMALL, PatientName="", PatientBirthDate="", OtherPatientNames="  ")
    assert len(read(path, ImageRule(4, 4))) == 1


@pytest.mark.parametrize("keyword", ["BurnedInAnnotation", "RecognizableVisualFeatures"])
def test_text_in_the_pixels(tmp_path, keyword):
    path = dicom(tmp_path / "a", SMALL, **{keyword: "YES"})
    assert refused(path).kind == BURNED_IN
    assert len(read(path, ImageRule(4, 4), Admission(SALT, burned_in=True))) == 1
    assert len(read(dicom(tmp_path / "b", SMALL, **{keyword: "NO"}), ImageRule(4, 4))) == 1


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_the_patient_is_a_salted_digest_and_nothing_else(tmp_path, caplog, capfd):
    path = dicom(tmp_path / "a", SMALL, PatientName=SECRET, PatientAge="not an age", PatientBirthDate="when")
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        first = read(path, ImageRule(4, 4), OPEN)[0]
        refused(path)
    other = read(path, ImageRule(4, 4), Admission(bytes(32), identifying=True))[0]
    assert first.patient == patient_digest(SALT, PATIENT.encode()) and len(first.patient) == 32
    assert other.patient != first.patient
    said = caplog.text + "".join(capfd.readouterr()) + repr(first) + repr(ADMISSION)
    assert PATIENT not in said and SECRET not in said and repr(SALT) not in said


def test_patients_of_two_issuers_are_two(tmp_path):
    found = {read(dicom(tmp_path / name, SMALL, IssuerOfPatientID=name), ImageRule(4, 4))[0].patient for name in "ab"}
    assert len(found) == 2
    assert read(dicom(tmp_path / "none", SMALL, PatientID=" "), ImageRule(4, 4))[0].patient is None
    assert np.uint8 == read(tmp_path / "none", ImageRule(4, 4))[0].pixels.dtype
