"""How DICOM files become bytes: windows, tables, rescaling, inversion, frames, bits, byte order."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from proofward.data.images.contract.refusal import DAMAGED, UNSUPPORTED
from proofward.data.images.contract.rule import ImageRule
from tests.data.images.making import dicom, pixels, read, refused, textured

FOUR = np.array([[0, 100, 200, 300]], dtype=np.uint16)


def table(first: int, entries: list[int], bits: int = 8) -> Sequence:
    """A look-up table of a modality or of values of interest."""
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries), first, bits])
    item.add_new(0x00283006, "US", entries)
    return Sequence([item])


def test_the_files_first_window(tmp_path):
    path = dicom(tmp_path / "a", FOUR, WindowCenter=["150.5", "9"], WindowWidth=["301", "2"])
    assert pixels(path) == [0, 85, 170, 255]
    assert read(path, ImageRule(1, 4))[0].notes == ()


def test_a_fixed_window_and_the_full_range(tmp_path):
    path = dicom(tmp_path / "a", FOUR, WindowCenter="150.5", WindowWidth="301")
    assert pixels(path, window="fixed", window_centre=100, window_width=2) == [0, 255, 255, 255]
    assert pixels(path, window="full") == [0, 0, 1, 1]


def test_rescaling_comes_before_the_window(tmp_path):
    path = dicom(tmp_path / "a", FOUR, RescaleSlope="2", RescaleIntercept="-100")
    assert pixels(path, window="fixed", window_centre=101, window_width=202) == [0, 127, 255, 255]
    assert pixels(dicom(tmp_path / "b", FOUR, RescaleSlope="-1", RescaleIntercept="0"),
                  window="fixed", window_centre=-150, window_width=302) == [255, 170, 86, 1]  # fmt: skip


def test_without_a_window_the_full_range_is_taken_and_noted(tmp_path):
    picture = read(dicom(tmp_path / "a", np.array([[0, 65535]], np.uint16)), ImageRule(1, 2))[0]
    assert picture.pixels.ravel().tolist() == [0, 255] and "no window" in picture.notes[0]


@pytest.mark.parametrize(("function", "expected"),
                         [("LINEAR_EXACT", [64, 106, 149, 191]), ("SIGMOID", [69, 106, 149, 186])])  # fmt: skip
def test_window_functions(tmp_path, function, expected):
    path = dicom(tmp_path / "a", FOUR, WindowCenter="150", WindowWidth="600", VOILUTFunction=function)
    found = pixels(path)
    assert found == expected


def test_a_table_of_values_of_interest(tmp_path):
    path = dicom(tmp_path / "a", FOUR, VOILUTSequence=table(99, [7, 9, 11]), WindowCenter="1", WindowWidth="1")
    assert pixels(path) == [7, 9, 11, 11]
    deep = dicom(tmp_path / "b", FOUR, VOILUTSequence=table(100, [0, 65535], 16), RescaleSlope="0.5",
                 RescaleIntercept="1")  # fmt: skip
    assert pixels(deep) == [0, 0, 255, 255]  # of 1, 51, 101 and 151


def test_a_modality_table(tmp_path):
    path = dicom(tmp_path / "a", np.array([[0, 1, 2, 3]], np.uint16), ModalityLUTSequence=table(0, [0, 400, 300, 4095], 12))
    assert pixels(path, window="fixed", window_centre=301, window_width=2) == [0, 255, 0, 255]
    assert pixels(path) == [0, 25, 19, 255]


def test_low_values_are_white_in_monochrome1_and_its_padding_is_black(tmp_path):
    stored = np.array([[0, 85, 170, 255]], dtype=np.uint8)
    assert pixels(dicom(tmp_path / "a", stored, PhotometricInterpretation="MONOCHROME1")) == [255, 170, 85, 0]
    assert pixels(dicom(tmp_path / "b", stored, PresentationLUTShape="INVERSE")) == [255, 170, 85, 0]
    padded = dicom(tmp_path / "c", stored, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)
    assert pixels(padded) == [0, 170, 85, 0]


def test_only_the_stored_bits_count(tmp_path):
    noisy = np.array([[0xF000, 0x1FFF, 0x2800, 0x0001]], dtype=np.uint16)
    assert pixels(dicom(tmp_path / "a", noisy, BitsStored=12)) == [0, 255, 128, 0]
    signed = np.array([[0x0800, 0x07FF, 0x0000, 0x0FFF]], dtype=np.uint16)
    path = dicom(tmp_path / "b", signed, BitsStored=12, PixelRepresentation=1)
    assert pixels(path) == [0, 255, 128, 127]


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_frames_of_an_odd_length_in_either_byte_order(tmp_path, big_endian, dtype):
    low = np.iinfo(dtype).min
    stored = np.arange(3 * 15).reshape(3, 3, 5).astype(dtype) * 2 + low
    path = dicom(tmp_path / "a", stored, frames=3, big_endian=big_endian)
    found = read(path, ImageRule(3, 5, window="fixed", window_centre=int(low) + 128, window_width=256))
    assert [picture.frame for picture in found] == [0, 1, 2]
    assert np.stack([picture.pixels[0] for picture in found]).tolist() == (stored.astype(int) - low).tolist()


def test_a_frame_may_have_a_window_of_its_own(tmp_path):
    def window(centre: str) -> Dataset:
        item, group = Dataset(), Dataset()
        item.WindowCenter, item.WindowWidth = centre, "2"
        group.FrameVOILUTSequence = Sequence([item])
        return group

    stored = np.stack([FOUR, FOUR])
    groups = Sequence([window("100"), window("300")])
    found = read(dicom(tmp_path / "a", stored, frames=2, PerFrameFunctionalGroupsSequence=groups), ImageRule(1, 4))
    assert [picture.pixels.ravel().tolist() for picture in found] == [[0, 255, 255, 255], [0, 0, 0, 255]]


def test_colours_and_planes(tmp_path):
    colours = textured(1, (4, 5, 3))
    found = read(dicom(tmp_path / "a", colours), ImageRule(4, 5, channels=3))[0]
    assert found.colour and (found.pixels == np.moveaxis(colours, 2, 0)).all()
    planes = np.ascontiguousarray(np.moveaxis(colours, 2, 0)).reshape(4, 5, 3)  # the same bytes, plane by plane
    by_plane = read(dicom(tmp_path / "b", planes, PlanarConfiguration=1), ImageRule(4, 5, channels=3))[0]
    assert (by_plane.pixels == found.pixels).all()
    assert read(dicom(tmp_path / "c", FOUR), ImageRule(1, 4, channels=3))[0].pixels.shape == (3, 1, 4)


@pytest.mark.parametrize(
    ("elements", "kind", "words"),
    [({"PhotometricInterpretation": "HSV"}, UNSUPPORTED, "HSV"),
     ({"PhotometricInterpretation": "RGB"}, DAMAGED, "3 samples of RGB"),
     ({"WindowCenter": "1", "WindowWidth": "0.5"}, UNSUPPORTED, "window width"),
     ({"WindowCenter": "1", "WindowWidth": "9", "VOILUTFunction": "CUBIC"}, UNSUPPORTED, "SIGMOID"),
     ({"RescaleSlope": "0"}, UNSUPPORTED, "Rescale Slope"),
     ({"VOILUTSequence": Sequence([Dataset()])}, DAMAGED, "look-up table"),
     ({"ModalityLUTSequence": table(0, [1, 300], 8)}, DAMAGED, "2 entries of 8 bits"),
     ({"Rows": 0}, DAMAGED, "Rows"), ({"NumberOfFrames": 2}, DAMAGED, "16 bytes of pixels"),
     ({"Columns": 3}, DAMAGED, "6 bytes of pixels"), ({"BitsStored": 17}, DAMAGED, "BitsStored")],
)  # fmt: skip
def test_refuses_with_a_reason(tmp_path, elements, kind, words):
    expected = elements.pop("expected", kind)
    if "Columns" in elements:  # more than a frame's bytes may not follow
        elements |= {"Rows": 1, "Columns": 1}
        words = "2 bytes of pixels"
    reason = refused(dicom(tmp_path / "a", FOUR, **elements))
    assert reason.kind == expected and words in reason.words


def test_one_file_gives_the_same_bytes_again(tmp_path):
    path = dicom(tmp_path / "a", textured(5, (40, 30)))
    rule = ImageRule(17, 23, channels=3, resampling="bilinear")
    assert (read(path, rule)[0].pixels == read(path, rule)[0].pixels).all()
