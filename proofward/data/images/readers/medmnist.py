"""Archives in MedMNIST's layout: train_images, val_images and test_images with their _labels.

An archive with only `images` and `labels` is read as well; `classes` may name the labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.example import Example, Unread
from proofward.data.images.contract.refusal import MISSING, UNSUPPORTED, ImageRefused, ImagesRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.readers.arrays import MOST_CLASSES, check_images, checked_labels, picture_of
from proofward.data.images.readers.npz import Npz

KIND = "npz"
PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class MedMnist:
    """An archive. agreed: names of the classes. parts: those to read; () for all that are there."""

    path: Path
    limits: Limits = field(default_factory=Limits)
    agreed: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def ignored(self) -> tuple[str, ...]:
        """Arrays that are neither images nor labels."""
        return ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The agreed names, those in the archive, or the numbers of the labels."""
        if self.agreed:
            return self.agreed
        try:
            with Npz(self.path, self.limits) as archive:
                if "classes" in archive.names and archive.header("classes").dtype.kind == "U":
                    return tuple(map(str, archive.whole("classes", MOST_CLASSES * 4 * 64)))
                highest = 0
                for images in self._present(archive):
                    highest = max(highest, int(self._labels(archive, images, 0).max()))
                return tuple(map(str, range(highest + 1)))
        except ImageRefused as refusal:
            raise ImagesRefused(f"{self.path}: {refusal}") from refusal

    def examples(self, rule: ImageRule) -> Iterator[Example | Unread]:
        """Every image of every part, in order."""
        count = len(self.classes)
        try:
            with Npz(self.path, self.limits) as archive:
                for images in self._present(archive):
                    yield from self._part(archive, images, count, rule)
        except ImageRefused as refusal:
            yield Unread(self.path.name, refusal.reason)

    def _part(self, archive: Npz, images: str, classes: int, rule: ImageRule) -> Iterator[Example]:
        header = archive.header(images)
        check_images(images, header.shape, header.dtype, self.limits)
        labels = self._labels(archive, images, classes)
        part, at = images.removesuffix("images").rstrip("_"), 0
        for piece in archive.rows(images):
            for image in piece:
                yield Example(f"{images}[{at}]", picture_of(image, KIND, rule), int(labels[at]), part)
                at += 1

    def _labels(self, archive: Npz, images: str, classes: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        name = images.removesuffix("images") + "labels"
        if name not in archive.names:
            raise ImageRefused(MISSING, f"an array {name} beside {images}", "none")
        count = archive.header(images).shape[0]
        return checked_labels(name, archive.whole(name, 8 * MOST_CLASSES + 64 * count), count, classes)

    def _present(self, archive: Npz) -> list[str]:
        """Names of the arrays of images that are to be read."""
        if "images" in archive.names and not self.parts:
            return ["images"]
        found = [f"{part}_images" for part in self.parts or PARTS if f"{part}_images" in archive.names]
        if not found or (self.parts and len(found) < len(self.parts)):
            wanted = ", ".join(f"{part}_images" for part in self.parts or PARTS)
            raise ImageRefused(UNSUPPORTED, f"MedMNIST's arrays {wanted}", ", ".join(archive.names[:20]))
        return found
