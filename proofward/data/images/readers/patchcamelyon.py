"""HDF5 files in PatchCamelyon's layout: x bytes (n, 96, 96, 3) and y (n, 1, 1, 1), in one file or in two.

Only what lies in the file itself and is compressed with HDF5's own filters is read: a link to another file,
a virtual data set, external storage or a filter that would load a plug-in is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.example import Example, Unread
from proofward.data.images.contract.extra import imported
from proofward.data.images.contract.refusal import (
    DAMAGED,
    MISSING,
    OUTSIDE,
    TOO_LARGE,
    UNLABELLED,
    UNSUPPORTED,
    ImageRefused,
    ImagesRefused,
)
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.readers.arrays import check_images, checked_labels, picture_of
from proofward.data.images.readers.patient_column import check_count

KIND = "HDF5"
IMAGES, LABELS = "x", "y"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OWN_FILTERS = frozenset({1, 2, 3})  # deflate, shuffle, Fletcher's checksum
_LARGEST_CHUNK = 1 << 28
_PIECE = 1 << 22


@dataclass(frozen=True)
class PatchCamelyon:
    """A file with `x`. Its `y` is there, in the file `labels`, or in the one beside it that has _y for _x.

    patients: digests, one for each image; () where nobody knows them.
    """

    path: Path
    limits: Limits = field(default_factory=Limits)
    agreed: tuple[str, ...] = ()
    labels: Path | None = None
    patients: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Nothing is."""
        return ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The agreed names, or 0 and 1."""
        return self.agreed or ("0", "1")

    def examples(self, rule: ImageRule) -> Iterator[Example | Unread]:
        """Every image, in order, read piece by piece."""
        try:
            with _opened(self.path) as file:
                yield from self._examples(file, rule)
        except ImageRefused as refusal:
            yield Unread(self.path.name, refusal.reason)
        except ImagesRefused:
            raise
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            found = f"one that is damaged ({type(error).__name__})"
            yield Unread(self.path.name, ImageRefused(DAMAGED, "a whole HDF5 file", found).reason)

    def _examples(self, file: Any, rule: ImageRule) -> Iterator[Example]:
        images = _dataset(file, IMAGES)
        check_images(IMAGES, images.shape, images.dtype, self.limits)
        labels = self._labels(file, images.shape[0])
        patients: Sequence[bytes | None] = self.patients or [None] * len(labels)
        check_count(patients, len(labels))
        step = max(1, _PIECE // prod(images.shape[1:]))
        if images.chunks:
            step = max(images.chunks[0], step - step % images.chunks[0])
        for first in range(0, images.shape[0], step):
            for at, image in enumerate(images[first : first + step], first):
                picture = picture_of(image, KIND, rule, patients[at])
                yield Example(f"{IMAGES}[{at}]", picture, int(labels[at]))

    def _labels(self, file: Any, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if LABELS in file and self.labels is None:
            return self._checked(file, count)
        other = self.labels or self.path.with_name(self.path.name.replace("_x.", "_y."))
        if other == self.path or not other.is_file():
            expected = f"labels {LABELS}, here or in a file whose name has _y for _x"
            raise ImageRefused(MISSING, expected, "none")
        with _opened(other) as beside:
            return self._checked(beside, count)

    def _checked(self, file: Any, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        labels = _dataset(file, LABELS)
        if labels.dtype.kind not in "iub" or labels.size != count:
            expected = f"one label for each of {count} images as {LABELS}"
            raise ImageRefused(UNLABELLED, expected, f"{labels.dtype} of {labels.shape}")
        return checked_labels(LABELS, labels[()], count, len(self.classes))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with path.open("rb") as start:
        if start.read(len(SIGNATURE)) != SIGNATURE:
            raise ImageRefused(DAMAGED, "an HDF5 file", "a file without its signature")
    try:
        file = imported("h5py").File(path, "r", locking=False)
    except (OSError, RuntimeError, ValueError) as error:
        found = f"one that cannot be opened ({type(error).__name__})"
        raise ImageRefused(DAMAGED, "an HDF5 file", found) from None
    with file:
        yield file


def _dataset(file: Any, name: str) -> Any:
    """A data set that lies in the file; raises ImageRefused."""
    h5py = imported("h5py")
    link = file.get(name, getlink=True)
    if link is None:
        raise ImageRefused(MISSING, f"a data set {name}", "none")
    if not isinstance(link, h5py.HardLink):
        raise ImageRefused(OUTSIDE, f"{name} in the file itself", f"a link ({type(link).__name__})")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or not found.shape:
        raise ImageRefused(UNSUPPORTED, f"{name} as a data set of numbers", "another object")
    if found.is_virtual or found.external:
        raise ImageRefused(OUTSIDE, f"{name} in the file itself", "a data set that lies in other files")
    if found.dtype.hasobject:
        raise ImageRefused(UNSUPPORTED, f"numbers as {name}", "objects of variable length")
    plist = found.id.get_create_plist()
    filters = {plist.get_filter(at)[0] for at in range(plist.get_nfilters())}
    if filters - _OWN_FILTERS:
        known = f"{name} compressed with gzip, or not"
        raise ImageRefused(UNSUPPORTED, known, f"filters {sorted(filters - _OWN_FILTERS)}")
    chunk = prod(found.chunks or (0,)) * found.dtype.itemsize
    if chunk > _LARGEST_CHUNK:
        raise ImageRefused(TOO_LARGE, f"chunks of at most {_LARGEST_CHUNK} bytes", str(chunk))
    _check_stored(found, name)
    return found


def _check_stored(found: Any, name: str) -> None:
    """An unwritten part would be read as zeros: every byte must be there."""
    if found.chunks:
        whole = prod(-(-side // part) for side, part in zip(found.shape, found.chunks, strict=True))
        written = found.id.get_num_chunks()
    else:
        whole, written = found.size * found.dtype.itemsize, found.id.get_storage_size()
    if written < whole:
        unit = "chunks" if found.chunks else "bytes"
        raise ImageRefused(DAMAGED, f"{whole} {unit} of {name}", f"{written} that were written")
