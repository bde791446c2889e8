"""Records from images: folders, tables of labels and archives give the same integers, and bad sets nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proofward.data.image_records import ImageFiles, read_images
from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.data.reading.plausibility import IMAGES, ONE_CLASS
from proofward.layers.rules.model import FixedPoint
from tests.data.images.making import dicom

SCALES, COUNT = FixedPoint(), 6
SCHEMA = ImageSchema(ImageRule(4, 4), Levels(), ("clear",), ("lump", "mass"))
NAMES = ("clear", "lump", "mass")
PIXELS = np.random.default_rng(3).integers(0, 256, (COUNT, 4, 4), dtype=np.uint8)
CLASSES = [NAMES[at % 3] for at in range(COUNT)]
SIDES = [int(name != "clear") for name in CLASSES]
EXPECTED = SCHEMA.levels.features(PIXELS[:, None], SCALES)


def write_folders(folder, classes=CLASSES):
    for at, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS[at]).save(folder / name / f"{at}.png")
    return folder


def write_npz(path, **more):
    labels = np.array([NAMES.index(name) for name in CLASSES], dtype=np.uint8)
    np.savez(path, **{"images": PIXELS, "labels": labels, **more})
    return path


def by_features(records):
    order = np.lexsort(records.features.T)
    return records.features[order], records.labels[order]


def test_folders_by_class(tmp_path):
    found = read_images(ImageFiles(write_folders(tmp_path / "a")), SCHEMA, SCALES)
    order = np.argsort(CLASSES, kind="stable")
    assert np.array_equal(found.records.features, EXPECTED[order])
    assert found.records.labels.tolist() == [SIDES[at] for at in order] and found.doubts == ()


def test_three_classes_have_numbers_of_their_own(tmp_path):
    schema = replace(SCHEMA, positive=("lump",), others=(("mass",),))
    found = read_images(ImageFiles(write_folders(tmp_path / "a")), schema, SCALES)
    assert found.records.labels.tolist() == sorted(NAMES.index(name) for name in CLASSES)
    with pytest.raises(ImagesRefused, match="one of the classes clear, lump, found mass"):
        read_images(ImageFiles(tmp_path / "a"), replace(SCHEMA, positive=("lump",)), SCALES)


def test_all_layouts_give_the_same_records(tmp_path):
    h5py = pytest.importorskip("h5py")
    expected = by_features(read_images(ImageFiles(write_folders(tmp_path / "a")), SCHEMA, SCALES).records)
    flat = tmp_path / "flat"
    flat.mkdir()
    rows = [f"{at}.png,{name},p{at}" for at, name in enumerate(CLASSES)]
    for at in range(COUNT):
        Image.fromarray(PIXELS[at]).save(flat / f"{at}.png")
    (flat / "labels.csv").write_text("\n".join(["file,finding,patient", *rows]) + "\n")
    scans = tmp_path / "scans"
    for at, name in enumerate(CLASSES):
        (scans / name).mkdir(parents=True, exist_ok=True)
        dicom(scans / name / f"{at}.dcm", PIXELS[at], PatientID="")
    parts = {"train_images": PIXELS[:4], "val_images": PIXELS[4:]}
    numbers = np.array([NAMES.index(name) for name in CLASSES], dtype=np.uint8)
    np.savez(tmp_path / "med.npz", train_labels=numbers[:4, None], val_labels=numbers[4:, None], **parts)
    numbered = ImageSchema(SCHEMA.rule, SCHEMA.levels, ("0",), ("1", "2"))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"], file["y"] = np.repeat(PIXELS[..., None], 3, axis=3), np.array(SIDES, dtype=np.uint8)[:, None, None]
    for files, schema in (
        (ImageFiles(flat, labels=flat / "labels.csv", column="finding"), SCHEMA),
        (ImageFiles(scans), SCHEMA),
        (ImageFiles(write_npz(tmp_path / "named.npz", classes=np.array(NAMES))), SCHEMA),
        (ImageFiles(write_npz(tmp_path / "numbers.npz")), numbered),
        (ImageFiles(tmp_path / "med.npz"), numbered),
        (ImageFiles(tmp_path / "x.h5"), ImageSchema(SCHEMA.rule, SCHEMA.levels)),
    ):
        found = by_features(read_images(files, schema, SCALES).records)
        assert np.array_equal(found[0], expected[0]) and np.array_equal(found[1], expected[1]), files
    one = read_images(ImageFiles(tmp_path / "med.npz", parts=("val",)), numbered, SCALES)
    assert np.array_equal(one.records.features, EXPECTED[4:])


def test_an_archives_own_order_of_classes_does_not_matter(tmp_path):
    turned = NAMES[::-1]
    labels = np.array([turned.index(name) for name in CLASSES])
    np.savez(tmp_path / "a.npz", images=PIXELS, labels=labels, classes=np.array(turned))
    found = read_images(ImageFiles(tmp_path / "a.npz"), SCHEMA, SCALES)
    assert found.records.labels.tolist() == SIDES and np.array_equal(found.records.features, EXPECTED)


def test_a_table_lies_in_the_folder_or_elsewhere(tmp_path, monkeypatch):
    flat = tmp_path / "flat"
    flat.mkdir()
    Image.fromarray(PIXELS[0]).save(flat / "a.png")
    Image.fromarray(PIXELS[1]).save(flat / "b.png")
    text = "file,label\na.png,clear\nb.png,mass\n"
    (tmp_path / "elsewhere.csv").write_text(text)
    (flat / "in.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    for table in (Path("in.csv"), flat / "in.csv", Path("elsewhere.csv")):
        if table.name == "elsewhere.csv":
            (flat / "in.csv").unlink()
        assert read_images(ImageFiles(flat, labels=table), SCHEMA, SCALES).records.labels.tolist() == [0, 1]


def test_sets_that_are_refused(tmp_path):
    folder = write_folders(tmp_path / "a")
    (folder / "other").mkdir()
    Image.fromarray(PIXELS[0]).save(folder / "other" / "0.png")
    (folder / "mass" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    for files, least, words in (
        (ImageFiles(folder), 1, "2 of 8 cannot be read: nothing was taken in"),
        (ImageFiles(write_folders(tmp_path / "b")), 7, "too few images: expected at least 7, .*, found 6"),
        (ImageFiles(write_npz(tmp_path / "n.npz")), 1, "class 0: 2 images"),
        (ImageFiles(tmp_path / "n.npz", labels=tmp_path / "none.csv"), 1, None),
        (ImageFiles(tmp_path / "b", only_listed=True), 1, "means nothing without --labels"),
        (ImageFiles(tmp_path / "b", parts=("train",)), 1, "parts have no meaning"),
    ):
        with pytest.raises((ImagesRefused, OSError), match=words):
            read_images(files, SCHEMA, SCALES, least)


def test_levels_beyond_the_range_of_inputs_are_refused(tmp_path):
    schema = replace(SCHEMA, levels=Levels(SCHEMA.levels.centre, tuple(1e-300 for _ in SCHEMA.levels.spread)))
    with pytest.raises(ImagesRefused, match=r"what the consortium agreed on: .*black and white"):
        read_images(ImageFiles(write_folders(tmp_path / "a")), schema, SCALES)


def test_what_is_doubtful(tmp_path):
    found = read_images(ImageFiles(write_folders(tmp_path / "a", ["lump", "mass"])), SCHEMA, SCALES)
    assert [doubt.check for doubt in found.doubts] == [ONE_CLASS] and "all 2 images are lump or mass" in str(found)
    folder = write_folders(tmp_path / "b")
    Image.fromarray(PIXELS[0]).save(folder / "mass" / "again.png")
    (doubt,) = read_images(ImageFiles(folder), SCHEMA, SCALES).doubts
    assert doubt.check == IMAGES and "under another label" in doubt.words and doubt.short == IMAGES


def test_records_name_their_patients_by_number_and_equal_pictures_share_one(tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for at in range(COUNT):
        Image.fromarray(PIXELS[min(at, COUNT - 2)]).save(flat / f"{at}.png")
    rows = [f"{at}.png,clear,{'pqpqrs'[at]}" for at in range(COUNT)]
    (flat / "labels.csv").write_text("\n".join(["file,label,patient", *rows]) + "\n")
    found = read_images(ImageFiles(flat, labels=Path("labels.csv")), SCHEMA, SCALES)
    assert found.patients.tolist() == [0, 1, 0, 1, 2, 2]
    assert found.dataset[2] is found.patients
