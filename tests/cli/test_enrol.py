"""`proofward enrol`: records into a kit, refusals without values, and no change once a hospital has enrolled."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import stat
from dataclasses import replace

import numpy as np
import pytest

from proofward.data.columns.schema import FEATURES_NAME, Feature, Schema
from proofward.engines.flare.condition.checks import _keys
from proofward.engines.remote.agreement import site_ledger
from proofward.engines.remote.agreement.data_sheets import NAME, kept
from proofward.engines.remote.agreement.home import STATE, Home
from proofward.engines.remote.agreement.requests import enrolment_begun, followed
from proofward.federation.storage.state_store import StateStore
from tests.engines.remote_harness import AUDITOR, SERVER, Consortium, agreement, set_up

HEADER = "label,feature-4,feature-3,feature-2,feature-1\n"
ROWS = "1,0.25,0.5,-1,1000\n0,0,0,0,0\n" + "".join(f"{n % 2},{n},{n},{n},{n}\n" for n in range(1, 7))
OTHER_ROWS = "".join(f"{n % 2},{n}.5,0.{n},1,2\n" for n in range(8))
SECRET = "73.125"
SCHEMA = Schema(tuple(Feature(f"feature-{number}", 0.0, 1.0) for number in range(1, 5)))


def furnish(root) -> None:
    """Makes kits of the homes that the harness writes."""
    constants = SCHEMA.to_bytes()
    for name in ("hospital-0", "hospital-1", "hospital-2", AUDITOR, SERVER):
        (root / name / "proofward").symlink_to(root / name / "home")
        kind = "server" if name == SERVER else "client"
        (root / name / "startup" / f"fed_{kind}.json").touch()
        Home(root / name / "home").write(FEATURES_NAME, constants)


@pytest.fixture
def kit(tmp_path):
    """A hospital's kit without records."""
    set_up(tmp_path, agreement())
    furnish(tmp_path)
    kit = tmp_path / "hospital-0"
    (kit / "home" / "members" / "hospital-0" / "dataset.npz").unlink()
    return kit


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "records.csv"
    path.write_text(HEADER + ROWS)
    return path


def test_records_are_taken_in(proofward, kit, file):
    said = proofward.json("enrol", kit, "--data", file)
    assert (said["exit"], said["did"], said["member"], said["rows"]) == (0, "taken in", "hospital-0", 8)
    assert said["labels"] == {"0": 4, "1": 4} and said["clipped"] == {"feature-1": 1}
    features, labels = Home(kit / "home").dataset("hospital-0")
    assert features[:2].tolist() == [[2047, -64, 32, 16], [0, 0, 0, 0]] and labels.tolist() == [1, 0] * 4
    assert (said["forced"], said["doubts"], said["notes"]) == (False, [], [])
    path = kit / "home" / "members" / "hospital-0" / "dataset.npz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_words(proofward, kit, file):
    result = proofward("enrol", kit, "--data", file)
    assert "8 records, 4 of label 0, 4 of label 1" in result.stdout
    assert "1 values of feature-1" in result.stdout and "1000" not in result.stdout


def test_another_label_and_delimiter(proofward, kit, file):
    file.write_text((HEADER + ROWS).replace("label", "malignant").replace(",", ";"))
    assert proofward("enrol", kit, "--data", file).exit_code == 1
    options = ("--label", "malignant", "--delimiter", "semicolon")
    assert proofward("enrol", kit, "--data", file, *options).exit_code == 0


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEADER + ROWS + f"1,0,0,0,{SECRET}x\n", "column 5, feature-1: cells that are no number with a decimal point: 1 (row 10)"),
        (HEADER + ROWS + f"{SECRET},0,0,0,0\n", "column 1, label: cells that are none of the agreed labels, 0 and 1: 1 (row 10)"),
        (HEADER + f"1,,0,0,{SECRET}\n", "column 2, feature-4: empty cells: 1 (row 2)"),
        (f"0,0,0,0,{SECRET}\n" * 9, "header"),
        (HEADER.replace("feature-3", "colour") + f"1,0,0,0,{SECRET}\n", "missing 1 of 5 columns: feature-3"),
    ],
)
def test_refusals_leak_nothing_and_keep_nothing(proofward, kit, file, text, where):
    file.write_text(text)
    result = proofward("enrol", kit, "--data", file)
    assert result.exit_code == 1 and result.stdout == ""
    assert where in result.stderr and str(file) in result.stderr and SECRET not in result.stderr
    said = proofward.json("enrol", kit, "--data", file)
    assert (said["exit"], said["did"]) == (1, "refused") and SECRET not in said["reason"]
    assert not Home(kit / "home").has_dataset("hospital-0")


