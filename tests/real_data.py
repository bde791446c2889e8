"""Real data that lie beside the project on some machines: public samples, no part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def real_data(name: str) -> Path:
    """A file of real data; skips the test where there is none."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    path = Path(os.environ.get("PROOFWARD_DATA", beside)) / name
    if not path.is_file():
        pytest.skip(f"{name} is not there: set PROOFWARD_DATA to its folder")
    return path
