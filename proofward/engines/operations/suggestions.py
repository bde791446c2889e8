"""Commands that messages suggest, as they can be pasted into a shell."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


class Placeholder(str):
    """What the reader puts something in place of, such as FILE: printed as it is."""


def quoted(word: str | Path) -> str:
    """A word as a shell takes it."""
    return word if isinstance(word, Placeholder) else shlex.quote(os.fspath(word))


def command(*words: str | Path) -> str:
    """`proofward` with these words. A path that begins with a hyphen is no option."""
    shown = [f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else word for word in words]
    return " ".join(["proofward", *map(quoted, shown)])
