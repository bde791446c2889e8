"""Images to be judged: a file, a folder of files with whatever folders in it, or an archive.

Files need no labels. Archives are read as for training, and their labels are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Example, Unread
from proofward.data.images.contract.refusal import DAMAGED, ImageRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.readers.folder import check_plain, files_below, is_left, pictures_of
from proofward.data.images.readers.patchcamelyon import SIGNATURE
from proofward.data.images.sources import ZIP, source_at


def unlabelled(path: Path, rule: ImageRule, admission: Admission) -> Iterator[Example | Unread]:
    """Every image in the order of the names, with label 0; raises ImagesRefused."""
    if path.is_dir():
        for name, place in files_below(path):
            if not is_left(name):
                yield from _examples(name, place, rule, admission)
        return
    with path.open("rb") as file:
        start = file.read(len(SIGNATURE))
    if start == SIGNATURE or start.startswith(ZIP):
        yield from source_at(path, admission).examples(rule)
    else:
        yield from _examples(path.name, path, rule, admission)


def _examples(name: str, path: Path, rule: ImageRule, admission: Admission) -> Iterator[Example | Unread]:
    place = name
    try:
        check_plain(path)
        for picture in pictures_of(path, rule, admission):
            place = name if picture.frame is None else f"{name}#{picture.frame}"
            yield Example(place, picture, 0)
    except ImageRefused as refusal:
        yield Unread(place, refusal.reason)
    except OSError as error:
        found = ImageRefused(DAMAGED, "a file that can be read", error.strerror or "another")
        yield Unread(place, found.reason)
