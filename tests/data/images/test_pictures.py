"""PNG, JPEG and TIFF files: depth, palettes, transparency, CMYK, orientation, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.refusal import DAMAGED, NO_IMAGE, TOO_LARGE, UNSUPPORTED, ImageRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.readers.pictures import picture_in
from tests.data.images.making import encoded, textured
from tests.peak_memory import begin_peak, peak_megabytes

GREY = textured(1, (6, 4))
COLOURS = textured(2, (6, 4, 3))


def read(tmp_path, data: bytes, rule: ImageRule | None = None, limits: Limits | None = None):
    path = tmp_path / "picture"
    path.write_bytes(data)
    return picture_in(path, rule or ImageRule(6, 4, channels=3), limits or Limits())


def reason(tmp_path, data: bytes, rule: ImageRule | None = None, limits: Limits | None = None):
    with pytest.raises(ImageRefused) as refusal:
        read(tmp_path, data, rule, limits)
    return refusal.value.reason


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def grey(picture) -> list:
    assert not picture.colour and (picture.pixels == picture.pixels[:1]).all()
    return picture.pixels[0].tolist()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_whole_pictures(tmp_path, kind):
    assert grey(read(tmp_path, encoded(GREY, kind))) == GREY.tolist()
    found = read(tmp_path, encoded(COLOURS, kind))
    assert found.kind == kind and found.colour and (found.pixels == np.moveaxis(COLOURS, 2, 0)).all()


def test_jpeg_is_what_pillow_decodes(tmp_path):
    data = encoded(GREY, "JPEG", quality=95)
    assert grey(read(tmp_path, data)) == np.asarray(Image.open(io.BytesIO(data))).tolist()
    progressive = encoded(COLOURS, "JPEG", progressive=True)
    assert read(tmp_path, progressive).pixels.shape == (3, 6, 4)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_compressed_tiff(tmp_path, compression):
    found = grey(read(tmp_path, encoded(GREY, "TIFF", compression=compression)))
    assert np.abs(np.array(found) - GREY).max() <= (60 if compression == "jpeg" else 0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits(tmp_path, kind):
    deep = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    data = encoded(deep, kind)
    assert grey(read(tmp_path, data, ImageRule(1, 4))) == [[0, 1, 128, 255]]
    window = ImageRule(1, 4, window="fixed", window_centre=257, window_width=2)
    assert grey(read(tmp_path, data, window)) == [[0, 255, 255, 255]]


def test_a_big_endian_and_a_wide_tiff(tmp_path):
    def tiff(order: str, bits: int, form: int, values: list[int]) -> bytes:
        """One row of grey values, uncompressed."""
        kind = {16: "H", 32: "I"}[bits] if form == 1 else {16: "h", 32: "i"}[bits]
        tags = [(256, 4, len(values)), (257, 4, 1), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8),
                (277, 3, 1), (278, 4, 1), (279, 4, len(values) * bits // 8), (339, 3, form)]  # fmt: skip
        data = struct.pack(f"{order}{len(values)}{kind}", *values)
        out = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, 8 + len(data)) + data
        out += struct.pack(f"{order}H", len(tags))
        for tag, width, value in tags:
            out += struct.pack(f"{order}HHI", tag, width, 1)
            out += (struct.pack(f"{order}H2x", value) if width == 3 else struct.pack(f"{order}I", value))
        return out + bytes(4)

    rule = ImageRule(1, 4)
    for order in "<>":
        assert grey(read(tmp_path, tiff(order, 16, 1, [0, 257, 32896, 65535]), rule)) == [[0, 1, 128, 255]]
    assert grey(read(tmp_path, tiff("<", 32, 2, [-(1 << 31), 0, 1 << 30, (1 << 31) - 1]), rule))[0] == [0, 128, 191, 255]


def test_palette_transparency_and_black_and_white(tmp_path):
    palette = Image.fromarray(np.array([[0, 1, 2, 3]], np.uint8), "P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 10, 20, 30])
    rule = ImageRule(1, 4, channels=3)
    found = read(tmp_path, saved(palette, "PNG"), rule).pixels
    assert np.moveaxis(found, 0, 2).tolist() == [[[0, 0, 0], [255, 0, 0], [0, 255, 0], [10, 20, 30]]]
    keyed = read(tmp_path, saved(palette, "PNG", transparency=1), rule).pixels
    assert np.moveaxis(keyed, 0, 2)[0, 1].tolist() == [0, 0, 0]
    assert grey(read(tmp_path, saved(Image.new("1", (4, 1), 1), "PNG"), rule)) == [[255] * 4]


def test_alpha_lies_over_black(tmp_path):
    alpha = np.array([[0, 51, 128, 255]], np.uint8)
    layers = np.dstack([np.full((1, 4, 3), 200, np.uint8), alpha])
    expected = [[0, 40, 100, 200]]
    rule = ImageRule(1, 4, channels=3)
    assert read(tmp_path, encoded(layers, "PNG"), rule).pixels.tolist() == [expected] * 3
    pair = Image.merge("LA", [Image.new("L", (4, 1), 200), Image.fromarray(alpha)])
    assert grey(read(tmp_path, saved(pair, "PNG"), rule)) == expected
    key = read(tmp_path, saved(Image.fromarray(np.array([[9, 8, 9, 7]], np.uint8)), "PNG", transparency=9), rule)
    assert grey(key) == [[0, 8, 0, 7]]


def test_cmyk(tmp_path):
    inks = Image.fromarray(textured(3, (6, 4, 4)), "CMYK")
    found = read(tmp_path, saved(inks, "TIFF"))
    assert (np.moveaxis(found.pixels, 0, 2) == np.asarray(inks.convert("RGB"))).all()
    assert read(tmp_path, saved(inks, "JPEG")).colour


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1], 5: GREY.T, 6: np.rot90(GREY, -1),
              7: np.rot90(GREY, 2).T, 8: np.rot90(GREY)}[orientation]  # fmt: skip
    found = read(tmp_path, encoded(GREY, "PNG", exif=exif), ImageRule(*turned.shape))
    assert grey(found) == turned.tolist()


def test_colours_become_luma(tmp_path):
    found = read(tmp_path, encoded(COLOURS, "PNG"), ImageRule(6, 4))
    assert found.colour  # in the file
    assert found.pixels.tolist() == [np.asarray(Image.fromarray(COLOURS).convert("L")).tolist()]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_file_that_is_cut_short_is_damaged(tmp_path, kind, share):
    data = encoded(textured(4, (64, 64)), kind)
    found = reason(tmp_path, data[: max(4, int(len(data) * share))])
    assert found.kind == DAMAGED, found.words


def test_a_changed_png_is_damaged(tmp_path):
    data = bytearray(encoded(textured(4, (64, 64)), "PNG"))
    data[len(data) // 2] ^= 1
    assert reason(tmp_path, bytes(data)).kind == DAMAGED


def test_changed_bytes_are_read_or_refused(tmp_path, rng):
    for kind in ("PNG", "TIFF", "JPEG"):
        whole = encoded(textured(5, (12, 12)), kind)
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 3)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                read(tmp_path, bytes(data), limits=Limits(pixels=1 << 14))
            except ImageRefused as refusal:
                assert refusal.reason.words


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header declares so many pixels of zeros."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    zeros = zlib.compress(bytes(1 << 22), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zeros) + chunk(b"IEND", b"")


def test_bombs_cost_nothing(tmp_path):
    begin = begin_peak()
    for width, height in ((60000, 60000), (1 << 30, 1 << 30), (8193, 8193)):
        found = reason(tmp_path, bomb(width, height))
        assert found.kind in (TOO_LARGE, DAMAGED) and found.words
    assert "8193 x 8193" in reason(tmp_path, bomb(8193, 8193)).actual
    assert "67108864 pixels" in reason(tmp_path, bomb(8193, 8193)).expected
    assert peak_megabytes() - begin < 30


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_limits_are_the_sites(tmp_path, kind):
    found = reason(tmp_path, encoded(GREY, kind), limits=Limits(pixels=23))
    assert (found.kind, found.actual) == (TOO_LARGE, "4 x 6")
    assert reason(tmp_path, encoded(GREY, kind), limits=Limits(file_bytes=9)).kind == TOO_LARGE


def test_other_files(tmp_path):
    assert reason(tmp_path, b"").kind == DAMAGED
    assert reason(tmp_path, b"words" * 9).kind == NO_IMAGE
    assert reason(tmp_path, encoded(GREY, "GIF")).kind == NO_IMAGE
    assert reason(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n").kind == NO_IMAGE  # never handed to Ghostscript
    floats = saved(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF")
    assert reason(tmp_path, floats).kind == UNSUPPORTED
    pages = saved(Image.fromarray(GREY), "TIFF", save_all=True, append_images=[Image.fromarray(GREY)])
    assert reason(tmp_path, pages).words.startswith("unsupported: expected one picture in a file, found 2")
    moving = saved(Image.fromarray(GREY), "PNG", save_all=True, append_images=[Image.fromarray(255 - GREY)])
    assert reason(tmp_path, moving).kind == UNSUPPORTED
