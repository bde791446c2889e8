"""Containers that run, where podman is; elsewhere the benchmark says why nothing was tried."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "containers.py"
pytestmark = pytest.mark.slow


def results(*options: str) -> list[dict[str, object]]:
    """The benchmark's JSON documents; it must end with code 0. Skips with its reason."""
    done = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    decoder, text, found = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].strip()
    if "skipped" in found[0]:
        pytest.skip(str(found[0]["skipped"]))
    return found


def test_a_container_is_closed_and_compiles_no_kernel() -> None:
    (inside,) = results("--smallest")
    assert inside["wrong"] == [] and inside["written"] == 0 and inside["cached"]


@pytest.mark.exhaustive
def test_six_containers_finish_a_federation() -> None:
    *_, ran = results("--rounds", "1")
    assert ran["case"] == "federation" and ran["wrong"] == [] and ran["containers"] == 6