def test_too_few_rows_for_a_step_of_training(proofward, kit, file):
    file.write_text(HEADER + "1,0,0,0,0\n")
    result = proofward("enrol", kit, "--data", file)
    assert result.exit_code == 1 and "expected at least 4 records" in result.stderr and "found 1" in result.stderr


def test_records_are_replaced_when_told_to_only(proofward, kit, file):
    assert proofward("enrol", kit, "--data", file).exit_code == 0
    file.write_text(HEADER + ROWS + OTHER_ROWS)
    again = proofward("enrol", kit, "--data", file)
    assert again.exit_code == 1 and "--replace" in again.stderr
    home = Home(kit / "home")
    assert len(home.dataset("hospital-0")[1]) == 8
    with home.lock("hospital-0"):
        running = proofward("enrol", kit, "--data", file, "--replace")
    assert running.exit_code == 1 and "stop it first" in running.stderr
    assert len(home.dataset("hospital-0")[1]) == 8
    assert proofward("enrol", kit, "--data", file, "--replace").exit_code == 0
    assert len(home.dataset("hospital-0")[1]) == 16


def test_a_site_whose_process_waits_for_records_gets_them(proofward, kit, file):
    with Home(kit / "home").lock("hospital-0"):
        assert proofward("enrol", kit, "--data", file).exit_code == 0


def test_who_has_no_data(proofward, kit, file, tmp_path):
    for name in (AUDITOR, SERVER):
        result = proofward("enrol", tmp_path / name, "--data", file)
        assert result.exit_code == 1 and "no member of this kit has data" in result.stderr
    other = proofward("enrol", kit, "--data", file, "--member", "hospital-1")
    assert other.exit_code == 1 and "hospital-1 is none of this kit's members" in other.stderr


def test_kits_that_are_none(proofward, kit, file, tmp_path):
    assert proofward("enrol", tmp_path / "nowhere", "--data", file).exit_code == 2
    assert proofward("enrol", kit, "--data", tmp_path / "nowhere").exit_code == 2
    assert proofward("enrol", kit).exit_code == 2
    result = proofward("enrol", tmp_path, "--data", file)
    assert result.exit_code == 2 and "no start-up kit" in result.stderr


@pytest.mark.parametrize("constants", [b"[]", b"[", None])
def test_constants_that_are_not_the_models(proofward, kit, file, constants):
    path = kit / "home" / FEATURES_NAME
    path.unlink() if constants is None else path.write_bytes(constants)
    result = proofward("enrol", kit, "--data", file)
    assert result.exit_code == 1 and not Home(kit / "home").has_dataset("hospital-0")


@pytest.mark.slow
def test_an_enrolled_hospitals_records_are_fixed(proofward, tmp_path, file):
    with Consortium(tmp_path, agreement()) as running:
        furnish(tmp_path)
        home = Home(tmp_path / "hospital-0" / "home")
        folder, before = home.member("hospital-0"), home.dataset("hospital-0")[0]
        running.start()
        running.until(lambda: running.phase("upload"))
        rules = home.rules
        assert rules is not None
        running.until(lambda: "hospital-0" in followed(folder, rules).enrolments)
        for stopped in (False, True):
            if stopped:
                running.stop("hospital-0")
            result = proofward("enrol", tmp_path / "hospital-0", "--data", file, "--replace")
            assert result.exit_code == 1 and "has enrolled" in result.stderr
        assert np.array_equal(home.dataset("hospital-0")[0], before)
        (folder / STATE).write_bytes(b"no database" * 1000)
        broken = proofward("enrol", tmp_path / "hospital-0", "--data", file, "--replace")
        assert broken.exit_code == 1 and "cannot be read" in broken.stderr
        assert np.array_equal(home.dataset("hospital-0")[0], before)


