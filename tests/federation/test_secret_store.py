"""Secrets that are gone when they are erased, whatever happens meanwhile; and states that are not the last."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from proofward.federation.storage.continuity import StateRefused
from proofward.federation.storage.ratchet import KEY_BYTES, Ratchet, name_of
from proofward.federation.storage.state_store import StateStore


class Drawn:
    """A generator that remembers what it gave."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def __call__(self, count: int) -> bytes:
        self.given.append(os.urandom(count))
        return self.given[-1]

    @property
    def keys(self) -> list[bytes]:
        return [data for data in self.given if len(data) == KEY_BYTES]


def filled(folder: Path, rng: Callable[[int], bytes] = os.urandom) -> tuple[StateStore, dict[str, bytes]]:
    folder.mkdir(exist_ok=True)
    store = StateStore(folder / "state.sqlite", rng)
    secrets = {f"seed/{i}": os.urandom(40) for i in range(4)} | {"dataset/a": os.urandom(70_000)}
    for name, secret in secrets.items():
        with store.transaction():
            store.secrets.put(name, secret)
            store.put(f"note/{name}", b"not secret")
    return store, secrets


def found_in(folder: Path, secrets: dict[str, bytes] | list[bytes]) -> list[object]:
    """Which secrets occur in any byte of any file of the folder: their first 16 bytes, or any part of as many."""
    data = b"\xff".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    named = secrets.items() if isinstance(secrets, dict) else enumerate(secrets)
    return [
        name
        for name, secret in named
        for at in range(0, min(len(secret), 64) - 15, 8)
        if secret[at : at + 16] in data
    ]


def test_secrets_come_back_and_are_never_in_clear(tmp_path: Path) -> None:
    store, secrets = filled(tmp_path / "a")
    assert found_in(tmp_path, secrets) == []
    assert {name: store.secrets.get(name) for name in store.secrets.names()} == secrets
    store.close()
    again = StateStore(tmp_path / "a" / "state.sqlite")
    assert {name: again.secrets.get(name) for name in again.secrets.names()} == secrets
    assert again.secrets.get("another") is None
    again.close()


def test_a_replaced_secret_has_its_new_value(tmp_path: Path) -> None:
    store, _ = filled(tmp_path / "a")
    with store.transaction():
        store.secrets.put("seed/0", b"new")
    assert store.secrets.get("seed/0") == b"new"
    store.close()


def test_erased_secrets_cannot_be_read_with_any_key_that_is_left(tmp_path: Path) -> None:
    """An old copy of the database, with the whole folder as it is afterwards, gives nothing."""
    drawn = Drawn()
    store, secrets = filled(tmp_path / "a", drawn)
    before = drawn.keys[0]
    assert found_in(tmp_path, [before]) != []
    old = tmp_path / "old.sqlite"
    with sqlite3.connect(tmp_path / "a" / "state.sqlite") as source, sqlite3.connect(old) as target:
        source.backup(target)
    assert store.secrets.keep_only({"seed/3", "dataset/a"})
    assert store.secrets.names() == ["dataset/a", "seed/3"]
    assert [store.secrets.get(name) for name in ("dataset/a", "seed/3")] == [
        secrets["dataset/a"],
        secrets["seed/3"],
    ]
    held = [key for key in drawn.keys if found_in(tmp_path, [key])]
    assert len(held) == 1 and before not in held, "only the key in force is anywhere, and no data key"
    assert found_in(tmp_path, secrets) == []
    assert (tmp_path / "a" / "state.sqlite-wal").stat().st_size == 0
    store.close()


def test_nothing_happens_when_all_is_kept(tmp_path: Path) -> None:
    drawn = Drawn()
    store, secrets = filled(tmp_path / "a", drawn)
    count = len(drawn.given)
    assert not store.secrets.keep_only(set(secrets)) and len(drawn.given) == count
    store.close()


