"""What every benchmark says alike: the machine, its threads, the commit, peak memory; one JSON document."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from proofward.field.threads import thread_count

ROOT = Path(__file__).resolve().parent.parent


def _git(*arguments: str) -> str:
    """Output of a git command on the repository; raises OSError or CalledProcessError."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def describe() -> dict[str, object]:
    """Machine, cores, threads, the load when asked, Python, and the commit measured."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = bool(_git("status", "--porcelain", "--", "proofward"))
    except (OSError, subprocess.CalledProcessError):
        commit, changed = "unknown", False
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": thread_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "commit": commit,
        "package_changed_since_commit": changed,
    }


def print_result(name: str, **figures: object) -> None:
    """Prints the one JSON document of a benchmark."""
    print(json.dumps({"benchmark": name, **describe(), **figures}, indent=2))


def progress(line: object) -> None:
    """A partial result, as soon as it is there, on standard error."""
    print(json.dumps(line), file=sys.stderr, flush=True)


def reset_peak_memory() -> None:
    """Begin a new peak, where the system can; elsewhere the peak is the process's."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Largest resident memory in bytes since the last reset."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall-clock seconds of `repeats` calls."""
    return statistics.median(seconds(work) for _ in range(repeats))


def both_medians(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Medians of wall-clock and of processor seconds, of all threads, of `repeats` calls."""
    runs = []
    for _ in range(repeats):
        start = time.process_time()
        runs.append((seconds(work), time.process_time() - start))
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Median of every key of several runs' seconds."""
    return {key: round(statistics.median(run[key] for run in runs), 6) for key in runs[0]}