def test_the_state_is_read_beside_a_writer_and_after_a_crash(tmp_path):
    assert not enrolment_begun(tmp_path)
    store = StateStore(tmp_path / STATE)
    assert not enrolment_begun(tmp_path)
    with store.transaction():
        store.secrets.put("dataset/00", b"x")
        assert not enrolment_begun(tmp_path)  # and does not wait for the writer
    assert enrolment_begun(tmp_path)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    shutil.copy(tmp_path / STATE, crashed)
    shutil.copy(tmp_path / f"{STATE}-wal", crashed)
    assert enrolment_begun(crashed)
    store.close()
    assert enrolment_begun(tmp_path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        _write(tmp_path)


def _write(folder) -> None:
    from proofward.engines.remote.agreement.requests import _database

    with _database(folder) as database:
        database.execute("DELETE FROM facts")


def test_a_data_sheet_is_kept_and_goes_with_the_enrolment(proofward, kit, file, tmp_path):
    sheet = tmp_path / "sheet.txt"
    sheet.write_text("\ufeffAdults, 2019 to 2023.\n\n" + "word " * 40 + "\n\n")
    said = proofward.json("enrol", kit, "--data", file, "--data-sheet", sheet)
    folder = kit / "home" / "members" / "hospital-0"
    lines = kept(folder)
    assert (said["exit"], said["data_sheet"]) == (0, 4) and lines[0] == "Adults, 2019 to 2023." and lines[1] == ""
    assert [len(line) for line in lines[2:]] == [119, 79]
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert proofward("enrol", kit, "--data", file, "--replace").exit_code == 0 and kept(folder) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"a\nb\x07", "line 2: expected characters that can be shown, found U+0007"),
     (b"\xff\xfe", "expected a text file in UTF-8"), (b"x\n" * 401, "line 401: expected at most 400 lines")],
)  # fmt: skip
def test_rejects_a_data_sheet_that_cannot_be_shown(proofward, kit, file, tmp_path, text, words):
    (tmp_path / "sheet.txt").write_bytes(text)
    result = proofward("enrol", kit, "--data", file, "--data-sheet", tmp_path / "sheet.txt")
    assert result.exit_code == (2 if "UTF-8" in words else 1) and words in result.stderr
    assert not (kit / "home" / "members" / "hospital-0" / "dataset.npz").exists()


def test_a_second_federation_over_the_same_file_is_noticed(proofward, kit, file, tmp_path, monkeypatch):
    monkeypatch.setenv(site_ledger.VARIABLE, str(tmp_path / "site" / "enrolled.json"))
    assert "several federations" not in proofward("enrol", kit, "--data", file).stdout
    (own,) = site_ledger.read()
    assert own.data == hashlib.sha256(file.read_bytes()).hexdigest() and own.inverse_delta == 0
    site_ledger.note(replace(own, terms="00" * 32, federation="another trial"))
    said = proofward("enrol", kit, "--data", file, "--replace").stdout
    assert "hospital-0's data are in several federations" in said and "another trial" in said
    words = {check.name: check.detail for check in _keys(Home(kit / "home"))}
    assert "another trial" in words["privacy of hospital-0"]
    file.write_text(HEADER + ROWS + "1,0.5,0.25,-1,2\n")
    assert "another trial" in proofward.json("enrol", kit, "--data", file, "--replace")["noted"][0]
    file.write_text(HEADER + OTHER_ROWS)
    assert "several federations" not in proofward("enrol", kit, "--data", file, "--replace").stdout


def test_a_site_ledger_that_cannot_be_written_stops_no_enrolment(proofward, kit, file, tmp_path, monkeypatch):
    (tmp_path / "none").write_text("")
    monkeypatch.setenv(site_ledger.VARIABLE, str(tmp_path / "none" / "enrolled.json"))
    result = proofward("enrol", kit, "--data", file)
    assert result.exit_code == 0 and "will not notice another federation" in result.stdout
