"""Documents name files of the repository as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"), *(ROOT / "docs").glob("*.md")]
FILES = [f"/{path.relative_to(ROOT).as_posix()}" for top in ("proofward", "tests", "benchmarks", "docs")
         for path in (ROOT / top).rglob("*.py")]  # fmt: skip
NAMED = re.compile(r"(?<![\w./-])(?:\w+/)*\w+\.py\b")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(document: Path) -> None:
    """A name may leave out folders at its front."""
    names = set(NAMED.findall(document.read_text()))
    missing = sorted(name for name in names if not any(path.endswith(f"/{name}") for path in FILES))
    assert not missing
