"""The audit of a sealed ledger: passes when untouched, and fails for every changed byte of every file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest

from proofward.ledger.audit import stored_verifier, verify_all
from proofward.ledger.database import Database
from proofward.ledger.errors import LedgerUnavailable, LogRewritten, LogTruncated, SealBroken
from proofward.ledger.keys import SigningKey
from proofward.ledger.log import Log
from proofward.ledger.note import NoteSigner
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import check_seal
from tests.ledger.conftest import SIGNER, entry

Make = Callable[[int], Path]


def sealed(directory: Path) -> Path:
    Log(directory, SIGNER.verifier, SIGNER).seal()
    return directory


def failures(directory: Path, **options: object) -> list[str]:
    findings = verify_all(directory, SIGNER.verifier, **options)  # type: ignore[arg-type]
    return [f"{finding.check} {finding.subject}" for finding in findings if not finding.passed]


def test_untouched_ledger(make: Make) -> None:
    directory = sealed(make(5))
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    findings = list(verify_all(directory, SIGNER.verifier))
    assert [finding for finding in findings if not finding.passed] == []
    counts = {
        check: sum(finding.check == check for finding in findings)
        for check in ("entry", "checkpoint", "object")
    }
    assert counts == {"entry": 5, "checkpoint": 6, "object": 2}
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in directory.iterdir()) == ["ledger.db", "ledger.seal", "objects"]
    assert stored_verifier(directory) == SIGNER.verifier
    assert str(findings[0]) == "seal ledger.seal: ok"


def test_empty_ledger(make: Make) -> None:
    assert failures(sealed(make(0))) == []


@pytest.mark.slow
def test_any_changed_byte_is_a_flaw(make: Make) -> None:
    directory = sealed(make(2))
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        original = path.read_bytes()
        step = 1 if path.suffix == ".seal" else 97
        for position in range(0, len(original), step):
            changed = bytearray(original)
            changed[position] ^= 1 << (position % 8)
            path.write_bytes(bytes(changed))
            assert failures(directory), f"{path.name} byte {position}"
        for other in (b"", original + b"\x00", original[:-1]):
            if other != original:
                path.write_bytes(other)
                assert failures(directory), f"{path.name} of {len(other)} bytes"
        path.unlink()
        assert failures(directory), f"{path.name} removed"
        path.write_bytes(original)
        assert failures(directory) == []


def test_names_what_is_wrong(make: Make) -> None:
    directory = sealed(make(3))
    store = ObjectStore(directory / "objects")
    store.path(store.digests()[0]).write_bytes(b"changed")
    assert failures(directory) == [f"object {store.digests()[0].hex()}"]
    store.put(b"another")
    assert failures(directory)[0] == "seal ledger.seal"


@pytest.mark.parametrize(
    "name", ["ledger.db-wal", "ledger.db-journal", "ledger.txt", "objects/note", "objects/ab/x"]
)
def test_strays(make: Make, name: str) -> None:
    directory = sealed(make(3))
    (directory / name).parent.mkdir(exist_ok=True)
    (directory / name).write_bytes(b"x")
    assert failures(directory)


def test_remembered_checkpoints(make: Make, tmp_path: Path) -> None:
    directory = make(4)
    with Log(directory, SIGNER.verifier, SIGNER) as log:
        short = [log.checkpoint(size) or b"" for size in (1, 4)]
        later = log.append(entry(4))
    assert failures(sealed(directory), remembered=[*short, later]) == []
    other = tmp_path / "other"
    with Log(other, SIGNER.verifier, SIGNER, create=True) as log:
        log.append(entry(0))
        log.append(entry(9))
        log.append(entry(2), entry(3))
        log.seal()
    errors = [f.error for f in verify_all(other, SIGNER.verifier, remembered=[*short, later]) if not f.passed]
    assert [type(error) for error in errors] == [LogRewritten, LogTruncated]


def test_seal_of_another_party(make: Make) -> None:
    directory = make(3)
    party = NoteSigner("north", SigningKey(bytes(32)))
    Log(directory, SIGNER.verifier).seal(party)
    assert failures(directory, seal_verifier=party.verifier) == []
    assert failures(directory) == ["seal ledger.seal"]


def test_unsealed_ledger(make: Make) -> None:
    directory = make(3)
    assert failures(directory) == ["seal ledger.seal"]
    assert failures(directory, sealed=False) == []
    with Log(directory, SIGNER.verifier, SIGNER) as log:
        log.append(entry(3))
        assert failures(directory, sealed=False) == []


def test_sealing_waits_for_a_reader(make: Make) -> None:
    directory = make(3)
    log = Log(directory, SIGNER.verifier, SIGNER)
    log.append(entry(3))
    reading = Database(directory, writable=False, live=True)
    assert reading.size() == 4
    with pytest.raises(LedgerUnavailable, match="in use"):
        log._database.compact(patience=0.0)
    Timer(0.3, reading.close).start()
    log.seal()
    assert failures(directory) == []


def test_reopening_checks_and_removes_the_seal(make: Make) -> None:
    directory = sealed(make(3))
    assert check_seal(directory, SIGNER.verifier).size == 3
    copy = directory.with_name("copy")
    shutil.copytree(directory, copy)
    with (copy / "ledger.db").open("ab") as file:
        file.write(b"\x00")
    with pytest.raises(SealBroken, match="bytes"):
        Log(copy, SIGNER.verifier, SIGNER)
    with Log(directory, SIGNER.verifier, SIGNER) as log:
        log.append(entry(3))
        assert not (directory / "ledger.seal").exists()
        log.seal()
    assert failures(directory) == []
