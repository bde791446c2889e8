"""`proofward report`: files, exit codes, and nothing written where nothing can be said."""

from __future__ import annotations

import shutil

import pytest

from proofward.dossier import pdf as pdf_module
from proofward.dossier.pdf import PdfUnavailable
from proofward.dossier.report import FORMAT


@pytest.fixture
def run(demo_run, tmp_path):
    shutil.copytree(demo_run[0], tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.slow
def test_a_page_beside_the_run(proofward, run):
    result = proofward("report", run)
    page = run.with_name("run.report.html")
    assert result.exit_code == 0
    lines = ["The record is consistent.", "Everybody kept the rules.", str(page)]
    assert result.stdout.replace("\n", "") == "".join(lines)
    text = page.read_text()
    assert "Nobody broke the rules." in text and "AUC by round, no evidence" in text and "hospital-2" in text


@pytest.mark.slow
def test_a_flawed_record_is_reported_and_the_exit_code_says_so(proofward, run, tmp_path):
    model = run / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    said = proofward.json("report", run, "--out", tmp_path / "own.html")
    assert said["exit"] == 1 and said["format"] == FORMAT and said["files"] == [str(tmp_path / "own.html")]
    assert said["consistent"] is False and said["rules_kept"] is None
    assert "Flaws of the record" in (tmp_path / "own.html").read_text()


def test_wrong_use(proofward, run, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    assert "no ledger here" in proofward("report", tmp_path / "empty").stderr

    def without(page):
        raise PdfUnavailable("no PDF can be made here (no pango): print it")

    monkeypatch.setattr(pdf_module, "pdf", without)
    monkeypatch.setattr("proofward.dossier.filing.pdf_of", without)
    result = proofward("report", run, "--pdf", "--out", tmp_path / "own.html")
    assert result.exit_code == 2 and "no pango" in result.stderr and not (tmp_path / "own.html").exists()
