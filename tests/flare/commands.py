"""Commands as coordinator and sites give them: called in this process, but for those that start others."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest.mock import patch

from tests.cli.conftest import Command
from tests.flare.installations import Installation
from tests.patience import PATIENCE

APART = {"start"}
"""They take signals and start themselves again from their own words."""


def proofward(*words: object, code: int = 0, by: Installation | None = None) -> str:
    """What the command printed; with another code than 0, also what it complained of. by: what runs it."""
    if by is not None:
        run = by.run("-m", "proofward", *map(str, words))
        found, said, complained = run.returncode, run.stdout, run.stderr
    elif words[0] in APART:
        run = subprocess.run(
            [sys.executable, "-m", "proofward", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        found, said, complained = run.returncode, run.stdout, run.stderr
    else:
        with patch.dict(os.environ):  # a command may tell its own process the file of the passphrase
            result = Command()(*words)
        found, said, complained = result.exit_code, result.stdout, result.stderr
    assert found == code, (words, said, complained)
    return said + complained if code else said
