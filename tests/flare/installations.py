"""Installations that a site may run from, and folders with modules in them that nobody may import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy

from proofward.engines.flare.supervisor import flare_processes
from proofward.engines.operations.isolation import PATH, interpreter
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
NAME = 'it\'s "her" $HOME & {x} %d \\n `id` ünï;#'
"""A folder named to hurt."""
PLANTED = ("json.py", "numpy.py", "torch.py", "nvflare/__init__.py", "proofward/__init__.py",
           "proofward/federation/__init__.py", "proofward/json.py")  # fmt: skip
FINDER = f"""import importlib.util, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "proofward":
            return importlib.util.spec_from_file_location(name, {str(ROOT / "proofward" / "__init__.py")!r})
sys.meta_path.append(Finder)
"""


@dataclass(frozen=True)
class Installation:
    """A Python of its own. Its commands have PYTHONPATH as FLARE's own script would, and an empty folder."""

    python: Path
    folder: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What came of running this Python, which does not look at the working folder."""
        return subprocess.run(
            [str(self.python), *interpreter(*words)[1:]], capture_output=True, text=True, cwd=self.folder,
            env={**os.environ, PATH: ":/local/custom:"}, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def finds(self) -> tuple[list[str], Path]:
        """Its search path, and where its ProofWard lies."""
        run = self.run("-c", "import proofward, sys; print(*sys.path, proofward.__file__, sep=chr(10))")
        assert run.returncode == 0, run.stderr
        *searched, package = run.stdout.splitlines()
        return searched, Path(package).parent


def _environment(folder: Path) -> tuple[Installation, Path]:
    """A Python without packages, and the folder for them."""
    home, here = folder / "a venv", folder / "here"
    here.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    return Installation(home / "bin" / "python", here), next((home / "lib").glob("python*/site-packages"))


def from_wheel(folder: Path) -> Installation:
    """A Python in whose packages lie ProofWard's files, as a wheel brings them, and the packages of this one."""
    made, packages = _environment(folder)
    shutil.copytree(ROOT / "proofward", packages / "proofward")  # with the compiled kernels
    (packages / "rest.pth").write_text(f"{Path(numpy.__file__).parents[1]}\n")
    searched, package = made.finds()
    assert str(ROOT) not in searched and package == packages / "proofward"
    return made


def from_finder(folder: Path) -> Installation:
    """A Python with an editable install that puts no folder on the search path, as setuptools makes some."""
    made, packages = _environment(folder)
    (packages / "proofward_finder.py").write_text(FINDER)
    (packages / "rest.pth").write_text(f"{Path(numpy.__file__).parents[1]}\nimport proofward_finder\n")
    searched, package = made.finds()
    assert str(ROOT) not in searched and package == ROOT / "proofward"
    return made


def plant(kit: Path, told: Path) -> None:
    """Modules that tell when they are imported, under names that FLARE and ProofWard import."""
    for name in PLANTED:
        path = kit / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(told)!r}, 'a').write(__file__ + chr(10))\nraise ImportError('planted')\n")


def pythons(kit: Path) -> list[str]:
    """The interpreters of a kit's FLARE processes."""
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in flare_processes(kit)]
    return sorted({command.split(b"\0")[0].decode() for command in commands})


def naming(folder: Path) -> list[int]:
    """The processes in whose commands the folder stands."""
    found, own = [], os.fsencode(folder)
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if own in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found
