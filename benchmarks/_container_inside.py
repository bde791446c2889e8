"""What a closed container can and cannot do, asked from within by programs that print one JSON object."""

from __future__ import annotations

import json

from _container_engine import IMAGE, in_closed

HARDENING = r"""
import json, os, pathlib, subprocess
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def refused(path):
    try:
        pathlib.Path(path).write_text("x")
    except OSError as error:
        return type(error).__name__ + ": " + error.strerror
    return ""
def limit(*paths):
    for path in paths:
        if os.path.exists(path):
            return pathlib.Path(path).read_text().strip()
    return ""
program = pathlib.Path("/tmp/program")
program.write_text("#!/bin/sh\nexit 0\n")
program.chmod(0o700)
try:
    subprocess.run([str(program)], check=True)
    executed = True
except OSError:
    executed = False
print(json.dumps({
    "uid": os.getuid(),
    "capabilities": int(status["CapEff"], 16),
    "bounding_capabilities": int(status["CapBnd"], 16),
    "no_new_privileges": status["NoNewPrivs"].strip() == "1",
    "seccomp_filter": status["Seccomp"].strip() == "2",
    "root_refuses": refused("/x"),
    "package_refuses": refused("/opt/venv/x"),
    "executes_in_tmp": executed,
    "memory_bytes": limit("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"),
    "processes": limit("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"),
}))
"""

ROUTES = r"""
import json, socket
routes = [line.split() for line in open("/proc/net/route").read().splitlines()[1:]]
def reached(address):
    try:
        socket.create_connection((address, 443), timeout=3).close()
    except OSError:
        return False
    return True
default = any(route[1] == "00000000" for route in routes)
print(json.dumps({"default_route": default, "reaches_out": reached("1.1.1.1")}))
"""

KERNELS = r"""
import json, os, pathlib, shutil, time
folder = pathlib.Path(os.environ["NUMBA_CACHE_DIR"])
shutil.copytree("/opt/kernels", folder)
def entries():
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*.nb?")}
before, start = entries(), time.process_time()
from rich.console import Console
from proofward.cli.common.kernels import load_kernels
imported = time.process_time()
load_kernels(Console(quiet=True))
print(json.dumps({
    "cached": len(before),
    "written": len(entries() - before),
    "import_processor_seconds": round(imported - start, 2),
    "kernels_processor_seconds": round(time.process_time() - imported, 2),
}))
"""
"""The image's kernels in a copy, as its entry point makes one: none may be compiled once more."""


def hardening() -> dict[str, object]:
    """What a container of the image may do; see HARDENING for the fields."""
    return dict(json.loads(in_closed(IMAGE, HARDENING)))


def kernels() -> dict[str, object]:
    """Whether the kernels of the image are used, and what they cost at a start."""
    return dict(json.loads(in_closed(IMAGE, KERNELS)))


def routes(network: str) -> dict[str, object]:
    """Whether a container of the network gets out of it."""
    return dict(json.loads(in_closed(IMAGE, ROUTES, network=network)))


def flaws(found: dict[str, object]) -> list[str]:
    """What is not as closed as it should be, in words; empty when all is well."""
    expected = {
        "uid": 10001,
        "capabilities": 0,
        "bounding_capabilities": 0,
        "no_new_privileges": True,
        "seccomp_filter": True,
        "root_refuses": "OSError: Read-only file system",
        "package_refuses": "OSError: Read-only file system",
        "executes_in_tmp": False,
        "memory_bytes": str(2 << 30),
        "processes": "512",
        "written": 0,
        "default_route": False,
        "reaches_out": False,
    }
    wrong = [
        f"{name}: expected {expected[name]}, found {value}"
        for name, value in found.items()
        if name in expected and value != expected[name]
    ]
    return wrong + (["no kernel of the image is in its cache"] if found.get("cached") == 0 else [])
