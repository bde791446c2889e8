"""The audit of a run folder: one changed byte anywhere is a flaw, and no folder makes it fall over."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proofward.cli.evidence.ledgers.audit_words import demanded

PUBLIC = ("ledger", "proofs", "model.safetensors", "model.json")

EXACT = "Sums are exact: no differential privacy."


@pytest.fixture
def copy(demo_run, tmp_path) -> Path:
    """What an auditor gets: no party's folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in PUBLIC:
        source = demo_run[0] / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


@contextmanager
def changed(path: Path, position: int, bit: int) -> Iterator[None]:
    data = path.read_bytes()
    path.write_bytes(data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :])
    yield
    path.write_bytes(data)


@pytest.mark.slow
def test_the_public_part_of_a_run_passes(proofward, copy):
    result = proofward("audit", copy)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and len(lines) <= 36
    assert lines[:2] == [f"The record is consistent. {EXACT}", "Everybody kept the rules."]
    assert "hospitals   hospital-0, hospital-1, hospital-2" in lines and "rounds      2 of 2 closed" in lines
    assert "rules       proofs of at least 100 bits" in lines
    assert "       6  proofs of training" in lines
    report = proofward.json("audit", copy)
    assert report["policy_bits"] == 100
    assert report["passed"] and report["consistent"] and report["rules_kept"] is True and report["exit"] == 0
    checks = [verdict["check"] for verdict in report["verdicts"]]
    assert checks.count("round-proof") == 6 and checks.count("file") == 5
    assert {name: sum(found.values()) for name, found in report["counts"].items()} == Counter(checks)
    detailed = proofward("audit", copy, "--details").stdout.splitlines()
    assert sum(line.startswith("ok      ") for line in detailed) == report["checks"] == len(checks)


def test_weak_rules_are_called_weak():
    assert demanded(80) == "proofs of at least 80 bits"
    assert demanded(79) == "proofs of at least 79 bits (WEAK: rules for tests, proofs can be forged)"


@pytest.mark.slow
def test_a_report_is_no_evidence(proofward, copy):
    assert proofward.json("audit", copy)["no_evidence"] == []
    others = ["auc.png", "metrics.json", "notes", "report.md"]
    for name in others:
        (copy / name).write_bytes(b"whatever")
    assert proofward.json("audit", copy)["no_evidence"] == others
    lines = proofward("audit", copy).stdout.splitlines()
    assert "no evidence, not read: auc.png, metrics.json, notes, report.md" in lines and "consistent" in lines[0]


