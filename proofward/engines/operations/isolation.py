"""How a kit's processes are started, so that they import nothing but what is installed.

A kit holds a folder `proofward` and may hold anybody's `json.py`. The interpreter is told not to look at the
working folder, PYTHONPATH keeps only absolute folders outside the kit, and arguments are lists that no shell
or splitter reads, so that a folder may have any name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PATH, SAFE = "PYTHONPATH", "PYTHONSAFEPATH"


def interpreter(*words: str) -> list[str]:
    """The command that runs this Python with nothing to import from the working folder."""
    return [sys.executable, "-P", "-u", *words]


def isolated(environment: Mapping[str, str], kit: Path) -> dict[str, str]:
    """An environment in which Python imports nothing from the kit or the working folder.

    PYTHONSAFEPATH says to children of children what `-P` says to the first.
    """
    changed = {name: value for name, value in environment.items() if name != PATH}
    own = kit.resolve()
    kept = [
        entry
        for entry in environment.get(PATH, "").split(os.pathsep)
        if os.path.isabs(entry) and not Path(entry).resolve().is_relative_to(own)
    ]
    if kept:
        changed[PATH] = os.pathsep.join(kept)
    return {**changed, SAFE: "1"}
