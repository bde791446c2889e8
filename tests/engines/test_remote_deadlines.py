"""A holder's own deadline over `engines/remote`: the attempt's secrets are gone after it, and in use before it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from proofward.engines.remote import own_deadline
from proofward.engines.remote.agreement.home import DATASET, Home
from proofward.engines.remote.own_deadline import FILE, OwnDeadline
from proofward.federation.history.state.history_state import CONSENT, LOCK, SHARES
from proofward.federation.storage import secret_store
from proofward.federation.storage.continuity import StateRefused
from proofward.federation.storage.ratchet import Ratchet
from proofward.federation.storage.secret_store import SecretStore
from tests.engines.remote_harness import Consortium, Lost, agreement, topic

HOSPITALS = ("hospital-0", "hospital-1", "hospital-2")
LATE = "hospital-2"
ATTEMPT = {"sealing", "own-share"}


class Thief:
    """Has every secret that was drawn, every row that any state ever had, and the files as they are in the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: dict[Path, set[tuple[str, bytes]]] = {}
        self.rows: dict[Path, set[tuple[str, bytes, bytes]]] = {}
        put = SecretStore.put

        def seen(store: SecretStore, name: str, secret: bytes) -> None:
            put(store, name, secret)
            folder = Path(store._db.execute("PRAGMA database_list").fetchone()[2]).parent
            self.drawn.setdefault(folder, set()).add((name, secret))
            self.copy(folder, store._db)

        monkeypatch.setattr(SecretStore, "put", seen)

    def copy(self, folder: Path, database: sqlite3.Connection) -> None:
        rows = database.execute("SELECT name, wrapped, sealed FROM secrets").fetchall()
        self.rows.setdefault(folder, set()).update(rows)

    def opens(self, folder: Path) -> set[str]:
        """What kinds of secrets a stopped member's files give, with all rows of earlier times."""
        database = sqlite3.connect(folder / "state.sqlite")
        self.copy(folder, database)
        database.close()
        ratchet = Ratchet(folder / "state.ratchet")
        keys = list(ratchet._keys().values())
        ratchet.close()
        found = set()
        for name, wrapped, sealed in self.rows[folder]:
            for key in keys:
                try:
                    data = secret_store._open(secret_store._wrapping_key(key, name), b"key", name, wrapped)
                    secret_store._open(data, b"data", name, sealed)
                    found.add(name.split("/")[0])
                except StateRefused:
                    continue
        return found

    def reads(self, folder: Path) -> set[str]:
        """Names of secrets of which any file of the member has 16 bytes in clear."""
        found = (path for path in folder.rglob("*") if path.is_file() and path.name != DATASET)
        files = b"\xff".join(path.read_bytes() for path in found)
        return {
            name
            for name, secret in self.drawn[folder]
            if not name.startswith("beacon/")  # said openly in the end
            and any(secret[at : at + 16] in files for at in range(0, min(len(secret), 64) - 15, 8))
        }


@pytest.fixture
def thief(monkeypatch: pytest.MonkeyPatch) -> Thief:
    return Thief(monkeypatch)


def folder_of(consortium: Consortium, name: str) -> Path:
    return Home(consortium.root / name / "home").member(name)


def without(word: str, site: str = LATE):
    """What this site says on a topic is lost."""

    def trouble(who, request, number):
        if who == site and topic(request) == word:
            raise Lost
        return 1, True

    return trouble


class Overdue:
    """Which members have said that they are past their own deadline."""

    def __init__(self) -> None:
        self.said: set[tuple[str, str]] = set()

    def __call__(self, event) -> None:
        if event.kind == "overdue":
            self.said.add((event.party, event.subject))


STUCK = {"shares-checked": SHARES, "consent": CONSENT, "lock": LOCK}


@pytest.mark.slow
@pytest.mark.parametrize("word", STUCK)
def test_after_its_own_deadline_no_file_of_a_member_gives_a_secret_of_the_attempt(
    tmp_path, thief, monkeypatch, word
):
    """The host never closes the phase, and nobody can end it without the late hospital's word."""
    monkeypatch.setattr(own_deadline, "GRACE", -3598.0)
    overdue, phase = Overdue(), STUCK[word]
    with Consortium(tmp_path, agreement(rounds=1), deadline=3600) as consortium:
        consortium.wire.trouble = without(word)
        consortium.start(observe=overdue)
        consortium.until(lambda: {(name, phase) for name in HOSPITALS} <= overdue.said)
        assert consortium.phase(phase) and not consortium.host_finished
        consortium.stop(*consortium.names)
        for name in HOSPITALS:
            folder = folder_of(consortium, name)
            assert {known.split("/")[0] for known, _ in thief.drawn[folder]} >= {*ATTEMPT, "dataset"}
            assert thief.opens(folder) == {"dataset"}, name
            assert thief.reads(folder) == set(), name


