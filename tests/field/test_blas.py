"""The number of threads of numpy's products: one inside, and what it was behind, also for many users."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from proofward.data.synthetic import make_synthetic
from proofward.field import blas
from proofward.field.blas import blas_threads, one_thread
from proofward.layers.local_training import training
from proofward.layers.local_training.training import Trainer, is_small, train
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule

known = pytest.mark.skipif(not blas_threads(), reason="numpy's library has no such switch")


@pytest.fixture
def two_threads():
    """A library with two threads, as on a machine of two cores."""
    assert blas._library() is not None
    ask, tell = blas._library()
    before = ask()
    tell(2)
    yield
    tell(before)


@known
@pytest.mark.usefixtures("two_threads")
def test_one_thread_inside_and_what_there_was_behind() -> None:
    with one_thread():
        assert blas_threads() == 1
        with one_thread():
            assert blas_threads() == 1
        assert blas_threads() == 1
    assert blas_threads() == 2
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert blas_threads() == 2


@known
@pytest.mark.usefixtures("two_threads")
def test_it_is_one_thread_until_the_last_user_leaves() -> None:
    inside, leave = threading.Event(), threading.Event()

    def user() -> None:
        with one_thread():
            inside.set()
            leave.wait()

    other = threading.Thread(target=user)
    with one_thread():
        other.start()
        inside.wait()
    assert blas_threads() == 1
    leave.set()
    other.join()
    assert blas_threads() == 2


@known
@pytest.mark.usefixtures("two_threads")
def test_nothing_changes_where_it_is_not_wanted() -> None:
    with one_thread(False):
        assert blas_threads() == 2


def test_a_library_without_the_switch_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_library", lambda: None)
    with one_thread():
        assert blas_threads() == 0


@known
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("little", "expected"), [(training.LITTLE_WORK, 1), (1, 2)])
def test_a_small_network_trains_on_one_thread(
    monkeypatch: pytest.MonkeyPatch, little: int, expected: int
) -> None:
    seen: list[int] = []
    step = Trainer.step

    def watched(self: Trainer, *arguments: object, **named: object) -> None:
        seen.append(blas_threads())
        step(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "step", watched)
    monkeypatch.setattr(training, "LITTLE_WORK", little)
    model, scales, rules = mlp((30, 8, 2)), FixedPoint(), Training(rate=1, batch=8, steps=2)
    records = make_synthetic(16, 30, 1, scales)
    first = initial_weights(model, scales, b"seed")
    batches = schedule(bytes(32), "h", 16, rules)
    update = train(model, scales, rules, first, records.features, records.labels, batches).update
    assert seen == [expected] * 2 and blas_threads() == 2
    monkeypatch.setattr(training, "LITTLE_WORK", 1 + training.LITTLE_WORK % 2)
    again = train(model, scales, rules, first, records.features, records.labels, batches).update
    assert np.array_equal(update, again) and update.any()


def test_what_is_small() -> None:
    assert is_small(mlp((784, 128, 64, 2)), 32)
    assert not is_small(mlp((4096, 4096, 2)), 64)
