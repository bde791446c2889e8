"""Hostile ledger folders: a typed finding each, within five seconds and 500 MB, measured in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from proofward.ledger.audit import stored_verifier, verify_all
from proofward.ledger.database import MAX_ENTRIES, MAX_ENTRY_BYTES, Database
from proofward.ledger.errors import LedgerError, LedgerUnavailable
from proofward.ledger.log import Log
from tests.engines.forked import Forked
from tests.ledger import hostile_judge
from tests.ledger.conftest import SIGNER, entry
from tests.ledger.hostile import FOLDERS

SECONDS, MEGABYTES = 5, 500
EXPECTED = {
    "view": "structure", "schema": "structure", "trigger": "structure", "column": "structure", "virtual": "structure",
    "index of": "structure", "tree without": "entry", "huge entry": "tree", "huge checkpoint": "checkpoint",
    "a database that": "structure", "a log": "structure", "journal": "structure", "seal": "seal",
    "object of": "object", "object that": "stray", "objects that": "object", "stray": "stray", "deep tree": "stray",
}  # fmt: skip
"""Which check fails, by words in the name; others fail where they may."""


@pytest.fixture
def sealed(make: Callable[[int], Path]) -> Path:
    directory = make(3)
    Log(directory, SIGNER.verifier, SIGNER).seal()
    return directory


def judged(directory: Path) -> dict:
    """What a process of its own finds."""
    code, said = Forked(hostile_judge.main, directory).end()
    assert code == 0 and isinstance(said, dict), said
    return said


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_a_hostile_folder_is_refused_at_small_cost(sealed: Path, name: str) -> None:
    assert [finding for finding in verify_all(sealed, SIGNER.verifier) if not finding.passed] == []
    FOLDERS[name](sealed)
    found = judged(sealed)
    assert found["failed"], name
    assert len(found["failed"]) <= 1001
    assert found["seconds"] < SECONDS and found["megabytes"] < MEGABYTES, found
    wanted = {check for words, check in EXPECTED.items() if words in name}
    assert not wanted or wanted & set(found["checks"]), found


@pytest.mark.parametrize(
    "name", ["entries are an endless view", "a table twice in the schema", "an index of an expression"]
)
def test_the_schema_is_compared_before_anything_is_evaluated(sealed: Path, name: str) -> None:
    FOLDERS[name](sealed)
    with pytest.raises(LedgerError):
        Database(sealed, writable=False)
    with pytest.raises(LedgerError):
        stored_verifier(sealed)


def test_an_open_log_is_read_from_a_private_copy(make: Callable[[int], Path]) -> None:
    directory = make(2)
    with Log(directory, SIGNER.verifier, SIGNER) as log:
        log.append(entry(2))
        names = sorted(path.name for path in directory.iterdir())
        for live in (False, True):
            database = Database(directory, writable=False, live=live)
            assert list(database.entries()) == [entry(0), entry(1), entry(2)]
            database.close()
        assert sorted(path.name for path in directory.iterdir()) == names


def test_no_more_entries_than_an_auditor_reads(make: Callable[[int], Path]) -> None:
    directory = make(1)
    database = Database(directory, writable=True)
    with database.transaction():
        database.connection.execute("UPDATE entries SET position = ?", (MAX_ENTRIES,))
    with pytest.raises(LedgerError, match="at most"):
        database.size()
    database.close()


def test_a_query_has_limited_steps(sealed: Path) -> None:
    FOLDERS["a tree without an end"](sealed)
    database = Database(sealed, writable=False)
    with pytest.raises(LedgerError, match="interrupted"):
        list(database.rows("SELECT count(*), max(data) FROM entries", "entries"))
    database.close()


def test_a_log_takes_nothing_that_no_auditor_reads(make: Callable[[int], Path]) -> None:
    with Log(make(1), SIGNER.verifier, SIGNER) as log:
        for text, fits in (("x" * (MAX_ENTRY_BYTES - 100), True), ("x" * MAX_ENTRY_BYTES, False)):
            if fits:
                log.append(entry(1, text))
                assert log.entry(1) == entry(1, text)
            else:
                with pytest.raises(LedgerUnavailable, match="at most"):
                    log.append(entry(2, text))
        assert log.size == 2
