"""A process that ends between any two writes of the secret store.

Nothing that is kept is lost, and what was erased stays erased.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proofward.federation.storage import ratchet as ratchet_module
from proofward.federation.storage.state_store import StateStore
from tests.federation.test_secret_store import Drawn, filled, found_in

pytestmark = pytest.mark.slow

KILLED = 17


def _in_child(work: Callable[[], object]) -> int:
    """Runs this in a forked process, which may end at any moment; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Dying:
    """Ends the process at its n-th write: of the ratchet file (whole, half, or not at all), or of a statement."""

    def __init__(self, at: int, part: float) -> None:
        self.left, self.part = at, part

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            os._exit(KILLED)

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        self.left -= 1
        if self.left < 0:
            REAL_PWRITE(file, data[: int(self.part * len(data))], offset)
            os._exit(KILLED)
        return REAL_PWRITE(file, data, offset)

    def fsync(self, file: int) -> None:
        self.step()
        REAL_FSYNC(file)


REAL_PWRITE, REAL_FSYNC = os.pwrite, os.fsync


def killed_at_every_write(work: Callable[[Dying], object]) -> Iterator[None]:
    """Runs `work` in processes that end at their first, second, ... write; ends after one that came through."""
    for at in range(400):
        dying = Dying(at, random.Random(at).choice((0.0, 0.1, 0.5)))
        code = _in_child(lambda dying=dying: work(dying))
        assert code in (0, KILLED)
        yield
        if code == 0:
            assert at > 5
            return
    raise AssertionError("it never came through")


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch) -> Callable[[Dying], None]:
    def patch(dying: Dying) -> None:
        monkeypatch.setattr(ratchet_module.os, "pwrite", dying.pwrite)
        monkeypatch.setattr(ratchet_module.os, "fsync", dying.fsync)

    return patch


@pytest.mark.parametrize("keep", [(), ("seed/2",), ("dataset/a", "seed/0")])
def test_a_kill_between_any_two_writes_loses_nothing_that_is_kept(tmp_path: Path, die, keep) -> None:
    drawn = Drawn()
    store, secrets = filled(tmp_path / "a", drawn)
    store.close()
    path, first_key = tmp_path / "a" / "state.sqlite", drawn.keys[0]

    def work(dying: Dying) -> None:
        store = StateStore(path)
        die(dying)
        store._db.set_trace_callback(lambda statement: dying.step())
        store.secrets.keep_only(keep)

    for _ in killed_at_every_write(work):
        again = StateStore(path)
        names = again.secrets.names()
        assert names in (sorted(secrets), sorted(keep))
        assert {name: again.secrets.get(name) for name in names} == {name: secrets[name] for name in names}
        assert len(again._ratchet.names()) == 1
        again.close()
        if names == sorted(keep):
            assert found_in(tmp_path, [first_key]) == [], "after the next start the old key is gone"
    assert names == sorted(keep) and found_in(tmp_path, secrets) == []


def test_a_kill_during_creation_is_begun_again(tmp_path: Path, die) -> None:
    def work(dying: Dying) -> None:
        die(dying)
        StateStore(tmp_path / "b" / "state.sqlite")

    (tmp_path / "b").mkdir()
    for _ in killed_at_every_write(work):
        store, secrets = filled(tmp_path / "b")
        assert store.secrets.get("seed/0") == secrets["seed/0"]
        store.close()
        shutil.rmtree(tmp_path / "b")
        (tmp_path / "b").mkdir()


def test_a_kill_during_a_transaction(tmp_path: Path, die) -> None:
    filled(tmp_path / "a")[0].close()
    path = tmp_path / "a" / "state.sqlite"

    def work(dying: Dying) -> None:
        store = StateStore(path)
        die(dying)
        store._db.set_trace_callback(lambda statement: dying.step())
        with store.transaction():
            store.put("said", b"yes")
            store.secrets.put("more", b"a secret of some length")

    for _ in killed_at_every_write(work):
        store = StateStore(path)
        assert (store.fact("said") is None) == (store.secrets.get("more") is None)
        store.close()
