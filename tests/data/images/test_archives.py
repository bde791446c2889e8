"""MedMNIST archives and PatchCamelyon files: read in pieces, and refused before they cost anything."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.example import Example, Unread
from proofward.data.images.contract.identity import patient_digest
from proofward.data.images.contract.refusal import (
    DAMAGED,
    MISSING,
    NO_IMAGE,
    OUTSIDE,
    TOO_LARGE,
    UNLABELLED,
    UNSUPPORTED,
    ImagesRefused,
)
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import inspect
from proofward.data.images.patient_split import patient_split
from proofward.data.images.readers.medmnist import MedMnist
from proofward.data.images.readers.patchcamelyon import PatchCamelyon
from proofward.data.images.readers.patient_column import read_patients
from proofward.data.images.stream import batches
from tests.data.images.making import SALT, textured
from tests.peak_memory import begin_peak, peak_megabytes
from tests.real_data import real_data

RULE = ImageRule(28, 28)
IMAGES, LABELS = textured(1, (9, 28, 28)), (np.arange(9) % 3).astype(np.uint8)[:, None]
PATCHES, TUMOURS = textured(2, (7, 96, 96, 3)), (np.arange(7) % 2).astype(np.uint8).reshape(7, 1, 1, 1)


def only_reason(source, rule: ImageRule = RULE):
    """The one reason why nothing of a file is read."""
    everything = list(source.examples(rule))
    assert isinstance(everything[-1], Unread), "read"
    return everything[-1].reason


def medmnist(path, **arrays):
    np.savez_compressed(path, **({"train_images": IMAGES, "train_labels": LABELS} | arrays))
    return MedMnist(path)


def test_medmnist(tmp_path):
    source = medmnist(tmp_path / "a.npz", val_images=IMAGES[:2, ::-1], val_labels=LABELS[:2])
    everything = list(source.examples(RULE))
    assert source.classes == ("0", "1", "2") and [one.part for one in everything] == ["train"] * 9 + ["val"] * 2
    assert (np.stack([one.picture.pixels[0] for one in everything[:9]]) == IMAGES).all()
    assert [one.label for one in everything[:9]] == LABELS.ravel().tolist()
    part = MedMnist(source.path, agreed=("a", "b", "c"), parts=("val",))
    assert inspect(part, RULE).by_class == {"a": 1, "b": 1, "c": 0}


def test_colours_and_plain_names(tmp_path):
    np.savez(tmp_path / "a.npz", images=textured(3, (4, 28, 28, 3)), labels=np.arange(4), classes=np.array(["p", "q", "r", "s"]))
    source = MedMnist(tmp_path / "a.npz")
    assert source.classes == ("p", "q", "r", "s")
    assert all(one.picture.colour for one in source.examples(RULE)) and len(inspect(source, RULE)) == 4


@pytest.mark.parametrize(
    ("arrays", "kind"),
    [({"train_images": IMAGES.astype(np.float32)}, UNSUPPORTED), ({"train_images": IMAGES[0]}, UNSUPPORTED),
     ({"train_images": np.asfortranarray(IMAGES)}, UNSUPPORTED), ({"train_labels": LABELS[:8]}, UNLABELLED),
     ({"train_labels": np.zeros((9, 14), np.uint8)}, UNLABELLED), ({"train_labels": LABELS - 1.0}, UNLABELLED),
     ({"train_labels": LABELS.astype(np.int64) - 1}, UNLABELLED), ({"train_images": IMAGES[:0]}, TOO_LARGE)],
)  # fmt: skip
def test_arrays_that_are_no_labelled_images(tmp_path, arrays, kind):
    medmnist(tmp_path / "a.npz", **arrays)
    assert only_reason(MedMnist(tmp_path / "a.npz", agreed=("a", "b", "c"))).kind == kind


def test_missing_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=IMAGES)
    assert only_reason(MedMnist(tmp_path / "a.npz", agreed=("a",))).kind == MISSING
    np.savez(tmp_path / "b.npz", x=IMAGES)
    assert only_reason(MedMnist(tmp_path / "b.npz", agreed=("a",))).kind == UNSUPPORTED
    with pytest.raises(ImagesRefused, match="MedMNIST's arrays"):
        _ = MedMnist(tmp_path / "b.npz").classes
    medmnist(tmp_path / "c.npz")
    assert only_reason(MedMnist(tmp_path / "c.npz", agreed=("a",), parts=("test",))).kind == UNSUPPORTED
    assert only_reason(MedMnist(tmp_path / "c.npz", agreed=("a", "b"))).kind == UNLABELLED


def test_objects_are_never_unpickled(tmp_path):
    class Harm:
        def __reduce__(self):
            return (exec, ("raise SystemExit('unpickled')",))

    medmnist(tmp_path / "a.npz", train_labels=np.array([Harm()] * 9, dtype=object))
    reason = only_reason(MedMnist(tmp_path / "a.npz", agreed=("a", "b")))
    assert reason.kind == UNSUPPORTED and "never read" in reason.actual


def archive(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return MedMnist(path, agreed=("a", "b", "c"))


def npy(values: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    """An array's bytes, with another shape in the header where one is given."""
    out = io.BytesIO()
    np.save(out, values)
    data = out.getvalue()
    if shape is None:
        return data
    start = 10 + struct.unpack("<H", data[8:10])[0]
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": values.dtype.str, "fortran_order": False, "shape": shape})
    return out.getvalue() + data[start:]


