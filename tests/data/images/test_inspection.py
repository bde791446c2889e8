"""A set as a whole: copies, doubts, streams of what was inspected, parts without a common patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from proofward.data.images.contact_sheet import WARNING, ContactSheet
from proofward.data.images.contract.example import Example, Picture, Unread
from proofward.data.images.contract.refusal import DAMAGED, ImageRefused, ImagesRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import CONSTANT, ONE_CLASS, inspect, shown
from proofward.data.images.patient_split import patient_split
from proofward.data.images.readers.folder import ImageFolder
from proofward.data.images.stream import batches
from proofward.layers.basics.errors import ConfigurationError
from tests.data.images.making import ADMISSION, png, textured

RULE = ImageRule(16, 16)


@dataclass
class Given:
    """A source of what the test gives."""

    found: list[Example | Unread]
    classes: tuple[str, ...] = ("no", "yes")
    ignored: tuple[str, ...] = ()

    def examples(self, rule: ImageRule) -> Iterator[Example | Unread]:
        return iter(self.found)


def example(seed: int, label: int = 0, patient: str = "", part: str = "", name: str = "") -> Example:
    digest = patient.encode().ljust(32) if patient else None
    return Example(name or f"image {seed}", Picture(textured(seed)[None], "PNG", False, patient=digest), label, part)


def inspected(*found: Example | Unread):
    return inspect(Given(list(found)), RULE)


UNREAD = Unread("bad", ImageRefused(DAMAGED, "a picture", "none").reason)


def test_copies_are_counted_and_noted():
    found = inspected(example(1), example(2, 1), example(1), example(1), example(3))
    assert found.copies == 2 and len(found) == 5 and found.by_class == {"no": 4, "yes": 1}
    assert "repeats of an earlier image, to the last pixel: 2 (image 1, image 1)" in found.notes and not found.doubts


@pytest.mark.parametrize(
    ("other", "words"),
    [(example(1, 1), "label"), (example(1, 0, part="test"), "of another part"), (example(1, 0, "B"), "another patient")],
)  # fmt: skip
def test_a_copy_that_contradicts_is_a_doubt(other, words):
    found = inspected(example(1), example(2, 1), other)
    assert len(found.doubts) == 1 and words in found.doubts[0]


def test_other_doubts():
    flat = Example("flat", Picture(np.full((1, 16, 16), 7, np.uint8), "PNG", False), 0)
    assert set(inspected(flat, example(1)).doubts) == {f"{CONSTANT}: 1 (flat)", ONE_CLASS}
    coloured = Example("c", Picture(textured(5)[None], "PNG", True), 1)
    assert inspected(example(1), coloured).doubts == ("mixed: 1 coloured and 1 grey",)


def test_names_cannot_steer_a_terminal():
    assert shown("a\x1b[2Jb\n") == "a\\x1b[2Jb\\n" and shown("Köln.png") == "Köln.png"
    bad = Unread("\x1b]0;x\x07", UNREAD.reason)
    assert "\x1b" not in "".join(inspected(bad, example(1, name="\x1b[1m"), example(1)).problem_lines())


def test_nothing_is_streamed_of_a_set_with_one_bad_file():
    found = inspected(example(1), UNREAD)
    with pytest.raises(ImagesRefused, match="1 of 2 cannot be read"):
        batches(Given([example(1)]), found, 4)
    with pytest.raises(ImagesRefused, match="no images"):
        batches(Given([]), inspected(), 4)


def test_batches_have_one_shape_and_the_order_of_the_set():
    given = [example(at, at % 2, f"P{at}") for at in range(7)]
    found = inspected(*given)
    parts = list(batches(Given(given), found, 3))
    assert [part.pixels.shape for part in parts] == [(3, 1, 16, 16), (3, 1, 16, 16), (1, 1, 16, 16)]
    assert np.concatenate([part.labels for part in parts]).tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert (np.concatenate([part.pixels for part in parts])[4, 0] == textured(4)).all()
    chosen = list(batches(Given(given), found, 8, np.array([5, 2])))
    assert [part.positions.tolist() for part in chosen] == [[2, 5]] and chosen[0].patients[0] == b"P2".ljust(32)
    with pytest.raises(ConfigurationError):
        batches(Given(given), found, 0)


@pytest.mark.parametrize(
    "other",
    [[example(1), example(9)], [example(1)], [example(1), example(2), example(3)], [example(1), UNREAD],
     [example(1), example(2, 1)], [example(1), example(2, 0, "B")], [example(1), example(2, part="val")]],
)  # fmt: skip
def test_what_changed_since_the_inspection_is_refused(other):
    found = inspected(example(1), example(2))
    with pytest.raises(ImagesRefused, match=r"changed|were inspected"):
        list(batches(Given(other), found, 1))


def test_a_file_replaced_after_the_inspection(tmp_path):
    png(tmp_path / "a" / "1.png", textured(1))
    png(tmp_path / "b" / "2.png", textured(2))
    source = ImageFolder(tmp_path, ADMISSION)
    found = inspect(source, RULE)
    assert len(list(batches(source, found, 1))) == 2
    png(tmp_path / "b" / "2.png", textured(3))
    with pytest.raises(ImagesRefused, match=r"b/2\.png: changed: expected the image that was inspected"):
        list(batches(source, found, 1))


def crowd(patients: int = 40):
    """Some images a patient, the label by patient."""
    given = []
    for patient in range(patients):
        for at in range(1 + patient % 4):
            given.append(example(10 * patient + at, patient % 2, f"P{patient}"))
    return inspected(*given)


@pytest.mark.parametrize("seed", range(4))
def test_no_patient_and_no_image_is_in_two_parts(seed):
    found = crowd()
    kept, held = patient_split(found, seed)
    assert sorted([*kept, *held]) == list(range(len(found)))
    who = [{found.patients[at] for at in part} for part in (kept, held)]
    assert not who[0] & who[1] and abs(len(held) - len(found) / 5) <= 4
    assert {found.labels[at] for at in kept} == {found.labels[at] for at in held} == {0, 1}
    assert [part.tolist() for part in patient_split(found, seed)] == [kept.tolist(), held.tolist()]


def test_splits_depend_on_the_seed():
    found = crowd()
    assert len({tuple(patient_split(found, seed)[1]) for seed in range(4)}) == 4


def test_an_image_under_two_patients_joins_them():
    given = [example(1, 0, "A"), example(2, 0, "A"), example(2, 0, "B"), example(3, 0, "B"), example(3, 0, "C"),
             *(example(10 + at, 1, f"D{at}") for at in range(5))]  # fmt: skip
    found = inspected(*given)
    for seed in range(8):
        held = set(patient_split(found, seed, 50)[1].tolist())
        assert len(held & {0, 1, 2, 3, 4}) in (0, 5)


def test_copies_stay_together_without_patients():
    found = inspected(*(example(at % 6, at % 2) for at in range(12)))
    kept, held = patient_split(found, 1, 30)
    assert not {found.digests[at] for at in kept} & {found.digests[at] for at in held}
    assert "12 of 12 images name no patient" in found.notes[1]


def test_one_patient_cannot_be_split():
    with pytest.raises(ImagesRefused, match="at least two patients"):
        patient_split(inspected(example(1, 0, "A"), example(2, 1, "A")), 0)
    kept, held = patient_split(inspected(example(1, 0, "A"), example(2, 1, "B")), 0)
    assert len(kept) == len(held) == 1
    with pytest.raises(ConfigurationError):
        patient_split(crowd(), 0, 100)


def test_the_contact_sheet(tmp_path):
    sheet = ContactSheet()
    for at in range(60):
        one = example(at, at % 2)
        sheet.add(one if at % 3 else replace(one, picture=Picture(textured(at, (3, 16, 16)), "PNG", True)))
    sheet.write(tmp_path / "sheet.png", ("no", "yes\x1b"))
    from PIL import Image

    with Image.open(tmp_path / "sheet.png") as image:
        assert image.format == "PNG" and image.size == (804, 464)
    assert (tmp_path / "sheet.png").stat().st_mode & 0o777 == 0o600 and "stays at the site" in WARNING
    with pytest.raises(FileExistsError):
        sheet.write(tmp_path / "sheet.png", ("no", "yes"))