@pytest.mark.slow
def test_a_member_in_time_still_answers_also_after_a_restart(tmp_path, thief):
    overdue = Overdue()
    with Consortium(tmp_path, agreement(rounds=1), deadline=3600) as consortium:
        consortium.wire.trouble = without("lock")
        consortium.start(observe=overdue)
        consortium.until(lambda: consortium.phase(LOCK))
        consortium.host.deadline = 0.1
        consortium.until(lambda: sum(kind == "waiting" for kind, _ in consortium.notes) > 1)
        consortium.host.deadline = 3600.0
        consortium.stop(*consortium.names)
        assert not overdue.said, "the host's deadline is not the holder's"
        for name in HOSPITALS:
            assert thief.opens(folder_of(consortium, name)) == {*ATTEMPT, "dataset"}
        consortium.wire.trouble = lambda site, request, number: (1, True)
        consortium.start()
        consortium.join()
        assert consortium.audit() == []
        assert consortium.host.aggregator.history.closed[0].accepted.record.hospitals == HOSPITALS


@pytest.mark.slow
def test_a_member_cut_off_from_the_aggregator_erases_as_well(tmp_path, thief, monkeypatch):
    overdue, away = Overdue(), set[str]()

    def trouble(site, request, number):
        if site in away or (site == LATE and topic(request) == "lock"):
            raise Lost
        return 1, True

    with Consortium(tmp_path, agreement(rounds=1), deadline=3600) as consortium:
        consortium.wire.trouble = trouble
        consortium.start(observe=overdue)
        consortium.until(
            lambda: consortium.phase(LOCK) and len(consortium.host.aggregator.history.round.locks) == 2
        )
        away.update(HOSPITALS)
        consortium.stop(*HOSPITALS)
        assert not overdue.said
        monkeypatch.setattr(own_deadline, "GRACE", -3600.0)
        consortium.start(*HOSPITALS, observe=overdue)
        consortium.until(lambda: {name for name, _ in overdue.said} == set(HOSPITALS))
        consortium.stop(*HOSPITALS)
        for name in HOSPITALS:
            assert thief.opens(folder_of(consortium, name)) == {"dataset"}


class Member:
    """As much of a hospital as a deadline looks at."""

    expiring = (LOCK,)

    def __init__(self) -> None:
        self.history = self
        self.phase, self.told, self.place = LOCK, False, (3, 0)

    def position(self) -> tuple[int, int]:
        return self.place

    def expired(self, phase: str) -> bool:
        return self.told


class Clocks:
    def __init__(self, folder: Path, member: Member) -> None:
        self.folder, self.member, self.now, self.date = folder, member, 1000.0, 5e8

    def start(self) -> OwnDeadline:
        """A process begins, whose clock has another origin."""
        self.now = 7.0
        return OwnDeadline(self.member, 100.0, self.folder, lambda: self.now, lambda: self.date)


@pytest.fixture
def clocks(tmp_path, monkeypatch) -> Clocks:
    monkeypatch.setattr(own_deadline, "GRACE", 1000.0)
    return Clocks(tmp_path, Member())


def test_seconds_count_on_through_restarts(clocks):
    for _ in range(10):
        found = clocks.start()
        assert not found.passed()
        clocks.now += 61.0
        assert not found.passed()
        clocks.date += 50.0  # with no process
    found = clocks.start()
    assert found.passed(), "10 * (61 + 50) seconds"
    clocks.member.told = True
    assert not found.passed()


@pytest.mark.parametrize(("jump", "counted"), [(3e8, 100.0), (-3e8, 0.0), (30.0, 30.0)])
def test_a_wrong_clock_counts_for_one_deadline_at_most(clocks, jump, counted):
    assert not clocks.start().passed()
    clocks.date += jump
    found = clocks.start()
    assert not found.passed()
    clocks.now += 1100.0 - counted
    assert not found.passed()
    clocks.now += 0.1
    assert found.passed()


def test_another_phase_or_attempt_has_its_own_time(clocks):
    found = clocks.start()
    assert not found.passed()
    clocks.now += 1200.0
    clocks.member.place = (3, 1)
    assert not found.passed()
    clocks.now += 1200.0
    assert found.passed()
    clocks.member.phase = "upload"
    assert not found.passed()
    clocks.now += 1e9
    assert not found.passed(), "an upload may be waited for as long as the consortium likes"


@pytest.mark.parametrize("data", [b"", b"\xff", b"nan\nnan\nlock\n3\n0", b"1\n2", b"inf\n1\nlock\n3\n0"])
def test_a_damaged_file_of_seconds_erases_nothing(clocks, data):
    (clocks.folder / FILE).write_bytes(data)
    assert not clocks.start().passed()
