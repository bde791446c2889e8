"""Why an image, or a whole set of them, is not taken: a kind, what was expected and what was found.

No reason repeats the value of an element that may name a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NO_IMAGE = "no image"
NO_PIXELS = "no pixels"
DAMAGED = "damaged"
UNSUPPORTED = "unsupported"
TOO_LARGE = "too large"
IDENTIFYING = "identifying"
BURNED_IN = "burned-in annotation"
UNLABELLED = "unlabelled"
OUTSIDE = "outside the folder"
MISSING = "missing"
CHANGED = "changed"
KINDS = (NO_IMAGE, NO_PIXELS, DAMAGED, UNSUPPORTED, TOO_LARGE, IDENTIFYING, BURNED_IN, UNLABELLED, OUTSIDE,
         MISSING, CHANGED)  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """kind: one of KINDS. remedy: what to do about it, "" where the kind says it."""

    kind: str
    expected: str
    actual: str
    remedy: str = ""

    @property
    def words(self) -> str:
        """A sentence for people."""
        told = f"{self.kind}: expected {self.expected}, found {self.actual}"
        return f"{told}; {self.remedy}" if self.remedy else told


class ImageRefused(ValueError):
    """One image, or one file of images, that is not taken."""

    def __init__(self, kind: str, expected: str, actual: str, remedy: str = "") -> None:
        self.reason = Reason(kind, expected, actual, remedy)
        super().__init__(self.reason.words)


class ImagesRefused(ValueError):
    """A set of images of which nothing is taken. problems: every file with its reason, a line each."""

    def __init__(self, words: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  ".join((words, *self.problems)))


class ImagesExtraMissing(ImportError):
    """A library that reads images is not installed."""
