"""What every reader gives: examples of the rule's size, or a name with the reason why there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.refusal import Reason
from proofward.data.images.contract.rule import ImageRule

Bytes = NDArray[np.uint8]
NO_WINDOW = "taken at their full range, having no window of their own"
ENLARGED = "enlarged, being smaller than the agreed size"


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture or frame. pixels: uint8 (channels, height, width). notes: of NO_WINDOW and ENLARGED."""

    pixels: Bytes
    kind: str
    colour: bool
    frame: int | None = None
    patient: bytes | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Example:
    """A picture with its name in the set, its label, and the part of the set that it is in."""

    name: str
    picture: Picture
    label: int
    part: str = ""

    def digest(self) -> bytes:
        """SHA-256 of the pixels: two examples with one digest are one image."""
        return hashlib.sha256(np.ascontiguousarray(self.picture.pixels).tobytes()).digest()


@dataclass(frozen=True)
class Unread:
    """A file, or a place in one, that is not taken."""

    name: str
    reason: Reason


class Source(Protocol):
    """A set of images on disk. It is read in one order, again each time."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 0, 1, ..."""

    def examples(self, rule: ImageRule) -> Iterator[Example | Unread]:
        """Everything in the set, in order; raises ImagesRefused where there is no set at all."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Files that no reader looks at, such as those that a file manager leaves."""
