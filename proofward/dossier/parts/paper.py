"""A paper: sections of facts, tables, words and pictures, each with what it rests on; no layout.

HTML, PDF and JSON are made from the same paper, so none of them says what another does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from proofward.encoding.records import UNSHOWN


class Basis(Enum):
    """What a statement rests on."""

    CHECKED = "computed again"
    SIGNED = "signed, not proved"
    NO_EVIDENCE = "no evidence"
    MISSING = "not recorded"
    SAID = ""

    @property
    def meaning(self) -> str:
        """In a sentence."""
        return _MEANING[self]


_MEANING = {
    Basis.CHECKED: "follows from the ledger, and this report's audit has computed or verified it itself.",
    Basis.SIGNED: "stands on the ledger, signed by whoever said it; that it is true, nobody has proved.",
    Basis.NO_EVIDENCE: "lies beside the ledger; anybody could have changed it.",
    Basis.MISSING: "the ledger says nothing of it.",
    Basis.SAID: "explains.",
}
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Fact:
    """A term and what is known of it, in lines; where: the entries of the ledger, in words."""

    term: str
    lines: tuple[str, ...]
    basis: Basis
    where: str = ""


def fact(term: str, value: object, basis: Basis = Basis.CHECKED, where: str = "") -> Fact:
    """A fact; without a value it is not recorded."""
    lines = tuple(map(str, value)) if isinstance(value, tuple | list) else (str(value),)
    if value is None or not any(lines):
        return Fact(term, (NOT_RECORDED,), Basis.MISSING)
    return Fact(term, lines, basis, where)


@dataclass(frozen=True)
class Facts:
    """A list of facts with a caption."""

    caption: str
    rows: tuple[Fact, ...]

    @property
    def basis(self) -> Basis:
        """What most of them rest on, of those that are recorded."""
        found = Counter(row.basis for row in self.rows if row.basis is not Basis.MISSING)
        return found.most_common(1)[0][0] if found else Basis.MISSING


@dataclass(frozen=True)
class Mark:
    """A cell that stands out: tone is "good", "bad", "weak", or "" for one that does not; code: a digest."""

    text: str
    tone: str = ""
    code: bool = False


Cell = str | Mark


@dataclass(frozen=True)
class Grid:
    """A table; the first cell of a row is its heading."""

    caption: str
    titles: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    basis: Basis = Basis.CHECKED
    note: str = ""


@dataclass(frozen=True)
class Words:
    """Paragraphs; tone as in Mark."""

    paragraphs: tuple[str, ...]
    tone: str = ""


@dataclass(frozen=True)
class Listing:
    """Sentences, one a line."""

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A drawing, as SVG, with what it shows in words."""

    svg: str
    caption: str
    basis: Basis


Block = Facts | Grid | Words | Listing | Picture


@dataclass(frozen=True)
class Section:
    """key: its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Paper:
    """sentences: the answers to the two questions, each with whether it is good news, None where unknown."""

    title: str
    made: str
    sentences: tuple[tuple[str, bool | None], ...]
    sections: tuple[Section, ...]


def plain(text: str, most: int = 4000) -> str:
    """Text that can be shown as it is: controls, marks of direction and invisible characters are named."""
    cut = text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
    return UNSHOWN.sub(lambda found: f"[U+{ord(found[0]):04X}]", cut)


def cell_text(cell: Cell) -> str:
    """The words of a cell."""
    return cell.text if isinstance(cell, Mark) else cell
