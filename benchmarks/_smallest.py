"""Each benchmark once at its smallest size, two at a time, as copies of a process with the package loaded.

python benchmarks/_smallest.py [NAMES]

A benchmark at that size takes a second or two, and as long again to import the package and to load kernels.
What one prints comes as a whole when it ends. The exit code is 1 where one had another than 0, and then no
further one begins.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import runpy
import sys
from pathlib import Path

import proofward
from proofward.cli.common.console import make_console
from proofward.cli.common.kernels import load_kernels

HERE = Path(__file__).resolve().parent
AT_ONCE = 2
APART = ("proofward.__main__", "proofward.api", "proofward.console", "proofward.engines.flare")
"""What few benchmarks need, and what brings large packages with it."""


def load() -> None:
    """Imports the package and loads its kernels."""
    for module in pkgutil.walk_packages(proofward.__path__, "proofward."):
        if not module.name.startswith(APART):
            importlib.import_module(module.name)
    load_kernels(make_console(quiet=True))
    gc.freeze()


def main(names: list[str]) -> int:
    """The exit code; in a copy, ends as the benchmark does."""
    waiting = names or sorted(path.name for path in HERE.glob("[a-z]*.py"))
    load()
    running: dict[int, tuple[str, int]] = {}
    failed = False
    while running or (waiting and not failed):
        if waiting and not failed and len(running) < AT_ONCE:
            name, said = waiting.pop(0), os.memfd_create("said")
            sys.stdout.flush()
            if (process := os.fork()) == 0:
                os.dup2(said, 1)
                os.dup2(said, 2)
                sys.argv = [str(HERE / name), "--smallest"]
                runpy.run_path(sys.argv[0], run_name="__main__")
                return 0
            running[process] = name, said
            continue
        process, status = os.wait()
        name, said = running.pop(process)
        os.lseek(said, 0, os.SEEK_SET)
        with open(said, "rb") as text:
            sys.stdout.write(text.read().decode(errors="replace"))
        if (code := os.waitstatus_to_exitcode(status)) != 0:
            print(f"{name}: exit code {code}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
