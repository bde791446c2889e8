"""One rule for every file or folder that a command writes: folders on the way to it are made."""

from __future__ import annotations

import pytest

from tests.cli.own_tables import write_tables

NEW = "new/folder"


@pytest.mark.parametrize("words", [
    ("presets", "copy", "tiny", "OUT/a.toml"),
    ("consortium", "schema", "--out", "OUT/a.json"),
    ("export-audit", "RUN", "--out", "OUT/a.zip"),
    ("export-audit", "RUN", "--out", "OUT/a"),
    ("model", "export", "RUN", "--to", "json", "--out", "OUT/a.json"),
    ("data", "inspect", "TABLE", "--out", "OUT/a.md"),
    ("predict", "MODEL", "ROWS", "--out", "OUT/a.csv"),
], ids=" ".join)  # fmt: skip
def test_folders_on_the_way_are_made(proofward, demo_run, tmp_path, words):
    places = {"RUN": demo_run[0], "TABLE": tmp_path / "a.csv", "MODEL": tmp_path / "m.json", "ROWS": tmp_path / "r.csv"}
    write_tables(tmp_path, rows=20)
    places["ROWS"].write_text("feature-1,feature-2,feature-3,feature-4\n0.5,1,-1,0.25\n")
    if "MODEL" in words:
        proofward("model", "export", demo_run[0], "--to", "json", "--out", places["MODEL"])
    out = tmp_path / NEW
    result = proofward(*(places.get(word, word.replace("OUT", str(out))) for word in words))
    assert result.exit_code == 0, result.output
    assert next(out.iterdir()).name.startswith("a")
