"""The documents' blocks of Python, run as they stand but for numbers of rounds, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import proofward
from tests.cli.own_tables import write_tables
from tests.docs.blocks import DOCUMENTS, Block, blocks

pytestmark = pytest.mark.slow
PYTHON = "python"
WHERE = {"README.md": 1, "docs/python.md": 7}
"""How many blocks each document has."""


def python_of(document: str) -> list[Block]:
    return [block for block in blocks(document) if block.kind == PYTHON]


def test_all_blocks_are_counted():
    assert {name: len(python_of(name)) for name in WHERE} == WHERE and set(WHERE) < set(DOCUMENTS)


@pytest.mark.parametrize("document", WHERE)
def test_blocks_run_and_use_what_is_exported(document, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    write_tables(tmp_path, rows=48)
    write_tables(tmp_path / "others", rows=40, seed=2)[0].rename(tmp_path / "held-out.csv")
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    for block in python_of(document):
        text = re.sub(r"\brounds=\d+", "rounds=1", block.text)
        text = text.replace('hidden=[16], label="diagnosis"', 'hidden=[16], rounds=1, label="diagnosis"')
        exec(compile("\n" * block.line + text, document, "exec"), found)
        assert set(re.findall(r"\b(?:pw|proofward)\.(\w+)", block.text)) <= set(proofward.__all__)
    assert found["federation"].audit().passed
    assert (tmp_path / "model.safetensors").stat().st_size > 1000
    assert (tmp_path / "report" / "report.md").exists()
    if document == "docs/python.md":
        assert len(found["root"]) == 32 and len(found["names"]) == 40
        assert Path(found["page"]).exists()
        shown = next(block.text for block in blocks(document) if " records: accuracy " in block.text)
        printed = str(found["federation"].evaluate(found["held_out"]))
        assert without_numbers(printed) == without_numbers(shown)
        (said,) = (block.text for block in blocks(document) if block.text.startswith("these settings"))
        with pytest.raises(proofward.SettingsRefused) as refused:
            proofward.Federation(batch=12, learning_rate=0.1)
        assert f"{refused.value}\n" == said


def without_numbers(text: str) -> str:
    return " ".join(re.sub(r"\d+(\.\d+)?", "N", text).split())


def test_from_the_package_to_an_exported_model_in_ten_lines():
    section = [block for block in blocks("README.md") if block.heading == "In Python"]
    lines = [line for block in section for line in block.text.splitlines() if line.strip()]
    assert len(lines) <= 10 and lines[0].startswith("pip install")
    for word in ("fit(", "evaluate(", "audit(", "export(", "read_csv"):
        assert any(word in line for line in lines), word