@pytest.mark.slow
def test_bombs_are_refused_by_their_headers(tmp_path):
    begin = begin_peak()
    labels = npy(LABELS)
    zeros = archive(tmp_path / "a.npz", {"train_images": npy(np.zeros((1 << 15, 28, 28), np.uint8)), "train_labels": labels})
    low = begin_peak()
    reason = only_reason(zeros)
    assert reason.kind == TOO_LARGE and "200 times" in reason.expected
    lie = archive(tmp_path / "b.npz", {"train_images": npy(IMAGES, (1 << 40, 28, 28)), "train_labels": labels})
    reason = only_reason(lie)
    assert reason.kind == DAMAGED and str((1 << 40) * 784) in reason.expected
    wide = archive(tmp_path / "c.npz", {"train_images": npy(IMAGES), "train_labels": npy(np.zeros((9, 1 << 20), np.uint8))})
    assert only_reason(wide).kind == TOO_LARGE
    many = archive(tmp_path / "d.npz", {f"x{at}": labels for at in range(300)})
    assert only_reason(many).kind == TOO_LARGE
    assert peak_megabytes() - low < 30 and begin > 0


def test_damaged_archives(tmp_path):
    medmnist(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    assert only_reason(MedMnist(tmp_path / "cut.npz", agreed=("a",) * 1)).kind == DAMAGED
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    (tmp_path / "flip.npz").write_bytes(flipped)
    assert only_reason(MedMnist(tmp_path / "flip.npz", agreed=("a", "b", "c"))).kind == DAMAGED
    assert only_reason(archive(tmp_path / "b.npz", {"train_images": b"words", "train_labels": npy(LABELS)})).kind == NO_IMAGE
    with zipfile.ZipFile(tmp_path / "twice.npz", "w") as file:
        file.writestr("train_images.npy", npy(IMAGES))
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("train_images.npy", npy(IMAGES))
    assert only_reason(MedMnist(tmp_path / "twice.npz", agreed=("a",))).kind == TOO_LARGE


def patches(path, x=PATCHES, y=TUMOURS, **how):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=x, **how)
        if y is not None:
            file.create_dataset("y", data=y)
    return PatchCamelyon(path)


@pytest.mark.parametrize("how", [{}, {"chunks": (2, 96, 96, 3)}, {"chunks": (3, 96, 96, 3), "compression": "gzip", "shuffle": True}])
def test_patchcamelyon(tmp_path, how):
    everything = list(patches(tmp_path / "a.h5", **how).examples(ImageRule(96, 96, channels=3)))
    assert (np.stack([one.picture.pixels for one in everything]) == np.moveaxis(PATCHES, 3, 1)).all()
    assert [one.label for one in everything] == [0, 1, 0, 1, 0, 1, 0]


def test_slides_of_patches_are_patients(tmp_path):
    meta = tmp_path / "camelyonpatch_level_2_split_train_meta.csv"
    rows = "".join(f"{at},1,2,True,slide_{at // 2}\n" for at in range(7))
    meta.write_text("id,coord_y,coord_x,tumor_patch,wsi\n" + rows)
    patients = read_patients(meta, SALT, "wsi")
    source = replace(patches(tmp_path / "a.h5"), patients=patients)
    inspection = inspect(source, RULE)
    assert len(set(inspection.patients)) == 4 and inspection.patients[0] == patient_digest(SALT, b"slide_0")
    assert "slide_" not in repr(source) + repr(inspection)
    for seed in range(3):
        who = [{inspection.patients[at] for at in part} for part in patient_split(inspection, seed)]
        assert who[0] and who[1] and not who[0] & who[1]
    with pytest.raises(ImagesRefused, match="expected 7 rows below the header, found 6"):
        inspect(replace(source, patients=patients[:6]), RULE)
    with pytest.raises(ImagesRefused, match="the column slide once"):
        read_patients(meta, SALT, "slide")
    meta.write_text("wsi\nA\n \n")
    with pytest.raises(ImagesRefused, match="row 3: expected a patient"):
        read_patients(meta, SALT, "wsi")


def test_images_and_labels_in_two_files(tmp_path):
    patches(tmp_path / "camelyonpatch_level_2_split_train_x.h5", y=None)
    with h5py.File(tmp_path / "camelyonpatch_level_2_split_train_y.h5", "w") as file:
        file["y"] = TUMOURS
    source = PatchCamelyon(tmp_path / "camelyonpatch_level_2_split_train_x.h5")
    assert len([one for one in source.examples(RULE) if isinstance(one, Example)]) == 7
    assert only_reason(patches(tmp_path / "alone.h5", y=None)).kind == MISSING


