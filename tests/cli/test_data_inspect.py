"""`proofward data inspect`: a table looked at by itself and by a consortium's file, and a page of it."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.own_kinds import columns, write_kinds
from tests.cli.own_statistics import write_all, write_uncentred
from tests.data.own_formats import FORMATS, write


def test_lines_say_what_is_worth_a_look(proofward, tmp_path):
    path = write(tmp_path / "a.csv", columns(1))
    said = proofward("data", "inspect", path, "--label", "diagnosis")
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[0].endswith("a.csv: 40 rows, 6 columns: 3 of texts, 2 of whole numbers, 1 of numbers")
    assert lines[1].startswith("classes in diagnosis: B: ") and any("missing: age: " in line for line in lines)
    assert any(line.startswith("identifier: patient: ") for line in lines)
    assert proofward("data", "inspect", path, "--label", "none").exit_code == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_by_a_consortiums_file(proofward, tmp_path, kind):
    project, table = write_kinds(tmp_path), columns(1)
    path = tmp_path / f"a.{kind}"
    said = proofward.json("data", "inspect", write(path, table), "--consortium", project)
    assert (said["exit"], said["consortium"]["taken"], said["label"]["column"]) == (0, True, "diagnosis")
    table["age"][:7] = [200] * 7
    table["stain"][1] = None
    table["size"][:30] = [1e6] * 30
    said = proofward.json("data", "inspect", write(path, table), "--consortium", project)
    assert said["exit"] == 1 and sorted(said["consortium"]["problems"], key=lambda entry: entry["column"]) == [
        {"column": "age", "what": "numbers outside the agreed range, 18 to 110", "rows": 7},
        {"column": "stain", "what": "empty cells", "rows": "fewer than 5"},
    ]
    assert said["consortium"]["clipped"]["size"] >= 20


def test_pages(proofward, tmp_path):
    path = write(tmp_path / "a.csv", columns(1))
    for name in ("page.html", "page.md"):
        said = proofward("data", "inspect", path, "--out", tmp_path / name, "--label", "diagnosis")
        assert said.exit_code == 0 and str(tmp_path / name) in said.stdout
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    text = (tmp_path / "page.html").read_text()
    assert "data:image/png;base64," in text and not re.search(r"""(src|href)=(?!["']?data:)""", text)
    assert "![" in (tmp_path / "page.md").read_text() and (tmp_path / "page-distributions.png").stat().st_size > 1000
    assert proofward("data", "inspect", path, "--out", tmp_path / "page.pdf").exit_code == 2


def test_what_is_no_table_is_refused_in_a_sentence(proofward, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    said = proofward("data", "inspect", tmp_path / "a.parquet")
    assert said.exit_code == 1 and "expected a whole Parquet file, found one that cannot be read" in said.stderr
    said = proofward.json("data", "inspect", tmp_path / "a.parquet")
    assert said["did"] == "refused" and json.dumps(said)


def test_an_empty_table_and_a_file_for_a_folder_are_named_as_given(proofward, tmp_path):
    (tmp_path / "a.csv").write_text("age,label\n61,1\n47,0\n")
    said = proofward("data", "inspect", tmp_path / "a.csv", "--out", tmp_path / "none" / "a.html")
    assert said.exit_code == 0 and (tmp_path / "none" / "a.html").is_file()
    said = proofward("data", "inspect", tmp_path / "a.csv", "--out", tmp_path / "a.csv" / "a.html")
    assert said.exit_code == 1 and "a.csv" in said.stderr
    assert "Errno" not in said.stderr and "writing" not in said.stderr
    (tmp_path / "b.csv").write_text("")
    said = proofward("data", "inspect", tmp_path / "b.csv")
    assert said.exit_code == 2 and "is empty: expected a table" in said.stderr.replace("\n", " ")


def test_the_delimiter_that_fits_is_named_where_another_finds_one_column(proofward, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("age,size\n1,2\n3,4\n")
    said = proofward.json("data", "inspect", file, "--delimiter", "semicolon")
    assert said["exit"] == 0 and "--delimiter comma" in said["other_delimiter"]
    assert "--delimiter comma" in proofward("data", "inspect", file, "--delimiter", ";").stdout
    assert proofward.json("data", "inspect", file, "--delimiter", "comma")["other_delimiter"] == ""
    file.write_text("age\n1\n3\n")
    assert proofward.json("data", "inspect", file, "--delimiter", "semicolon")["other_delimiter"] == ""


def test_all_columns_without_a_centre_are_named_at_once(proofward, tmp_path):
    path, (table, *_) = write_uncentred(tmp_path), write_all(tmp_path)[1]
    said = proofward.json("data", "inspect", table, "--consortium", path)
    assert said["exit"] == 1 and len(said["problems"]) == 2 and all("centre" in line for line in said["problems"])
