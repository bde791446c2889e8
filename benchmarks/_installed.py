"""The same benchmark from another installation: an editable one, as `make` makes it, or a wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

import proofward

ROOT = Path(__file__).resolve().parent.parent
EDITABLE, WHEEL = "editable", "wheel"
IGNORED = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tests", "docs")


def installed() -> str:
    """Where this process has the package from."""
    return EDITABLE if Path(proofward.__file__).is_relative_to(ROOT) else WHEEL


def build_wheel(folder: Path) -> Path:
    """A wheel of the present source, which is left as it is; packages of this environment build it."""
    copy = folder / "source"
    shutil.copytree(ROOT, copy, ignore=IGNORED)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(copy)], check=True, stdout=sys.stderr)
    (wheel,) = folder.glob("*.whl")
    return wheel


def wheel_python(folder: Path) -> Path:
    """The Python of a fresh environment with the wheel and, by a .pth file, this one's other packages."""
    environment = folder / "an environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    wheel = build_wheel(folder)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*command, "--target", str(packages), str(wheel)], check=True, stdout=sys.stderr)
    (packages / "rest.pth").write_text(f"{Path(numpy.__file__).parents[1]}\n")
    return environment / "bin" / "python"


def run_again(script: str, wanted: str) -> int | None:
    """None where this process is of that installation; else the exit code of the command from a wheel."""
    if installed() == wanted:
        return None
    if wanted == EDITABLE:
        raise SystemExit(f"expected an editable install of {ROOT}, found {Path(proofward.__file__).parent}")
    with tempfile.TemporaryDirectory(prefix="a wheel ") as folder:
        python = wheel_python(Path(folder))
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [str(python), str(Path(script).resolve()), *sys.argv[1:]]
        return subprocess.run(command, cwd=folder, env=kept, check=False).returncode
