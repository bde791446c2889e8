"""From `pip install` to a model of one's own tables: the README's commands, at most five, in five minutes.

    python benchmarks/own_table.py [--smallest]

Writes three CSV files of 300 rows, 12 columns and labels M and B, copies the source, makes a virtual
environment and runs the commands of README's section "Your own table and network" in it, one after the other;
between the first two and the others it edits consortium.toml, as its reader would. Exit code 1 when a command
fails, when there are more than five, or when they take more than five minutes. The smallest size has few rows
and one round, and installs nothing: it takes the present environment.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _installed import IGNORED, ROOT
from _machine import print_result, progress

sys.path.append(str(ROOT))
from tests.cli.own_tables import edit_draft, write_tables

SECTION = "## Your own table and network\n"
MOST_COMMANDS, MOST_SECONDS = 5, 300.0
ROWS, ROUNDS, FEW_ROWS = 300, 5, 40


def commands() -> list[str]:
    """The lines of the section's blocks of commands."""
    section = (ROOT / "README.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
    found = re.findall(r"^```(?:sh|console)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.splitlines()]


def environment(folder: Path, smallest: bool) -> dict[str, str]:
    """Variables under which `pip` and `proofward` are those of a fresh environment, or of this one."""
    programs = Path(sys.executable).parent
    if not smallest:
        subprocess.run([sys.executable, "-m", "venv", str(folder / "environment")], check=True)
        shutil.copytree(ROOT, folder / "source", ignore=IGNORED)
        programs = folder / "environment" / "bin"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "PATH": os.pathsep.join([str(programs), kept.get("PATH", os.defpath)])}


def run(line: str, folder: Path, variables: dict[str, str]) -> tuple[float, str]:
    """Seconds of a command, which has to end well, and what it wrote; `pip` works where the source is."""
    words = shlex.split(line)
    where = folder / "source" if words[0] == "pip" else folder
    start = time.perf_counter()
    done = subprocess.run(words, cwd=where, env=variables, text=True, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    progress({"command": " ".join(words[:3]), "seconds": round(seconds, 1)})
    if done.returncode:
        raise SystemExit(f"`{line}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds, done.stdout


def main() -> None:
    """Prints the JSON; exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="few rows, one round, nothing installed")
    options = parser.parse_args()
    lines, rows = commands(), FEW_ROWS if options.smallest else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = environment(folder, options.smallest)
        header, *records = write_tables(folder, rows=rows)[0].read_text().splitlines()
        (folder / "new.csv").write_text("\n".join([header, *records[:10]]) + "\n")
        seconds, said = {}, ""
        for line in lines:
            if options.smallest and line.startswith("pip "):
                continue
            seconds[" ".join(line.split()[:3])], said = run(line, folder, variables)
            if "--draft" in line:
                edit_draft(folder / "own" / "consortium.toml", 1 if options.smallest else ROUNDS)
        model = (folder / "model.json").stat().st_size
    total = sum(seconds.values())
    good = len(lines) <= MOST_COMMANDS and total <= MOST_SECONDS and len(said.splitlines()) == 11
    print_result(
        "own_table",
        commands=len(lines),
        rows=rows,
        seconds={name: round(value, 1) for name, value in seconds.items()},
        total_seconds=round(total, 1),
        predictions=len(said.splitlines()) - 1,
        model_bytes=model,
        good=good,
    )
    if not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
