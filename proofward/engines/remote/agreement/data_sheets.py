"""The data sheet of a hospital: a text file about its records, kept until it enrols them.

It goes to the ledger with the enrolment and stays there: it is no place for anything about a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proofward.federation.messages.basics.texts import text_lines
from proofward.ledger.files import write_file
from proofward.ledger.reading import NotReadable, read_regular

NAME = "data-sheet.txt"
MAX_BYTES = 1 << 20


def read_text(path: Path, *, follow: bool = False) -> tuple[str, ...]:
    """The lines of a text file; raises TextRefused, NotReadable, UnicodeDecodeError."""
    return text_lines(read_regular(path, MAX_BYTES, follow=follow).decode("utf-8"))


def keep(folder: Path, lines: Sequence[str]) -> None:
    """Keeps a sheet in a member's folder, in place of one that is there; none where it has no line."""
    path = folder / NAME
    if lines:
        write_file(path, "\n".join(lines).encode(), path.with_name(f".{NAME}.tmp"), mode=0o600)
    else:
        path.unlink(missing_ok=True)


def kept(folder: Path) -> tuple[str, ...]:
    """The sheet in a member's folder, nothing where there is none; raises as `read_text`."""
    try:
        return read_text(folder / NAME)
    except NotReadable:
        if (folder / NAME).exists():
            raise
        return ()