def test_a_secret_cannot_take_another_s_place(tmp_path: Path) -> None:
    store, _ = filled(tmp_path / "a")
    store._db.execute("UPDATE secrets SET wrapped = (SELECT wrapped FROM secrets WHERE name = 'seed/0')")
    with pytest.raises(StateRefused, match="state-damaged"):
        store.secrets.get("seed/1")
    store._db.execute("UPDATE secrets SET sealed = x'00'")
    with pytest.raises(StateRefused, match="state-damaged"):
        store.secrets.get("seed/0")
    store.close()


def change(folder: Path, times: int = 3) -> None:
    store = StateStore(folder / "state.sqlite")
    for number in range(times):
        with store.transaction():
            store.put("more", bytes([number]))
    store.secrets.keep_only({"seed/1"})
    store.close()


def refusal(folder: Path) -> StateRefused:
    with pytest.raises(StateRefused) as caught:
        StateStore(folder / "state.sqlite")
    assert "revoke" in str(caught.value)
    return caught.value


def test_a_copied_folder_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "a")[0].close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert refusal(tmp_path / "b").check == "state-copied"
    shutil.move(tmp_path / "a" / "state.sqlite", tmp_path / "kept")
    shutil.rmtree(tmp_path / "a")
    shutil.copytree(
        tmp_path / "b", tmp_path / "a"
    )  # restored under its own name, perhaps with its old number
    assert refusal(tmp_path / "a").check == "state-copied"


def test_a_moved_folder_is_the_same(tmp_path: Path) -> None:
    store, secrets = filled(tmp_path / "a")
    store.close()
    (tmp_path / "a").rename(tmp_path / "b")
    moved = StateStore(tmp_path / "b" / "state.sqlite")
    assert moved.secrets.get("seed/0") == secrets["seed/0"]
    moved.close()


def test_a_restored_database_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "a")[0].close()
    shutil.copytree(tmp_path / "a", tmp_path / "backup")
    (tmp_path / "backup" / "state.ratchet").unlink()
    for times in (0, 1, 5):
        change(tmp_path / "a", times)
    shutil.copytree(tmp_path / "a", tmp_path / "present")
    shutil.copy(tmp_path / "backup" / "state.sqlite", tmp_path / "a" / "state.sqlite")
    assert refusal(tmp_path / "a").check == "state-restored"
    (tmp_path / "a" / "state.sqlite").unlink()
    assert refusal(tmp_path / "a").check == "state-restored", "a new database beside an old ratchet"


def test_a_restored_ratchet_file_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "a")[0].close()
    old = (tmp_path / "a" / "state.ratchet").read_bytes()
    change(tmp_path / "a")
    (tmp_path / "a" / "state.ratchet").write_bytes(old)  # in place, so it is the same file
    assert refusal(tmp_path / "a").check == "ratchet-restored"


def test_a_missing_or_damaged_ratchet_file_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "a")[0].close()
    path = tmp_path / "a" / "state.ratchet"
    whole = path.read_bytes()
    for start, check in ((0, "ratchet-damaged"), (1536, "ratchet-restored")):
        path.write_bytes(
            whole[:start] + bytes(1024 if start else 512) + whole[start + (1024 if start else 512) :]
        )
        assert refusal(tmp_path / "a").check == check
    path.unlink()
    assert refusal(tmp_path / "a").check == "ratchet-missing"


def test_a_state_without_continuity_is_of_an_earlier_version(tmp_path: Path) -> None:
    filled(tmp_path / "a")[0].close()
    with sqlite3.connect(tmp_path / "a" / "state.sqlite") as database:
        database.execute("DELETE FROM continuity")
    assert refusal(tmp_path / "a").check == "state-format"


def test_the_counter_grows_with_every_transaction(tmp_path: Path) -> None:
    store, _ = filled(tmp_path / "a")
    ratchet = Ratchet(tmp_path / "a" / "state.ratchet")
    before = ratchet.counter
    for number in range(1, 6):
        with store.transaction():
            store.put("x", b"")
        assert ratchet.counter == before + number
    with pytest.raises(KeyError), store.transaction():
        raise KeyError
    assert ratchet.counter == before + 5
    ratchet.close()
    store.close()


def test_key_names_say_nothing_and_differ() -> None:
    assert len({name_of(bytes([i]) * 32) for i in range(50)}) == 50
