"""Every file that an option or a second argument names: one of another kind is wrong use, in one sentence."""

from __future__ import annotations

import json

import pytest

from tests.cli.own_tables import write_project, write_tables

BYTES, WORDS, FOLDER = "bytes", "words", "folder"
ALL, NO_TEXT = (BYTES, WORDS, FOLDER), (BYTES, FOLDER)
"""A text may be a table, with columns that fit nothing: such a one is refused, and no wrong use."""


@pytest.fixture(scope="module")
def places(proofward, tmp_path_factory, demo_run):
    """A run, a project with tables, a kit, a model, and the wrong things."""
    root = tmp_path_factory.mktemp("kinds")
    write_tables(root, rows=20)
    write_project(root)
    (root / BYTES).write_bytes(b"\0\xff\xfe\x01garbage" * 40)
    (root / WORDS).write_text("# Words\n" * 9)
    (root / FOLDER).mkdir()
    assert proofward("consortium", "init", root).exit_code == 0
    assert proofward("model", "export", demo_run[0], "--to", "json", "--out", root / "model.json").exit_code == 0
    return {
        "run": demo_run[0], "kit": root / "kits" / "a", "toml": root / "consortium.toml", "a": root / "a.csv", "root": root,
        "out": root / "out", "model": root / "model.json",
    }  # fmt: skip


COMMANDS = [
    (("data", "inspect", "?"), NO_TEXT),
    (("data", "inspect", "a", "--consortium", "?"), ALL),
    (("check-data", "toml", "--data", "?"), NO_TEXT),
    (("enrol", "kit", "--replace", "--data", "?"), NO_TEXT),
    (("enrol", "kit", "--replace", "--data", "a", "--data-sheet", "?"), NO_TEXT),
    (("consortium", "check", "toml", "--data", "?"), NO_TEXT),
    (("consortium", "calibrate", "toml", "--data", "?"), NO_TEXT),
    (("consortium", "statistics", "toml", "--from", "?"), ALL),
    (("simulate", "toml", "--data", "?", "--data", "a", "--data", "a", "--run", "out"), NO_TEXT),
    (("simulate", "toml", "--data", "a", "--data", "a", "--data", "a", "--held-out", "?", "--run", "out"), NO_TEXT),
    (("export-audit", "run", "--out", "out", "--records", "?"), NO_TEXT),
    (("model", "export", "run", "--to", "json", "--out", "out", "--features", "?"), ALL),
    (("model", "export", "run", "--to", "onnx", "--out", "out", "--rows", "?"), NO_TEXT),
    (("model", "import", "?", "--out", "out"), ALL),
    (("evaluate", "run", "--features", "?"), ALL),
    (("evaluate", "model", "?"), NO_TEXT),
    (("predict", "model", "?"), NO_TEXT),
    (("verify", "a", "--model", "?"), ALL),
    (("certificates", "install", "kit", "?"), ALL),
    (("bundle", "import", "kit", "?"), ALL),
    (("audit", "run", "--remember", "?"), ALL),
]


@pytest.mark.parametrize(
    ("command", "what"), [(command, what) for command, wrong in COMMANDS for what in wrong],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_a_file_of_another_kind_is_wrong_use(proofward, places, command, what):
    words = [places["root"] / what if word == "?" else places.get(word, word) for word in command]
    result = proofward(*words)
    assert result.exit_code == 2, (words, result.output)
    assert result.stdout == "" and "Error: " in result.stderr
    assert not any(raw in result.output for raw in ("codec", "Errno", "Traceback", "Expecting value: line 1 column 1 (char 0)\n\n"))
    if what == BYTES:
        document = proofward(*words, "--json")
        assert document.exit_code == 2 and json.loads(document.stdout)
    assert not places["out"].exists()
