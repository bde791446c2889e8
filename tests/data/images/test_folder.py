"""Folders of images by class or by table: every file is an example or is listed with its reason."""

from __future__ import annotations

import os

import numpy as np
import pytest

from proofward.data.images.contract.example import Example, Unread
from proofward.data.images.contract.identity import patient_digest
from proofward.data.images.contract.refusal import (
    DAMAGED,
    MISSING,
    NO_IMAGE,
    OUTSIDE,
    UNLABELLED,
    ImagesRefused,
)
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import inspect
from proofward.data.images.readers.folder import ImageFolder
from proofward.data.images.readers.listing import Columns, read_listing
from tests.data.images.making import ADMISSION, PATIENT, SALT, dicom, encoded, png, textured

RULE = ImageRule(16, 16)


@pytest.fixture
def root(tmp_path):
    """Two classes of two pictures each."""
    root = tmp_path / "scans"
    for at, name in enumerate(("ill/a.png", "ill/deep/b.png", "well/c.png", "well/d.png")):
        png(root / name, textured(at))
    return root


def listed(root, text: str, **how):
    path = root / "labels.csv"
    path.write_text(text)
    return ImageFolder(root, ADMISSION, listing=read_listing(path, SALT), **how)


def found(source, rule: ImageRule = RULE) -> tuple[dict, dict]:
    """Labels by name, and reasons by name."""
    everything = list(source.examples(rule))
    examples = {one.name: one.label for one in everything if isinstance(one, Example)}
    return examples, {one.name: one.reason for one in everything if isinstance(one, Unread)}


def test_a_folder_is_a_class(root):
    source = ImageFolder(root, ADMISSION)
    assert source.classes == ("ill", "well")
    assert found(source) == ({"ill/a.png": 0, "ill/deep/b.png": 0, "well/c.png": 1, "well/d.png": 1}, {})
    agreed = ImageFolder(root, ADMISSION, ("well", "ill", "unsure"))
    assert found(agreed)[0]["ill/a.png"] == 1
    assert "no image of class unsure" in inspect(agreed, RULE).notes


def test_everything_wrong_is_said_at_once(root):
    (root / "ill" / "empty.png").touch()
    (root / "ill" / "words.txt").write_text("words")
    (root / "well" / "cut.jpg").write_bytes(encoded(textured(9), "JPEG")[:90])
    png(root / "loose.png", textured(8))
    (root / "ill" / ".DS_Store").write_bytes(b"left")
    (root / "Thumbs.db").write_bytes(b"left")
    examples, reasons = found(ImageFolder(root, ADMISSION))
    kinds = {name: reason.kind for name, reason in reasons.items()}
    assert kinds == {"ill/empty.png": DAMAGED, "ill/words.txt": NO_IMAGE, "well/cut.jpg": DAMAGED, "loose.png": UNLABELLED}
    assert len(examples) == 4 and all(reason.expected and reason.actual for reason in reasons.values())
    inspection = inspect(ImageFolder(root, ADMISSION), RULE)
    assert len(inspection.problem_lines()) == 4
    assert any(note.startswith("files that were not looked at: 2") for note in inspection.notes)
    with pytest.raises(ImagesRefused, match="4 of 8 cannot be read: nothing was taken in") as refusal:
        inspection.require()
    assert refusal.value.problems == tuple(inspection.problem_lines())


def test_a_class_that_is_not_agreed(root):
    _, reasons = found(ImageFolder(root, ADMISSION, ("ill", "healthy")))
    assert {name for name, reason in reasons.items() if reason.kind == UNLABELLED} == {"well/c.png", "well/d.png"}


