"""The log: what is appended is there, and every way to tamper with it has its own error."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from proofward.encoding import MalformedMessage
from proofward.ledger.checkpoint import open_checkpoint, sign_checkpoint
from proofward.ledger.errors import (
    LedgerCorrupt,
    LedgerError,
    LedgerUnavailable,
    LogRewritten,
    LogTruncated,
    NoteInvalid,
)
from proofward.ledger.keys import SigningKey
from proofward.ledger.log import Log
from proofward.ledger.merkle_log import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from proofward.ledger.note import NoteSigner
from tests.ledger.conftest import SIGNER, entry

Make = Callable[[int], Path]


def reopen(directory: Path, **options: bytes) -> Log:
    return Log(directory, SIGNER.verifier, SIGNER, **options)  # type: ignore[arg-type]


def alter(directory: Path, *statements: str) -> None:
    connection = sqlite3.connect(directory / "ledger.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_append_read_and_prove(make: Make) -> None:
    with reopen(make(11)) as log:
        assert log.size == 11
        assert list(log.entries()) == [entry(index) for index in range(11)]
        assert log.positions("odd") == [1, 3, 5, 7, 9]
        latest = log.checkpoint()
        assert latest is not None
        assert open_checkpoint(latest, SIGNER.verifier).root == log.root()
        for index in range(11):
            verify_inclusion(leaf_hash(entry(index)), index, 11, log.inclusion_proof(index), log.root())
        for first in range(12):
            verify_consistency(first, 11, log.root(first), log.root(), log.consistency_proof(first))
        with pytest.raises(IndexError, match="entry 11 of a log of 11"):
            log.entry(11)
        with pytest.raises(ValueError, match="tree of 12"):
            log.inclusion_proof(0, 12)


def test_several_entries_are_one_transaction(make: Make) -> None:
    with reopen(make(0)) as log:
        assert log.root() == EMPTY_ROOT
        assert log.checkpoint() is None
        note = log.append(entry(0), entry(1), entry(2))
        assert open_checkpoint(note, SIGNER.verifier).size == 3
        assert log.checkpoint(2) is None
        with pytest.raises(MalformedMessage):
            log.append(entry(3), b"\xff")
        assert log.size == 3
        with pytest.raises(ValueError, match="at least one"):
            log.append()


def test_threads_append_without_loss(make: Make) -> None:
    with reopen(make(0)) as log:
        threads = [
            threading.Thread(
                target=lambda start: [log.append(entry(start + i)) for i in range(5)], args=(start,)
            )
            for start in (0, 100, 200)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = sorted(entry(start + i) for start in (0, 100, 200) for i in range(5))
        assert sorted(log.entries()) == expected


def test_replica_takes_only_the_signers_log(make: Make, tmp_path: Path) -> None:
    with reopen(make(5)) as log, Log(tmp_path / "replica", SIGNER.verifier, create=True) as replica:
        notes = [log.checkpoint(size) or b"" for size in range(6)]
        entries = list(log.entries())
        replica.replicate(entries[:2], notes[2])
        with pytest.raises(LogTruncated):
            replica.replicate(entries[2:4], notes[5])
        with pytest.raises(LogRewritten):
            replica.replicate([entries[2], entry(77)], notes[4])
        with pytest.raises(LogRewritten):
            replica.replicate(entries[2:], notes[4])
        with pytest.raises(NoteInvalid):
            replica.replicate(entries[2:], sign_checkpoint(5, log.root(), NoteSigner("x", SIGNER.key)))
        assert replica.size == 2
        replica.replicate(entries[2:], notes[5])
        assert replica.root() == log.root()
        with pytest.raises(LedgerUnavailable, match="replica"):
            replica.append(entry(5))


def test_truncation(make: Make) -> None:
    directory = make(6)
    with reopen(directory) as log:
        remembered = log.checkpoint() or b""
    undo = [
        f"DELETE FROM entries WHERE position >= {5}",
        "DELETE FROM nodes WHERE (position + 1) << level > 5",
    ]
    alter(directory, undo[0])
    with pytest.raises(LogTruncated) as stored:
        reopen(directory)
    assert (stored.value.remembered_size, stored.value.actual_size) == (6, 5)
    alter(directory, undo[1], "DELETE FROM checkpoints WHERE size > 5")
    reopen(directory).close()  # without a memory this is a shorter log like any other
    with pytest.raises(LogTruncated) as caught:
        reopen(directory, remembered=remembered)
    assert (caught.value.remembered_size, caught.value.actual_size) == (6, 5)


def rewritten(tmp_path: Path, name: str, changed: int) -> Path:
    directory = tmp_path / name
    with Log(directory, SIGNER.verifier, SIGNER, create=True) as log:
        for index in range(8):
            log.append(entry(index, "other" if index == changed else ""))
    return directory


def test_rewriting_names_the_first_different_entry(make: Make, tmp_path: Path) -> None:
    original, other = make(8), rewritten(tmp_path, "other", 3)
    with reopen(original) as log:
        remembered = log.checkpoint() or b""
        early = log.checkpoint(3) or b""
    reopen(other, remembered=early).close()
    with pytest.raises(LogRewritten) as hidden:  # re-signed throughout: the file alone cannot tell where
        reopen(other, remembered=remembered)
    assert hidden.value.first_entry is None
    alter(other, f"ATTACH '{original / 'ledger.db'}' AS o", "DELETE FROM checkpoints",
          "INSERT INTO checkpoints SELECT * FROM o.checkpoints")  # fmt: skip
    with pytest.raises(LogRewritten) as caught:
        reopen(other)
    assert caught.value.first_entry == 3
    assert "first different entry 3" in str(caught.value)


def test_check_continues(make: Make) -> None:
    with reopen(make(4)) as log:
        log.check_continues(log.checkpoint(2) or b"")
        with pytest.raises(LogTruncated):
            log.check_continues(sign_checkpoint(9, EMPTY_ROOT, SIGNER))
        with pytest.raises(LogRewritten):
            log.check_continues(sign_checkpoint(3, EMPTY_ROOT, SIGNER))
        with pytest.raises(NoteInvalid):
            log.check_continues(b"no note")


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("UPDATE entries SET data = x'a0' WHERE position = 2", "entry 2"),
        ("UPDATE entries SET data = 'text' WHERE position = 2", "entry 2"),
        ("UPDATE entries SET kind = 'odd' WHERE position = 2", "entry 2"),
        (
            "UPDATE entries SET data = (SELECT data FROM entries WHERE position = 4) WHERE position = 2",
            "entry 2",
        ),
        ("DELETE FROM entries WHERE position = 2", "entry 2"),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 0 AND position = 2", "entry 2"),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 1 AND position = 1", "nodes"),
        ("INSERT INTO nodes VALUES (9, 9, zeroblob(32))", "nodes"),
        ("UPDATE checkpoints SET note = x'00' WHERE size = 3", "note"),
        ("UPDATE checkpoints SET note = 7 WHERE size = 3", "checkpoint 3"),
        ("UPDATE checkpoints SET size = 60 WHERE size = 3", "checkpoint 60"),
        ("DELETE FROM checkpoints WHERE size = 6", "of the last entry"),
        ("UPDATE meta SET value = '2' WHERE name = 'format'", "ledger.db"),
        ("CREATE TABLE more (x)", "ledger.db"),
        ("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END", "ledger.db"),
        ("PRAGMA application_id = 7", "ledger.db"),
    ],
)
def test_altered_rows(make: Make, statement: str, subject: str) -> None:
    directory = make(6)
    alter(directory, statement)
    with pytest.raises(LedgerCorrupt) as caught:
        reopen(directory)
    assert caught.value.subject == subject


def test_entry_changed_while_open(make: Make) -> None:
    directory = make(3)
    with reopen(directory) as log:
        alter(directory, "UPDATE entries SET data = x'a0' WHERE position = 1")
        with pytest.raises(LedgerCorrupt, match="entry 1"):
            log.entry(1)


def test_wrong_key_or_no_ledger(make: Make, tmp_path: Path) -> None:
    other = NoteSigner("test.example/log", SigningKey(bytes(32)))
    with pytest.raises(LedgerUnavailable):
        reopen(tmp_path / "nothing")
    directory = make(2)
    with pytest.raises(LedgerCorrupt, match="verifier key"):
        Log(directory, other.verifier)
    with pytest.raises(LedgerError, match="signer"):
        Log(directory, SIGNER.verifier, other)


@pytest.mark.slow
def test_every_flipped_byte_of_an_unsealed_file_is_typed(make: Make) -> None:
    """Opening either refuses with a typed error or finds the same log: nothing else, whichever byte it was."""
    directory = make(3)
    with reopen(directory) as log:
        root = log.root()
    path = directory / "ledger.db"
    original = path.read_bytes()
    refused = 0
    for position in [*range(0, 100), *range(100, len(original), 61)]:
        changed = bytearray(original)
        changed[position] ^= 0x41
        path.write_bytes(bytes(changed))
        try:
            with reopen(directory) as log:
                assert log.root() == root
        except LedgerError:
            refused += 1
        for companion in ("-wal", "-shm"):
            path.with_name(path.name + companion).unlink(missing_ok=True)
    assert refused > 50
