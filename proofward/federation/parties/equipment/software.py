"""The software that a member runs, as it says once on the ledger: versions, and a digest of the sources.

The member signs it, and nothing proves it: it helps honest people to find out who has run what. It names no
machine, user, folder or release of an operating system.
"""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import proofward

LIBRARIES = ("numpy", "numba", "cryptography")


@cache
def software_in_use() -> tuple[str, ...]:
    """Lines of "name value": ProofWard and the digest of its sources, Python, libraries, platform."""
    lines = [f"proofward {proofward.__version__}", f"source sha256:{source_digest()}"]
    lines.append(f"python {platform.python_implementation()} {platform.python_version()}")
    lines += [f"{name} {_version(name)}" for name in LIBRARIES]
    lines.append(f"platform {platform.system()} {platform.machine()}")
    return tuple(lines)


@cache
def source_digest() -> str:
    """SHA-256 of the installed package's Python files: of a line "digest  path" for each, in order of paths.

    `sha256sum PATHS | sha256sum` gives the same within the folder `proofward`, for all .py files in the order
    of their paths as bytes, without a ./ in front.
    """
    folder = Path(proofward.__file__).parent
    paths = sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix().encode())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in paths
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
