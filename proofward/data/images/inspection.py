"""A whole set of images looked at before anything is taken: every reason at once, counts, copies, doubts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from proofward.data.images.contract.example import Example, Source, Unread
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.contract.rule import ImageRule

_SHOWN = 3
CONSTANT = "images of one grey value only"
ONE_CLASS = "all images have one label"


@dataclass(frozen=True)
class Inspection:
    """What is in a set. Nothing of it leaves the site: names of files may name patients.

    digests, labels, patients, parts: one for each image that was read, in order. problems: everything that
    was not. doubts: what should stop the set although all can be read. notes: what is worth a word.
    """

    rule: ImageRule
    classes: tuple[str, ...]
    kinds: Mapping[str, int]
    digests: tuple[bytes, ...] = field(repr=False)
    labels: tuple[int, ...] = field(repr=False)
    patients: tuple[bytes | None, ...] = field(repr=False)
    parts: tuple[str, ...] = field(repr=False)
    problems: tuple[Unread, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def copies(self) -> int:
        """Images that repeat an earlier one."""
        return len(self.digests) - len(set(self.digests))

    @property
    def by_class(self) -> dict[str, int]:
        """How many images each class has."""
        counts = Counter(self.labels)
        return {name: counts[label] for label, name in enumerate(self.classes)}

    @property
    def by_part(self) -> dict[str, int]:
        """How many images each named part has."""
        return dict(Counter(part for part in self.parts if part))

    def problem_lines(self) -> list[str]:
        """Every file that is not taken, with its reason."""
        return [f"{shown(unread.name)}: {unread.reason.words}" for unread in self.problems]

    def require(self) -> None:
        """Raises ImagesRefused unless every image was read."""
        if self.problems:
            count = len(self.problems)
            words = f"{count} of {count + len(self)} cannot be read: nothing was taken in"
            raise ImagesRefused(words, self.problem_lines())
        if not self.digests:
            raise ImagesRefused("no images were found: nothing was taken in")


def inspect(source: Source, rule: ImageRule, look: Callable[[Example], None] | None = None) -> Inspection:
    """Reads everything once, without keeping a pixel. look: is shown every example, for a contact sheet."""
    seen = _Seen()
    problems: list[Unread] = []
    for found in source.examples(rule):
        if isinstance(found, Unread):
            problems.append(found)
            continue
        seen.add(found)
        if look is not None:
            look(found)
    classes = source.classes
    return Inspection(
        rule,
        classes,
        dict(sorted(seen.kinds.items())),
        tuple(seen.digests),
        tuple(seen.labels),
        tuple(seen.patients),
        tuple(seen.parts),
        tuple(problems),
        tuple(seen.doubts()),
        tuple(seen.notes(classes, source.ignored)),
    )


class _Seen:
    """Examples as they come."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.digests: list[bytes] = []
        self.labels: list[int] = []
        self.patients: list[bytes | None] = []
        self.parts: list[str] = []
        self._first: dict[bytes, int] = {}
        self._colours: Counter[bool] = Counter()
        self._places: dict[str, list[str]] = {}

    def add(self, example: Example) -> None:
        """Counts an example, and compares it with the earlier ones."""
        picture, digest = example.picture, example.digest()
        self.kinds[picture.kind] += 1
        self._colours[picture.colour] += 1
        for note in picture.notes:
            self._place(note, example.name)
        if int(picture.pixels.min()) == int(picture.pixels.max()):
            self._place(CONSTANT, example.name)
        at = self._first.setdefault(digest, len(self.digests))
        if at < len(self.digests):
            self._copy(example, at)
        self.digests.append(digest)
        self.labels.append(example.label)
        self.patients.append(picture.patient)
        self.parts.append(example.part)

    def _copy(self, example: Example, at: int) -> None:
        self._place("copy", example.name)
        if example.label != self.labels[at]:
            self._place("label", example.name)
        if example.part != self.parts[at]:
            self._place("part", example.name)
        if example.picture.patient != self.patients[at]:
            self._place("patient", example.name)

    def _place(self, what: str, name: str) -> None:
        self._places.setdefault(what, []).append(name)

    def doubts(self) -> list[str]:
        """What should stop the set."""
        doubts = []
        for what, words in (
            ("label", "repeats of an earlier image under another label"),
            ("part", "repeats of an image of another part"),
            ("patient", "repeats of an earlier image under another patient"),
            (CONSTANT, CONSTANT),
        ):
            if what in self._places:
                doubts.append(_told(self._places[what], words))
        if len(set(self.labels)) == 1:
            doubts.append(ONE_CLASS)
        if len(self.kinds) > 1 and "DICOM" in self.kinds:
            kinds = (f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
            doubts.append(f"mixed: {', '.join(kinds)}")
        if len(self._colours) > 1:
            doubts.append(f"mixed: {self._colours[True]} coloured and {self._colours[False]} grey")
        return doubts

    def notes(self, classes: tuple[str, ...], ignored: tuple[str, ...]) -> list[str]:
        """What stops nothing."""
        notes = []
        if "copy" in self._places:
            notes.append(_told(self._places["copy"], "repeats of an earlier image, to the last pixel"))
        for what in sorted(set(self._places) - {"copy", "label", "part", "patient", CONSTANT}):
            notes.append(_told(self._places[what], what))
        absent = [name for label, name in enumerate(classes) if label not in set(self.labels)]
        if absent and self.labels:
            notes.append(f"no image of class {', '.join(map(shown, absent))}")
        if ignored:
            notes.append(_told(ignored, "files that were not looked at"))
        unknown = self.patients.count(None)
        if unknown:
            words = f"{unknown} of {len(self.patients)} images name no patient"
            notes.append(f"{words}: parts can keep these apart only by their pixels")
        return notes


def shown(name: str) -> str:
    """A file's name as it may be printed: without what would steer a terminal."""
    return name if name.isprintable() else ascii(name)[1:-1]


def _told(names: Iterable[str], words: str) -> str:
    listed = list(names)
    first = ", ".join(map(shown, listed[:_SHOWN]))
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"{words}: {len(listed)} ({first}{more})"
