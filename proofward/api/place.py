"""Where a run lies: a folder that is kept, or a temporary one that goes with whoever holds this."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path


class Place:
    """path: of the run, beside which the parties' states lie.

    A temporary place is a folder that nobody else can enter. It is removed, with records and keys in it, when
    this object is collected or the process ends.
    """

    def __init__(self, chosen: str | os.PathLike[str] | None) -> None:
        self.temporary = chosen is None
        if chosen is not None:
            self.path = Path(os.fspath(chosen))
            return
        folder = tempfile.mkdtemp(prefix="proofward-")
        self.path = Path(folder) / "run"
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @property
    def words(self) -> str:
        """The path, and how long it is there."""
        how_long = ", which goes with the federation; folder= keeps it" if self.temporary else ""
        return f"{self.path}{how_long}"

    @property
    def going_on(self) -> str:
        """How one goes on with a run that was interrupted."""
        if self.temporary:
            return "a run in a folder that is named with folder= could be gone on with"
        return f"go on by the same call, with folder={str(self.path)!r}"
