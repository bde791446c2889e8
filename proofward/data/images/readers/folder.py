"""A folder of images: each file in a folder of its class's name, or named with its label in a table.

Only plain files inside the folder are read: a link, wherever it points, is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Example, Picture, Unread
from proofward.data.images.contract.refusal import (
    DAMAGED,
    MISSING,
    OUTSIDE,
    UNLABELLED,
    ImageRefused,
    ImagesRefused,
)
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.readers.dicom import dicom_pictures
from proofward.data.images.readers.dicom_header import is_dicom
from proofward.data.images.readers.listing import Listed, Listing
from proofward.data.images.readers.pictures import picture_in

_LEFT_BY_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class ImageFolder:
    """Images below `root`.

    classes: names of the labels, in the agreed order; without them those of the folders, sorted. listing:
    files with labels, instead of folders of classes. only_listed: files that it does not name are left alone.
    beside: tables in the folder, which are no images.
    """

    root: Path
    admission: Admission
    agreed: tuple[str, ...] = ()
    listing: Listing | None = None
    only_listed: bool = False
    beside: tuple[Path, ...] = ()
    _found: list[tuple[str, Path]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise ImagesRefused(f"{self.root}: expected a folder of images")
        self._found.extend(files_below(self.root))

    @property
    def classes(self) -> tuple[str, ...]:
        """The agreed ones, or those that are found."""
        if self.agreed:
            return self.agreed
        if self.listing is not None:
            return self.listing.classes
        names = {name.split("/")[0] for name, _ in self._found if "/" in name and not is_left(name)}
        return tuple(sorted(names))

    @property
    def ignored(self) -> tuple[str, ...]:
        """What file managers leave, and files that the table need not name."""
        return tuple(name for name, path in self._found if self._is_ignored(name, path))

    def examples(self, rule: ImageRule) -> Iterator[Example | Unread]:
        """Every file in the order of the names, then what is listed and not there."""
        classes = {name: label for label, name in enumerate(self.classes)}
        if self.listing is not None:
            yield from self.listing.problems
        for name, path in self._found:
            if not self._is_ignored(name, path):
                yield from self._file(name, path, rule, classes)
        if self.listing is not None:
            present = {name for name, _ in self._found}
            for name in sorted(set(self.listing.files) - present):
                actual = "a place outside it" if _leads_out(name) else "none"
                kind = OUTSIDE if _leads_out(name) else MISSING
                yield Unread(name, ImageRefused(kind, "a listed file in the folder", actual).reason)

    def _file(
        self, name: str, path: Path, rule: ImageRule, classes: Mapping[str, int]
    ) -> Iterator[Example | Unread]:
        """The examples of one file, or its reason."""
        place = name
        try:
            check_plain(path)
            label, patient = self._label(name, classes)
            for picture in pictures_of(path, rule, self.admission):
                place = name if picture.frame is None else f"{name}#{picture.frame}"
                if patient is not None:
                    picture = replace(picture, patient=patient)
                yield Example(place, picture, label)
        except ImageRefused as refusal:
            yield Unread(place, refusal.reason)
        except OSError as error:
            reason = ImageRefused(DAMAGED, "a file that can be read", error.strerror or "another").reason
            yield Unread(place, reason)

    def _label(self, name: str, classes: Mapping[str, int]) -> tuple[int, bytes | None]:
        """A file's label, and the digest of its patient where the table has one."""
        if self.listing is None:
            folder = name.split("/")[0] if "/" in name else ""
            if folder not in classes:
                expected = f"a folder named as one of the classes {', '.join(classes) or '(none is there)'}"
                raise ImageRefused(UNLABELLED, expected, folder or "a file beside them")
            return classes[folder], None
        listed: Listed | None = self.listing.files.get(name)
        if listed is None:
            raise ImageRefused(UNLABELLED, "a row in the table of labels", "none")
        if listed.label not in classes:
            raise ImageRefused(UNLABELLED, f"one of the classes {', '.join(classes)}", "another label")
        return classes[listed.label], listed.patient

    def _is_ignored(self, name: str, path: Path) -> bool:
        listing = self.listing
        if path.absolute() in [own.absolute() for own in self.beside]:
            return True
        if listing is not None and path.absolute() == listing.path.absolute():
            return True
        if listing is not None and self.only_listed and name not in listing.files:
            return True
        return is_left(name)


def pictures_of(path: Path, rule: ImageRule, admission: Admission) -> Iterator[Picture]:
    """Every picture of a file of any kind, by what is in it and not by its name; raises ImageRefused."""
    if is_dicom(path):
        yield from dicom_pictures(path, rule, admission)
    else:
        yield picture_in(path, rule, admission.limits)


def check_plain(path: Path) -> None:
    """Refuses whatever is no plain file, before it is opened."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise ImageRefused(OUTSIDE, "a plain file", "a link", "copy the file to its place")
    if not stat.S_ISREG(mode):
        raise ImageRefused(OUTSIDE, "a plain file", "a device, a pipe or a socket")


def files_below(root: Path) -> list[tuple[str, Path]]:
    """Everything below a folder that is no folder, by name; a link to a folder is not entered."""
    found: list[tuple[str, Path]] = []
    for folder, folders, files in os.walk(root, onerror=_unreadable):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*files, *links):
            path = here / name
            found.append((path.relative_to(root).as_posix(), path))
    return sorted(found)


def _unreadable(error: OSError) -> None:
    raise ImagesRefused(f"{error.filename}: {error.strerror}: nothing was taken in")


def is_left(name: str) -> bool:
    """Whether a file is one that file managers and systems leave, by its name."""
    parts: Sequence[str] = name.split("/")
    return any(part.startswith(".") for part in parts) or parts[-1].lower() in _LEFT_BY_SYSTEMS


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name