def test_links_and_pipes_are_never_opened(root, tmp_path):
    outside = tmp_path / "outside"
    png(outside / "secret.png", textured(7))
    (root / "ill" / "link.png").symlink_to(outside / "secret.png")
    (root / "ill" / "inside.png").symlink_to(root / "ill" / "a.png")
    (root / "well" / "folder").symlink_to(outside)
    (root / "gone.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(root / "ill" / "pipe.png")
    examples, reasons = found(ImageFolder(root, ADMISSION))
    assert len(examples) == 4 and {reason.kind for reason in reasons.values()} == {OUTSIDE}
    assert set(reasons) == {"ill/link.png", "ill/inside.png", "well/folder", "gone.png", "ill/pipe.png"}


@pytest.mark.parametrize("name", ["../outside/secret.png", "/etc/passwd", "ill/../../outside/secret.png", "c:\\x.png"])
def test_a_table_cannot_lead_out(root, tmp_path, name):
    png(tmp_path / "outside" / "secret.png", textured(7))
    _, reasons = found(listed(root, f"file,label\n{name},ill\n", only_listed=True))
    assert {name: OUTSIDE} == {name: reason.kind for name, reason in reasons.items()}


TABLE = f"label,file,patient\nsick,ill/a.png,{PATIENT}\nsick,ill/deep/b.png,{PATIENT}\nfine,well/c.png,P2\nfine,well/d.png,P3\n"


def test_a_table_of_labels_and_patients(root):
    source = listed(root, TABLE)
    everything = list(source.examples(RULE))
    assert [one.label for one in everything] == [1, 1, 0, 0] and source.classes == ("fine", "sick")
    assert [one.picture.patient for one in everything] == [patient_digest(SALT, p) for p in (PATIENT.encode(), PATIENT.encode(), b"P2", b"P3")]
    assert len(set(inspect(source, RULE).patients)) == 3 and PATIENT not in repr(everything)


def test_a_table_with_a_site_s_own_columns(root):
    path = root / "labels.csv"
    path.write_text("Path;x\n".replace(";", ",") + "ill/a.png,sick\n")
    with pytest.raises(ImagesRefused, match="columns file, label"):
        read_listing(path, SALT)
    listing = read_listing(path, SALT, Columns("path", "X"))
    assert listing.files["ill/a.png"].label == "sick" and listing.files["ill/a.png"].patient is None


def test_every_row_that_says_nothing_usable(root):
    text = TABLE + f"sick,ill/a.png,{PATIENT}\n,x.png,{PATIENT}\nsick,,{PATIENT}\nsick,y.png,\nsick\nsick,nowhere.png,P9\n\n"
    examples, reasons = found(listed(root, text))
    assert len(examples) == 4
    assert {name: reason.kind for name, reason in reasons.items()} == {
        "labels.csv, row 6": DAMAGED, "labels.csv, row 7": UNLABELLED, "labels.csv, row 8": MISSING,
        "labels.csv, row 9": MISSING, "labels.csv, row 10": DAMAGED, "nowhere.png": MISSING}  # fmt: skip
    assert PATIENT not in " ".join(reason.words for reason in reasons.values())


def test_files_that_the_table_does_not_name(root):
    text = "file,label\nill/a.png,sick\n"
    _, reasons = found(listed(root, text))
    assert {reason.kind for reason in reasons.values()} == {UNLABELLED} and len(reasons) == 3
    source = listed(root, text, only_listed=True)
    assert found(source) == ({"ill/a.png": 0}, {}) and len(source.ignored) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "each of the columns file, label"), ("file\n", "label"), ("file,label\n", "no rows"), (b"file,label\n\xff\n", "UTF-8"),
     ("file,label,label\n", "label"), ("file,label,patient,patient\nx,y,1,2\n", "patient")],
)  # fmt: skip
def test_a_table_that_is_none(tmp_path, text, words):
    path = tmp_path / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ImagesRefused, match=words):
        read_listing(path, SALT)


def test_dicom_beside_pictures_is_a_doubt(root):
    dicom(root / "ill" / "scan.png", textured(5))  # by what is in it, not by its name
    stored = np.stack([textured(20), textured(21)])
    dicom(root / "well" / "two", stored, frames=2)
    examples, reasons = found(ImageFolder(root, ADMISSION))
    assert not reasons and examples["ill/scan.png"] == 0 and examples["well/two#1"] == 1
    inspection = inspect(ImageFolder(root, ADMISSION), RULE)
    assert "mixed: 3 DICOM, 4 PNG" in inspection.doubts and inspection.kinds == {"DICOM": 3, "PNG": 4}
    assert sum(patient is None for patient in inspection.patients) == 4


def test_the_table_s_patient_wins(root):
    dicom(root / "ill" / "a.png", textured(5))
    first = next(iter(listed(root, TABLE).examples(RULE)))
    assert first.picture.kind == "DICOM" and first.picture.patient == patient_digest(SALT, PATIENT.encode())


def test_no_folder(tmp_path):
    with pytest.raises(ImagesRefused, match="expected a folder"):
        ImageFolder(tmp_path / "nowhere", ADMISSION)
    assert len(inspect(ImageFolder(tmp_path, ADMISSION), RULE)) == 0
