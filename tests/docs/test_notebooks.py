"""The notebooks, executed with a single round of few steps."""

from __future__ import annotations

import re

import nbformat
import pytest

pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from notebooks.execute import NOTEBOOKS, executed
from tests.docs.sandbox import Sandbox

pytestmark = pytest.mark.slow
LARGEST = 40_000
"""Bytes of a notebook with its stored outputs."""


def printed(book: nbformat.NotebookNode) -> list[str]:
    """What each cell of code printed or drew, as text."""
    found = []
    for cell in book.cells:
        if cell.cell_type == "code":
            parts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
            found.append("".join(parts))
    return found


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """The notebooks by name, as stored and as executed."""
    folder, smaller = tmp_path_factory.mktemp("notebooks"), []
    for path in NOTEBOOKS:
        smaller.append(folder / path.name)
        smaller[-1].write_text(re.sub(r"\bsteps=\d+", "steps=2", re.sub(r"\brounds=\d+", "rounds=1", path.read_text())))
    sandbox = Sandbox(tmp_path_factory.mktemp("programs"))
    found = {path.stem: book for path, book in executed(smaller, folder, sandbox.folder / "bin")}
    return {path.stem: (nbformat.read(path, as_version=4), found[path.stem]) for path in NOTEBOOKS}


def test_every_cell_runs_and_prints_where_the_stored_one_does(books):
    assert set(books) == {"attack_and_audit", "from_notebook_to_consortium", "own_table"}
    for name, (stored, book) in books.items():
        assert [bool(text) for text in printed(stored)] == [bool(text) for text in printed(book)], name
        assert len(list(filter(None, printed(book)))) >= 3, name
        for output in (output for cell in stored.cells for output in cell.get("outputs", [])):
            assert output.output_type != "error", name


def test_what_they_are_to_show(books):
    attack, consortium, table = ("\n".join(printed(books[name][1])) for name in sorted(books))
    assert "culprit: hospital-1" in attack and "exit code 1" in attack
    assert "NOT everybody kept the rules: hospital-1 broke them." in attack and "The record is NOT consistent" in attack
    assert "own/kits/verifier-2: verifier" in consortium and "1 rounds closed" in consortium
    assert "Everybody kept the rules." in table and "missing values: 1 (row 5)" in table and "model.safetensors" in table


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebooks_are_small_and_say_nothing_of_a_machine(path):
    text = path.read_text()
    assert len(text) < LARGEST and "/tmp/" not in text and "/home/" not in text
    assert '"execution_count": null' in text and "\\u001b" not in text
