"""`proofward check-images`: everything wrong at once, no patient in what is said, a sheet for the site only."""

from __future__ import annotations

import subprocess
import sys

import h5py
import pytest

from tests.data.images.making import PATIENT, dicom, encoded, png, textured


@pytest.fixture
def scans(tmp_path):
    """Two classes of two pictures."""
    for at, name in enumerate(("ill/a.png", "ill/b.png", "well/c.png", "well/d.png")):
        png(tmp_path / "scans" / name, textured(at, (32, 32)))
    return tmp_path / "scans"


def test_a_folder(proofward, scans):
    said = proofward.json("check-images", scans, "--size", "16x16")
    assert (said["exit"], said["images"], said["would_be_taken"]) == (0, 4, True)
    assert said["classes"] == {"ill": 2, "well": 2} and said["formats"] == {"PNG": 4} and said["problems"] == []
    assert said["rule"]["height"] == 16 and len(said["rule_digest"]) == 64
    result = proofward("check-images", scans, "--size", "16x16")
    assert result.exit_code == 0 and "all of this can be read" in result.output


def test_everything_wrong_is_listed(proofward, scans):
    (scans / "ill" / "cut.jpg").write_bytes(encoded(textured(7, (64, 64)), "JPEG")[:300])
    (scans / "well" / "report.pdf").write_bytes(b"%PDF-1.4")
    (scans / "well" / "link.png").symlink_to("/etc/hostname")
    said = proofward.json("check-images", scans, "--size", "16x16")
    kinds = {problem["file"]: problem["kind"] for problem in said["problems"]}
    assert said["exit"] == 1 and not said["would_be_taken"]
    assert kinds == {"ill/cut.jpg": "damaged", "well/report.pdf": "no image", "well/link.png": "outside the folder"}
    result = proofward("check-images", scans, "--size", "16x16")
    assert result.exit_code == 1 and result.output.count("refused: ") == 3
    assert "nothing of this would be taken: 3 cannot be read" in result.output


def test_patients_are_counted_and_never_shown(proofward, tmp_path):
    for at in range(4):
        path = tmp_path / "scans" / ("ill" if at % 2 else "well") / f"{at}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        dicom(path, textured(at), PatientName="Erika", BurnedInAnnotation="YES" if at == 3 else "NO")
    arguments = ("check-images", tmp_path / "scans", "--size", "16x16")
    said = proofward.json(*arguments)
    assert said["exit"] == 1 and [problem["kind"] for problem in said["problems"]].count("identifying") == 3
    assert [problem["kind"] for problem in said["problems"]].count("burned-in annotation") == 1
    allowed = proofward.json(*arguments, "--allow-identifying", "--allow-burned-in")
    assert (allowed["exit"], allowed["patients"], allowed["images"]) == (0, 1, 4)
    for result in (proofward(*arguments), proofward(*arguments, "--allow-identifying", "--allow-burned-in")):
        assert PATIENT not in result.output and "Erika" not in result.output


def test_a_table_and_doubts(proofward, scans, tmp_path):
    png(scans / "well" / "e.png", textured(0, (32, 32)))
    rows = "".join(f"{name},{name[:3]},P{at}\n" for at, name in enumerate(("ill/a.png", "ill/b.png", "well/e.png")))
    table = tmp_path / "table.csv"
    table.write_text("image,kind,who\n" + rows)
    options = ("--labels", table, "--file-column", "image", "--label-column", "kind", "--patient-column", "who")
    said = proofward.json("check-images", scans, "--size", "8x8", *options)
    assert said["exit"] == 1 and {problem["kind"] for problem in said["problems"]} == {"unlabelled"}
    said = proofward.json("check-images", scans, "--size", "8x8", *options, "--only-listed")
    assert said["exit"] == 1 and (said["patients"], said["copies"], said["problems"]) == (3, 1, [])
    assert len(said["doubts"]) == 2 and not said["would_be_taken"]


def test_the_contact_sheet_stays_at_the_site(proofward, scans, tmp_path):
    sheet = tmp_path / "sheet.png"
    result = proofward("check-images", scans, "--size", "16x16", "--contact-sheet", sheet)
    assert result.exit_code == 0 and "this sheet stays at the site" in " ".join(result.output.split())
    assert sheet.stat().st_mode & 0o777 == 0o600
    again = proofward("check-images", scans, "--size", "16x16", "--contact-sheet", sheet)
    assert again.exit_code == 1 and "there is a file already" in again.output


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--size", "16"), 2), (("--size", "0x9"), 1), (("--size", "8x8", "--window", "bright"), 2),
     (("--size", "8x8", "--window", "40,0"), 1), (("--size", "8x8", "--part", "val"), 1),
     (("--size", "8x8", "--only-listed"), 1), (("--size", "8x8", "--class", "a", "--class", "a"), 1)],
)  # fmt: skip
def test_options_that_mean_nothing(proofward, scans, options, code):
    result = proofward("check-images", scans, *options)
    assert result.exit_code == code and "Traceback" not in result.output


def test_a_window_and_other_files(proofward, scans, tmp_path):
    said = proofward.json("check-images", scans, "--size", "8x8", "--window", "-600,1500", "--colours")
    assert (said["rule"]["window"], said["rule"]["window_centre"], said["rule"]["window_width"]) == ("fixed", -600, 1500)
    (tmp_path / "words.txt").write_text("words")
    result = proofward("check-images", tmp_path / "words.txt", "--size", "8x8")
    assert result.exit_code == 1 and "expected a folder of images" in result.output
    (tmp_path / "nothing").mkdir()
    assert proofward("check-images", tmp_path / "nothing", "--size", "8x8").exit_code == 1


def test_an_hdf5_file_with_slides(proofward, tmp_path):
    path, table = tmp_path / "x.h5", tmp_path / "meta.csv"
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = textured(1, (6, 96, 96, 3)), [0, 1] * 3
    table.write_text("wsi\n" + "A\nB\nC\n" * 2)
    options = ("--size", "32x32", "--colours", "--patients", table, "--patient-column", "wsi")
    said = proofward.json("check-images", path, *options)
    assert (said["exit"], said["images"], said["patients"], said["formats"]) == (0, 6, 3, {"HDF5": 6})
    table.write_text("wsi\nA\n")
    said = proofward.json("check-images", path, *options)
    assert said["exit"] == 1 and "expected 6 rows below the header, found 1" in said["reason"]


@pytest.mark.slow
def test_without_the_extra_the_answer_names_it(scans):
    """Every other command works then, and so does every import."""
    words = (
        "import sys\n"
        "for name in ('PIL', 'pydicom', 'h5py', 'libjpeg', 'openjpeg', 'rle'): sys.modules[name] = None\n"
        "import pkgutil, importlib, proofward.data.images as wing\n"
        "for found in pkgutil.iter_modules(wing.__path__): importlib.import_module(f'{wing.__name__}.{found.name}')\n"
        "from proofward.cli.main import main\n"
        f"main(['check-images', {str(scans)!r}, '--size', '8x8'])\n"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "pip install 'proofward[images]'" in done.stdout + done.stderr
