"""Ledgers that are damaged, half-written, replaced or in use: in words, and nobody waits for the console."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from proofward.console.followed import PASSING, Followed
from proofward.console.source import NothingToShow, open_source
from proofward.ledger.database import Database
from tests.console.pages import PATHS, entered, page, state_of
from tests.console.test_pages import words
from tests.engines import remote_harness as harness


def change(path, statement: str, *values) -> None:
    """Alters a database behind everybody's back."""
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


def all_pages(folder) -> None:
    """Every page of a damaged folder is an answer in words."""
    state = state_of(folder)
    with closing(state):
        asked = entered(state)
        for path in PATHS:
            answer = asked.get(path)
            assert answer.status_code in (200, 404) and "Traceback" not in answer.text


def test_bytes_that_are_no_database(run):
    (run / "ledger" / "ledger.db").write_bytes(b"\x00" * 5000)
    text = words(page(run))
    assert "The ledger is damaged: ledger.db: expected" in text and "1 to do" in text
    all_pages(run)


def test_half_of_the_file_is_missing(run):
    path = run / "ledger" / "ledger.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "The ledger is damaged" in words(page(run))
    all_pages(run)


def test_an_entry_with_another_byte(run):
    change(run / "ledger" / "ledger.db", "UPDATE entries SET data = CAST(substr(data, 1, length(data) - 1) || x'00' AS BLOB) WHERE position = 20")
    text = words(page(run))
    assert "Entry 20 does not follow from those before it" in text
    assert "Entry 19" in words(page(run, "/ledger/19")) and "20 entries" in words(page(run, "/ledger"))
    all_pages(run)


def test_a_gap(run):
    change(run / "ledger" / "ledger.db", "DELETE FROM entries WHERE position = 7")
    assert "entry 7: expected position 7 with bytes" in words(page(run))


def test_an_altered_entry_fails_its_proof(run):
    state = state_of(run)
    with closing(state):
        asked = entered(state)
        assert "Checked: with" in words(asked.get("/ledger/9").text)
        change(run / "ledger" / "ledger.db", "UPDATE entries SET data = x'00' WHERE position = 9")
        text = words(asked.get("/ledger/9").text)
        assert "The check failed: inclusion of entry 9" in text and "The stored bytes are no message" in text


def test_checkpoints_that_are_gone_or_forged(run):
    path = run / "ledger" / "ledger.db"
    change(path, "UPDATE checkpoints SET note = CAST(x'41' || note AS BLOB)")
    assert "The check failed: " in words(page(run, "/ledger/3"))
    change(path, "DELETE FROM checkpoints")
    assert "no signed checkpoint" in words(page(run, "/ledger/3"))


def test_a_ledger_that_is_replaced_by_another(run):
    state = state_of(run)
    with closing(state):
        change(run / "ledger" / "ledger.db", "UPDATE entries SET data = x'00' WHERE position = (SELECT max(position) FROM entries)")
        state.refresh()
        assert "The ledger is damaged: entry" in words(entered(state).get("/").text)


def test_a_member_whose_state_is_no_database(kit):
    place = kit("hospital-0")
    for member in (place / "proofward" / "members").iterdir():
        (member / "state.sqlite").write_bytes(b"junk" * 2000)
    assert "The ledger is damaged: state.sqlite" in words(page(place))
    all_pages(place)


def test_terms_that_are_damaged_are_said_at_once(kit):
    place = kit("hospital-0")
    (place / "proofward" / "terms").write_bytes(b"junk")
    with pytest.raises(NothingToShow, match="terms"):
        open_source(place)


def test_what_is_neither_a_kit_nor_a_run(tmp_path):
    with pytest.raises(NothingToShow, match=r"no start-up kit.*no run's folder"):
        open_source(tmp_path)


def test_a_ledger_that_is_not_there_for_a_moment(run):
    moments = [0.0]
    followed = Followed(open_source(run), lambda: moments[0])
    aside = run.parent / "aside"
    shutil.move(run / "ledger", aside)
    assert not followed.advance() and followed.trouble == ""
    moments[0] = PASSING + 1
    followed.advance()
    assert followed.trouble == ""
    shutil.move(aside, run / "ledger")
    assert followed.advance() and followed.trouble == "" and followed.over


def test_sealing_does_not_wait_for_the_console(kit):
    """Nothing of the console has the file open between two looks."""
    place = kit(harness.SERVER)
    state = state_of(place)
    with closing(state):
        asked = entered(state)
        for path in PATHS:
            asked.get(path)
        database = Database(place / "proofward" / "ledger", writable=True)
        database.compact(patience=0.0)
        database.close()
        assert "The federation is over." in words(asked.get("/").text)


def test_new_entries_are_taken_in_and_old_ones_not_read_again(run, monkeypatch):
    source = open_source(run)
    followed = Followed(source)
    read = []
    stored = type(source.entries()[0])
    original = stored.read

    def counted(self, first):
        found = original(self, first)
        read.append((first, len(found)))
        return found

    monkeypatch.setattr(stored, "read", counted)
    assert followed.advance()
    size = len(followed.lines)
    assert read == [(0, size), (size, 0)]
    assert not followed.advance() and len(read) == 2, "nothing has changed: nothing is opened"
