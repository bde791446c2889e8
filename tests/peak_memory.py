"""The peak of a process's resident memory."""

from __future__ import annotations

from pathlib import Path


def resident(key: str) -> int:
    """VmRSS or VmHWM in bytes. (ru_maxrss of a new process may be that of the process that started it.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def begin_peak() -> float:
    """Lets VmHWM begin again at VmRSS, which is returned in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS") / 1e6


def peak_megabytes() -> float:
    """Largest resident memory of this process, in MB, since its start or the last `begin_peak`."""
    return resident("VmHWM") / 1e6
