"""Podman and buildah by their command lines: an image of the Dockerfile, and containers closed as can be.

Where the registry of the base image cannot be reached, a root file system of Debian's packages takes its
place (mmdebstrap); the Dockerfile is used as it stands but for its FROM lines then, and the result says so.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _machine import ROOT, progress

import proofward

IMAGE = f"localhost/proofward:{proofward.__version__}"
BASE = "localhost/proofward-base:bookworm"
TOOLS = ("podman", "buildah", "mmdebstrap")
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
FROM = re.compile(r"^FROM (\S+)", re.MULTILINE)
USER = "10001:10001"
CLOSED = (
    *("--read-only", "--user", USER, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--tmpfs", "/tmp:size=512m,mode=1777,noexec,nosuid,nodev", "--pids-limit", "512", "--memory", "2g"),
    *("--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"),
)
"""How every container runs. An engine that is in a container itself cannot raise limits: they are given."""


class EngineFailed(Exception):
    """A command of the engine ended with an error; its last lines are the text."""


def why_not() -> str:
    """Why containers cannot be tried here; empty where they can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: apt-get install podman buildah runc mmdebstrap)"
    tried = subprocess.run(["podman", "info"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"podman does not work here: {tried.stderr.strip()[-300:]}"


def run(*command: str, check: bool = True, timeout: float = 3600) -> str:
    """Standard output of a command. Raises `EngineFailed` unless check is False."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        told = f"{done.stdout}\n{done.stderr}".strip()
        raise EngineFailed(f"{' '.join(command)[:200]} ended with code {done.returncode}: {told[-2000:]}")
    return done.stdout


def podman(*arguments: str, check: bool = True, timeout: float = 3600) -> str:
    """Standard output of a podman command; runc is named, since crun does not run under hybrid cgroups."""
    runtime = ("--runtime", "runc") if shutil.which("runc") else ()
    return run("podman", *runtime, *arguments, check=check, timeout=timeout)


def has_image(name: str) -> bool:
    """Whether the engine's storage has it."""
    return subprocess.run(["podman", "image", "exists", name], capture_output=True).returncode == 0


@dataclass(frozen=True)
class Built:
    """An image, and how it came about; base: what it was built on, "" where it was there already."""

    image: str
    base: str
    seconds: float
    bytes: int


def build(anew: bool) -> Built:
    """The image of the Dockerfile; one that is there already is taken unless anew."""
    start = time.perf_counter()
    base = _built() if anew or not has_image(IMAGE) else ""
    seconds = time.perf_counter() - start
    size = int(run("podman", "image", "inspect", "--format", "{{.Size}}", IMAGE))
    return Built(IMAGE, base, seconds, size)


def _built() -> str:
    """Builds the image; the base on which it was."""
    text = (ROOT / "Dockerfile").read_text()
    base = FROM.findall(text)[0]
    if not _reachable(base):
        base = BASE
        if not has_image(BASE):
            _debian_base()
        text = FROM.sub(f"FROM {BASE}", text)
    progress(f"building {IMAGE} on {base}")
    with tempfile.NamedTemporaryFile("w", suffix=".Dockerfile") as file:
        file.write(text)
        file.flush()
        isolation = ("--isolation", "chroot", "--network", "host")
        image = ("--format", "docker", "--tag", IMAGE, "--file", file.name)
        run("buildah", "bud", "--quiet", *isolation, *image, str(ROOT))
    return base


def _reachable(base: str) -> bool:
    """Whether the pinned base is here or can be pulled."""
    if has_image(base):
        return True
    progress(f"asking for {base}")
    try:
        pulled = subprocess.run(["podman", "pull", "--quiet", base], capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return False
    return pulled.returncode == 0


def _debian_base() -> None:
    """A root of Debian 12 with its Python 3.11, with this machine's certificate authorities."""
    progress("the registry cannot be reached: making a base of Debian's packages")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "base.tar"
        run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(archive))
        container = run("buildah", "from", "scratch").strip()
        run("buildah", "add", "--quiet", container, str(archive), "/")
        if AUTHORITIES.exists():
            run("buildah", "add", "--quiet", container, str(AUTHORITIES), str(AUTHORITIES))
        link = ("ln", "-sf", "/usr/bin/python3", "/usr/bin/python")
        run("buildah", "run", "--isolation", "chroot", container, "--", *link)
        settings = ("--env", f"PIP_CERT={AUTHORITIES}", "--env", "LANG=C.UTF-8")
        run("buildah", "config", *settings, container)
        run("buildah", "commit", "--quiet", container, BASE)
        run("buildah", "rm", container)


def in_closed(image: str, script: str, network: str = "none") -> str:
    """Standard output of a Python program in a closed container, by default without any network."""
    program = ("--entrypoint", "/opt/venv/bin/python")
    return podman("run", "--rm", *CLOSED, "--network", network, *program, image, "-c", script)


def stopped(names: Sequence[str], grace: int = 30) -> dict[str, tuple[int, float]]:
    """Exit code of each after SIGTERM, and within how many seconds it ended."""
    ended = {}
    for name in names:
        begun = time.perf_counter()
        podman("stop", "--time", str(grace), name)
        seconds = time.perf_counter() - begun
        ended[name] = (int(podman("inspect", "--format", "{{.State.ExitCode}}", name)), seconds)
    return ended
