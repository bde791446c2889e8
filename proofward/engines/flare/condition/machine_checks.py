"""What a site needs of its machine: versions, a clock, room on disk, memory, a folder to write in."""

from __future__ import annotations

import importlib.metadata
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from proofward.engines.contract import GOOD, PROBLEM, SERVER, WARNING, Check, KitError
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.messages.consortium.rules import HOSPITAL

FLARE_VERSION = "2.9.0"
TIMEOUT = 5.0
LEAST_FILES = 1024
SPARE = 1 << 26
"""Bytes for logs and what files cost besides their content."""
KIT_BYTES = 1 << 18
"""Bytes of a start-up kit with its certificates, as it is made: some 100 kB."""


def versions() -> Iterator[Check]:
    """Of Python and of the packages that matter."""
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= (3, 11)
    yield Check("python", GOOD if fine else PROBLEM, version, "" if fine else "install Python 3.11 or newer")
    for name in ("numpy", "numba", "cryptography", "nvflare", "prometheus-client"):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            optional = name == "prometheus-client"
            remedy = "pip install 'proofward[flare]'"
            yield Check(name, WARNING if optional else PROBLEM, "not installed", remedy)
            continue
        other = name == "nvflare" and found != FLARE_VERSION
        remedy = f"this release was tested with {FLARE_VERSION}: pip install nvflare=={FLARE_VERSION}"
        yield Check(name, WARNING if other else GOOD, found, remedy if other else "")


def clock() -> Check:
    """Whether something sets it, where that can be told."""
    try:
        done = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True, text=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
        word = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        word = ""
    if word == "yes":
        return Check("clock", GOOD, "synchronised")
    detail = "not synchronised" if word == "no" else "cannot be told here"
    return Check("clock", WARNING, detail, "make sure that NTP sets this machine's clock")


def writable(folders: Sequence[Path]) -> Check:
    """Whether files can be made in all of them, which a full or read-only disk prevents."""
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"0")
        except OSError as error:
            remedy = "let the user who runs this own the kit, on a disk that can be written to and has room"
            return Check("folder", PROBLEM, f"nothing can be written in {folder}: {error.strerror}", remedy)
    return Check("folder", GOOD, "can be written to")


def disk_needed(terms: Terms, kind: str) -> int:
    """Bytes that a federation takes: at the server every round's objects, at a site those of one round."""
    hospitals, model = len(terms.named(HOSPITAL)), 8 * terms.round_config.model.parameters
    proof = (1 << 20) + model // 16  # 0.5 MB for 1 k parameters, 7.4 MB for 15.7 M: docs/deploy.md
    one = (hospitals + 3) * model + hospitals * (proof + hospitals * (34 << 10))
    return one * terms.rounds if kind == SERVER else 2 * one


def used(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def disk(kit: Path, terms: Terms, kind: str) -> Check:
    """Room for what is still to come: what lies in the kit already needs none."""
    needed = max(disk_needed(terms, kind) - used(kit), 0) + SPARE
    return room(kit, needed, "make room, or move the kit to another disk")


def room(folder: Path, needed: int, remedy: str) -> Check:
    """Whether a folder's disk has so many bytes left."""
    free = shutil.disk_usage(folder).free
    detail = f"{_megabytes(free)} free, about {_megabytes(needed)} needed"
    return Check("disk", *((GOOD, detail) if free > needed else (PROBLEM, detail, remedy)))


def _megabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.1f} MB"


def require_room(folder: Path, kits: int) -> None:
    """KitError unless so many new kits have room where `folder` is or will be."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    found = room(there, kits * KIT_BYTES, "make room, or choose a folder on another disk")
    if found.outcome == PROBLEM:
        raise KitError(f"no room on the disk of {there}: {found.detail}; {found.remedy}")


def memory_needed(terms: Terms, home: Home) -> int:
    """Bytes of memory that the processes of a site need.

    A site needs 0.5 GB, and one that proves needs 500 bytes more for every parameter. That makes 8 GB for
    15.7 million parameters, measured in benchmarks/large_ciphertexts.py.
    """
    proves = any(seat.role == HOSPITAL for seat in home.seats)
    return (1 << 29) + (500 * terms.round_config.model.parameters if proves else 0)


def memory(terms: Terms, home: Home) -> Check:
    """A problem if the machine does not have it, a warning if others use it now."""
    needed = memory_needed(terms, home)
    try:
        lines = [line.split() for line in Path("/proc/meminfo").read_text().splitlines()]
        sizes = {words[0].rstrip(":"): int(words[1]) << 10 for words in lines}
        free, total = sizes["MemAvailable"], sizes["MemTotal"] + sizes["SwapTotal"]
    except (OSError, LookupError, ValueError):
        return Check("memory", WARNING, f"unknown; about {needed / 1e9:.1f} GB needed")
    detail = f"{free / 1e9:.1f} GB free of {total / 1e9:.1f} GB, about {needed / 1e9:.1f} GB needed"
    if total < needed:
        return Check("memory", PROBLEM, detail, "use a larger machine")
    short = free < needed
    return Check("memory", WARNING if short else GOOD, detail, "end what else uses memory" if short else "")


def limits() -> Check:
    """Of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft >= LEAST_FILES or soft == resource.RLIM_INFINITY
    remedy = "" if enough else f"ulimit -n {LEAST_FILES}, or LimitNOFILE of the service"
    return Check("open files", GOOD if enough else WARNING, f"at most {soft}; {os.cpu_count()} cores", remedy)
