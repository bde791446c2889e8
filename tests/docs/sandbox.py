"""A folder in which the documents' blocks are run by a shell that stops at the first command that fails."""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from proofward.engines.local import free_port
from tests.docs import ready
from tests.docs.blocks import RUN, Block, blocks

PATIENCE = 1800.0
"""Seconds of a block: a safeguard against a wait that never ends, not a measure."""


def outside() -> dict[str, str]:
    """The variables of this process without those of a checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@lru_cache(maxsize=1)
def ready_process() -> Path:
    """Where the process listens that runs the commands of all sandboxes; it ends with this one."""
    place = Path(tempfile.mkdtemp()) / "socket"
    command = [sys.executable, "-P", ready.__file__, "serve", str(place)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=outside(), text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"

    def end() -> None:
        process.communicate(timeout=PATIENCE)
        shutil.rmtree(place.parent)

    atexit.register(end)
    return place


class Sandbox:
    """A folder with `proofward` on its path, as `make` and as `pip` bring it, and variables of the shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        asked = shlex.join([sys.executable, "-I", "-S", ready.__file__, "ask", str(ready_process())])
        program = f"#!/bin/sh\nexec {asked} \"$@\"\n"
        for name in ("bin", ".venv/bin"):
            path = folder / name / "proofward"
            path.parent.mkdir(parents=True)
            path.write_text(program)
            path.chmod(0o755)
        kept = outside()
        path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
        self.variables = {**kept, "PATH": path, "PORT": str(free_port()), "PROOFWARD_TRACEBACK": "1"}

    def run(self, text: str, code: int = 0) -> str:
        """Runs lines of a shell; variables that they set are kept. What they wrote."""
        kept = self.folder / "variables"
        script = f"{text}\nenv -0 > {shlex.quote(str(kept))}\n"
        run = subprocess.run(
            ["sh", "-eua", "-c", script], cwd=self.folder, env=self.variables, text=True, timeout=PATIENCE,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        assert run.returncode == code, f"{text}\n--- ended with {run.returncode}\n{run.stdout}\n{run.stderr}"
        if code == 0:
            entries = kept.read_bytes().decode().split("\0")
            self.variables |= dict(entry.partition("=")[::2] for entry in entries if entry)
        return run.stdout

    def run_block(self, block: Block, smaller: Mapping[str, str] | None = None, **variables: str) -> str:
        """Runs a block as it stands in the document, but for numbers of rounds that `smaller` replaces."""
        assert block.kind == RUN
        self.variables |= variables
        text = block.text
        for written, run in (smaller or {}).items():
            assert written in text, f"{block.place}: {written} is not in the block"
            text = text.replace(written, run)
        try:
            return self.run(text)
        except AssertionError as error:
            raise AssertionError(f"{block.place}: {error}") from None


def runnable(document: str, heading: str) -> list[Block]:
    """The blocks of a section that are run."""
    return [
        block for block in blocks(document) if block.kind == RUN and block.heading.startswith(heading)
    ]


def write_records(path: Path, features: list[tuple[str, float, float]], seed: int, rows: int = 24) -> None:
    """Rows around the features' centres, larger where the label is 1."""
    rng = np.random.default_rng(seed)
    lines = [",".join([*(name for name, _, _ in features), "label"])]
    for row in range(rows):
        shift = 0.7 if row % 2 else -0.7
        cells = [f"{centre + (shift + rng.normal(0, 0.3)) * spread:.6g}" for _, centre, spread in features]
        lines.append(",".join([*cells, str(row % 2)]))
    path.write_text("\n".join(lines) + "\n")