def test_a_changed_row_is_one_line_and_accuses_nobody(proofward, copy):
    path = copy / "ledger" / "ledger.db"
    with sqlite3.connect(path) as database:
        where = "position = (SELECT count(*) / 3 FROM entries)"
        data = bytearray(database.execute(f"SELECT data FROM entries WHERE {where}").fetchone()[0])
        data[len(data) // 2] ^= 1
        database.execute(f"UPDATE entries SET data = ? WHERE {where}", (bytes(data),))
    database.close()
    result = proofward("audit", copy)
    lines = result.stdout.splitlines()
    report = proofward.json("audit", copy)
    assert result.exit_code == report["exit"] == 1 and report["flaws"] > 20
    assert lines[0].startswith(f"The record is NOT consistent: {report['flaws']} checks FAILED (the seal 1, ")
    assert lines[1].endswith("it proves nobody guilty.") and len(lines) <= 36
    assert sum("FAILED" in line for line in lines) == 1
    assert not report["consistent"] and report["rules_kept"] is None and report["broke_rules"] == []
    assert {verdict["culprit"] for verdict in report["verdicts"] if not verdict["passed"]} == {None}
    failures = proofward("audit", copy, "--failures").stdout
    assert failures.count("FAILED  ") == report["failed"] and "(aggregator)" not in failures


@pytest.mark.slow
def test_a_missing_object_accuses_nobody(proofward, copy):
    objects = sorted(path for path in (copy / "ledger" / "objects").rglob("*") if path.is_file())
    for path in objects[::3]:
        data = path.read_bytes()
        path.unlink()
        report = proofward.json("audit", copy)
        assert report["exit"] == 1 and report["broke_rules"] == [] and not report["consistent"]
        path.write_bytes(data)


@pytest.mark.parametrize("folder", [(), ("docs",), ("ledger",)])
def test_a_folder_without_a_ledger_is_wrong_use(proofward, tmp_path, folder):
    place = tmp_path.joinpath(*folder)
    place.mkdir(exist_ok=True)
    (place / "private-name.txt").write_text("x")
    for options in ((), ("--failures",), ("--details",)):
        result = proofward("audit", tmp_path, *options)
        assert (result.exit_code, result.stdout) == (2, "") and "no ledger here" in result.stderr
        assert "private-name" not in result.output
    assert "no ledger here" in proofward.json("audit", tmp_path)["error"]


def test_a_kit_is_told_which_folder_an_audit_reads(proofward, tmp_path):
    (tmp_path / "proofward").mkdir()
    for command in ("audit", "report"):
        refused = proofward(command, tmp_path)
        assert refused.exit_code == 2 and "the server's has the ledger, in KIT/proofward/ledger" in refused.stderr
    (tmp_path / "proofward" / "ledger").mkdir()
    (tmp_path / "proofward" / "ledger" / "ledger.db").write_bytes(b"")
    refused = proofward("audit", tmp_path)
    assert refused.exit_code == 2 and f"give {tmp_path}/proofward/ledger," in refused.stderr.replace("\n", "")


def test_the_ledger_alone_can_be_audited(proofward, copy):
    assert proofward("audit", copy / "ledger").exit_code == 0


@pytest.mark.slow
def test_one_changed_byte_in_any_kind_of_file_is_a_flaw(proofward, copy, rng):
    objects = sorted(path for path in (copy / "ledger" / "objects").rglob("*") if path.is_file())
    files = [path for path in sorted(copy.rglob("*")) if path.is_file() and path not in objects]
    assert len(files) == 7
    for path in [*files, *rng.sample(objects, 4)]:
        with changed(path, rng.randrange(path.stat().st_size), rng.randrange(8)):
            assert proofward("audit", copy).exit_code == 1, path.relative_to(copy)
    assert proofward("audit", copy).exit_code == 0


@pytest.mark.slow
def test_one_byte_changed_missing_or_added_anywhere_is_a_flaw(proofward, copy, rng):
    """Every file: objects, which are found by their digests, in one of the ways, all others in each."""
    files = [path for path in sorted(copy.rglob("*")) if path.is_file()]
    for number, path in enumerate(files):
        data = path.read_bytes()
        at = rng.randrange(len(data))
        other = bytes([data[at] ^ rng.randrange(1, 256)])
        ways = (data[:at] + other + data[at + 1 :], data[:at] + data[at + 1 :], data + other)
        for changed_data in ways[number % 3 :][:1] if "objects" in path.parts else ways:
            path.write_bytes(changed_data)
            assert proofward("audit", copy).exit_code == 1, (path.relative_to(copy), at)
        path.write_bytes(data)
    assert proofward("audit", copy).exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_every_region_of_the_model_files_is_covered(proofward, copy, name, monkeypatch):
    from proofward.federation.parties.auditor import Auditor
    from proofward.report.audits.run_audit import RunAudit

    audit = RunAudit(copy)
    assert all(verdict.passed for verdict in audit.run())
    history, sizes = audit.history, audit._auditor.sizes

    def known(self):
        self.history, self.sizes = history, sizes
        return iter(())

    monkeypatch.setattr(Auditor, "run", known)
    path = copy / name
    for position in range(0, path.stat().st_size, 7):
        with changed(path, position, position % 8):
            failed = [verdict.subject for verdict in RunAudit(copy).run() if not verdict.passed]
            assert failed == [name]


@pytest.mark.parametrize("what", ["missing", "longer", "shorter", "folder"])
def test_a_model_file_that_is_not_there(proofward, copy, what):
    path = copy / "model.safetensors"
    data = path.read_bytes()
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_bytes(data + b" " if what == "longer" else data[:-1])
    report = proofward.json("audit", copy)
    failed = [verdict for verdict in report["verdicts"] if not verdict["passed"]]
    assert report["exit"] == 1 and [verdict["subject"] for verdict in failed] == [path.name]


def test_a_proof_that_belongs_to_nothing(proofward, copy):
    (copy / "proofs" / "other.proof").write_bytes(b"x")
    assert proofward("audit", copy, "--failures").exit_code == 1


def test_another_file_than_a_checkpoint_is_not_shown(proofward, copy, tmp_path):
    (tmp_path / "a.csv").write_text("age,label\n77,1\n")
    found = proofward("audit", copy, "--remember", tmp_path / "a.csv")
    assert found.exit_code == 2 and "expected a checkpoint with signatures" in found.stderr
    assert "age,label" not in found.stdout + found.stderr


def test_known_rules_and_remembered_checkpoints(proofward, copy, demo_run, tmp_path):
    assert proofward("audit", copy, "--consortium", demo_run[1]["consortium"]).exit_code == 0
    assert proofward("audit", copy, "--consortium", "00" * 32).exit_code == 1
    assert proofward("audit", copy, "--consortium", "00").exit_code == 2
    (tmp_path / "note").write_bytes(b"not a checkpoint")
    assert proofward("audit", copy, "--remember", tmp_path / "note").exit_code == 2


def test_garbage_folders_get_a_typed_verdict(proofward, tmp_path, rng):
    for number, name in enumerate(
        ("ledger/ledger.db", "ledger.db", "ledger/objects", "ledger/objects/ab", "objects")
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(rng.randbytes(5000))
        report = proofward.json("audit", folder)
        assert report["exit"] == 1 and not report["passed"]
        assert any(verdict.get("failed_check") for verdict in report["verdicts"])
    assert proofward("audit", tmp_path / "nowhere").exit_code == 2


def test_a_database_of_something_else(proofward, copy):
    path = copy / "ledger" / "ledger.db"
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE entries (position INTEGER, data TEXT)")
        database.execute("INSERT INTO entries VALUES (0, 'x')")
    database.close()
    assert proofward("audit", copy).exit_code == 1


def test_damaged_databases_never_end_in_a_traceback(proofward, copy, rng):
    path = copy / "ledger" / "ledger.db"
    whole = path.read_bytes()
    for _ in range(12):
        data = bytearray(whole[: rng.choice((len(whole), rng.randrange(len(whole))))])
        for _ in range(rng.randrange(1, 200)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(bytes(data))
        assert proofward("audit", copy).exit_code == 1
