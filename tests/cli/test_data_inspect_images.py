"""`proofward data inspect` on images: a contact sheet by a size or a consortium's rule, and no option of tables."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.cli.own_images import CLASSES, SIDE, write_folders, write_npz, write_project


def test_a_folder_at_a_size_and_its_sheet(proofward, tmp_path):
    folder, sheet = write_folders(tmp_path / "data")[0], tmp_path / "sheet.png"
    said = proofward.json("data", "inspect", folder, "--size", "8x12", "--out", sheet)
    assert (said["exit"], said["images"], said["classes"]) == (0, 16, dict.fromkeys(CLASSES, 8))
    assert (said["rule"]["height"], said["rule"]["width"], said["contact_sheet"]) == (8, 12, str(sheet))
    assert sheet.stat().st_mode & 0o077 == 0 and Image.open(sheet).format == "PNG"
    again = proofward("data", "inspect", folder, "--size", "8x12", "--out", sheet)
    assert again.exit_code == 1 and "there is a file already" in again.stderr


def test_by_a_consortiums_rule(proofward, tmp_path):
    folder, path = write_folders(tmp_path / "data")[0], write_project(tmp_path, label='positive = "mass"\nnegative = "none"')
    said = proofward.json("data", "inspect", folder, "--consortium", path)
    assert said["rule"]["height"] == SIDE and not said["would_be_taken"] and said["exit"] == 1
    assert "one of the classes none, mass" in said["problems"][0]["reason"], said["problems"]
    path = write_project(tmp_path)
    assert proofward.json("data", "inspect", folder, "--consortium", path)["would_be_taken"]


def test_archives(proofward, tmp_path):
    archive, h5 = write_npz(tmp_path / "a.npz"), tmp_path / "x.h5"
    assert proofward.json("data", "inspect", archive, "--size", "16x16")["images"] == 16
    with h5py.File(h5, "w") as file:
        file["x"] = np.random.default_rng(1).integers(0, 256, (4, 96, 96, 3), dtype=np.uint8)
        file["y"] = np.array([0, 1, 0, 1], np.uint8).reshape(4, 1, 1, 1)
    assert proofward.json("data", "inspect", h5, "--size", "16x16")["images"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "is looked at as images: expected either --consortium, a file of one on images, or --size"),
        (("--size", "8"), "expected HEIGHTxWIDTH"),
        (("--size", "8x8", "--out", "page.html"), "--out: expected a name that ends in .png"),
        (("--size", "8x8", "--label", "ill"), "--label is of tables"),
        (("--size", "8x8", "--delimiter", "tab"), "--delimiter is of tables"),
    ],
)
def test_wrong_use(proofward, tmp_path, arguments, words):
    folder = write_folders(tmp_path / "data", count=2)[0]
    result = proofward("data", "inspect", folder, *arguments)
    assert result.exit_code == 2 and words in " ".join(result.stderr.split()), result.stderr


def test_a_picture_alone_and_a_table_with_options_of_images(proofward, tmp_path):
    folder = write_folders(tmp_path / "data", count=2)[0]
    alone = proofward("data", "inspect", next(folder.rglob("*.png")), "--size", "8x8")
    assert alone.exit_code == 1 and "expected a folder of images" in alone.stderr
    (tmp_path / "a.csv").write_text("age,label\n1,0\n2,1\n")
    result = proofward("data", "inspect", tmp_path / "a.csv", "--allow-burned-in")
    assert result.exit_code == 2 and "--allow-burned-in is of images" in " ".join(result.stderr.split())