@pytest.mark.parametrize(
    ("x", "y", "kind"),
    [(PATCHES.astype(np.uint16), TUMOURS, UNSUPPORTED), (PATCHES[0], TUMOURS, UNLABELLED),
     (PATCHES, TUMOURS[:5], UNLABELLED), (PATCHES, TUMOURS * 9, UNLABELLED), (PATCHES, TUMOURS * 0.5, UNLABELLED)],
)  # fmt: skip
def test_data_sets_that_are_no_labelled_images(tmp_path, x, y, kind):
    assert only_reason(patches(tmp_path / "a.h5", x, y)).kind == kind


def test_nothing_outside_the_file_is_read(tmp_path):
    patches(tmp_path / "other.h5")
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["x"], file["y"] = h5py.ExternalLink("other.h5", "x"), TUMOURS
    assert only_reason(PatchCamelyon(tmp_path / "links.h5")).kind == OUTSIDE
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["z"], file["x"] = h5py.ExternalLink("other.h5", "x"), h5py.SoftLink("/z")
    assert only_reason(PatchCamelyon(tmp_path / "soft.h5")).kind == OUTSIDE
    layout = h5py.VirtualLayout(PATCHES.shape, np.uint8)
    layout[...] = h5py.VirtualSource(tmp_path / "other.h5", "x", PATCHES.shape)
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    assert only_reason(PatchCamelyon(tmp_path / "virtual.h5")).kind == OUTSIDE
    (tmp_path / "raw").write_bytes(PATCHES.tobytes())
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("x", PATCHES.shape, np.uint8, external=[(str(tmp_path / "raw"), 0, PATCHES.nbytes)])
    assert only_reason(PatchCamelyon(tmp_path / "external.h5")).kind == OUTSIDE


def test_unwritten_parts_are_no_black_images(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        x = file.create_dataset("x", (1 << 20, 96, 96, 3), np.uint8, chunks=(1, 96, 96, 3))
        x[0] = PATCHES[0]
        file["y"] = np.zeros(1 << 20, np.uint8)
    reason = only_reason(PatchCamelyon(tmp_path / "a.h5"))
    assert reason.kind == DAMAGED and reason.actual == "1 that were written"
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("x", (9, 96, 96, 3), np.uint8)
    assert only_reason(PatchCamelyon(tmp_path / "b.h5")).kind == DAMAGED


def test_other_hdf5_files(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=PATCHES, chunks=True, compression="lzf")
    assert only_reason(PatchCamelyon(tmp_path / "a.h5")).kind == UNSUPPORTED
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_group("x")
    assert only_reason(PatchCamelyon(tmp_path / "b.h5")).kind == UNSUPPORTED
    patches(tmp_path / "c.h5", chunks=(2, 96, 96, 3), compression="gzip")
    whole = (tmp_path / "c.h5").read_bytes()
    for name, data in (("cut", whole[: len(whole) // 2]), ("words", b"words"), ("mark", whole[:8] + bytes(500))):
        (tmp_path / name).write_bytes(data)
        assert only_reason(PatchCamelyon(tmp_path / name)).kind == DAMAGED
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    (tmp_path / "flip").write_bytes(flipped)
    assert only_reason(PatchCamelyon(tmp_path / "flip")).kind == DAMAGED
    assert only_reason(PatchCamelyon(tmp_path / "c.h5", Limits(pixels=95 * 96))).kind == TOO_LARGE


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_a_set_larger_than_memory(tmp_path, kind):
    """Eighty megabytes go through in batches of a few."""
    count = 3000
    images = np.tile(PATCHES[:1], (count, 1, 1, 1))
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.arange(count) % 256, np.arange(count) // 256
    labels = (np.arange(count) % 2).astype(np.uint8)
    if kind == "h5":
        source = patches(tmp_path / "a.h5", images, labels, chunks=(10, 96, 96, 3))
    else:
        np.savez(tmp_path / "a.npz", train_images=images, train_labels=labels)
        source = MedMnist(tmp_path / "a.npz")
    size = images.nbytes / 1e6
    del images
    low = begin_peak()
    inspection = inspect(source, ImageRule(96, 96, channels=3))
    seen = sum(len(batch.labels) for batch in batches(source, inspection, 64))
    assert (seen, inspection.copies) == (count, 0) and size > 80
    assert peak_megabytes() - low < 40


def test_real_brain_scans():
    source = MedMnist(real_data("brain_mri_64.npz"))
    inspection = inspect(source, ImageRule(64, 64))
    assert list(inspection.by_class.values()) == [395, 826, 822, 827] and len(inspection) == 2870
    assert inspection.classes[0] == "no_tumor" and inspection.copies == 101 and not inspection.doubts


def test_real_chest_x_rays_repeat_between_parts():
    source = MedMnist(real_data("chest_xray_28_train.npz"))
    inspection = inspect(source, RULE)
    assert inspection.by_part == {"train": 4690, "val": 524} and inspection.copies == 8
    assert [doubt.partition(" (")[0] for doubt in inspection.doubts] == ["repeats of an image of another part: 8"]
