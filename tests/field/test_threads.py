"""Chunks cover the range exactly, results do not depend on them, errors are not lost."""

from __future__ import annotations

import os
import pkgutil
from contextlib import ExitStack
from itertools import pairwise

import pytest

import proofward.field
from proofward.field import threads, warm_up
from proofward.field.extension import ext_dot, ext_mul
from proofward.field.jit import Deferred
from proofward.field.ntt import low_degree_extend
from tests.field.values import f_array


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("grain", [0, 1, 3, 50])
def test_ranges_are_disjoint_and_cover_all(count: int, grain: int, cut: int) -> None:
    ranges: list[tuple[int, int]] = []
    threads.parallel(lambda start, stop: ranges.append((start, stop)), count, grain)
    assert len(ranges) == max(1, min(cut, count // max(1, grain)))
    assert sorted(i for start, stop in ranges for i in range(start, stop)) == list(range(count))


@pytest.mark.parametrize(("count", "parts"), [(0, 1), (1, 1), (1 << 14, 1), (1 << 17, 1), (1 << 18, 4)])
def test_parts_cover_all_in_pieces_of_one_length(count: int, parts: int, cut: int) -> None:
    ranges: list[tuple[int, int]] = []
    threads.in_parts(lambda start, stop: ranges.append((start, stop)), count)
    assert sorted(ranges) == [(count * i // parts, count * (i + 1) // parts) for i in range(parts)]


@pytest.mark.parametrize("count", [(1 << 17) + 1, (1 << 18) + 5, 3 << 16])
def test_the_last_part_ends_where_the_range_does(count: int, cut: int) -> None:
    ranges: list[tuple[int, int]] = []
    threads.in_parts(lambda start, stop: ranges.append((start, stop)), count)
    bounds = [*range(0, count, 1 << 16), count]
    assert sorted(ranges) == list(pairwise(bounds))


@pytest.mark.parametrize("others", [0, 1, 2, 5])
def test_threads_that_compute_at_the_same_time_share_the_cores(others: int, cut: int) -> None:
    def pieces() -> int:
        ranges: list[tuple[int, int]] = []
        threads.parallel(lambda start, stop: ranges.append((start, stop)), 100, 1)
        assert sorted(i for start, stop in ranges for i in range(start, stop)) == list(range(100))
        return len(ranges)

    with ExitStack() as company:
        for _ in range(others):
            company.enter_context(threads.sharing())
        assert pieces() == max(1, cut // max(1, others))
    assert pieces() == cut


@pytest.mark.parametrize("bad", [0, 9])
def test_errors_of_any_chunk_are_raised(bad: int, cut: int) -> None:
    def work(start: int, stop: int) -> None:
        if start <= bad < stop:
            raise KeyError(bad)

    with pytest.raises(KeyError):
        threads.parallel(work, 10, 1)


@pytest.mark.parametrize(("text", "expected"), [("1", 1), ("7", 7), ("0", 1)])
def test_the_number_of_threads(text: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOFWARD_THREADS", text)
    assert threads.thread_count.__wrapped__() == expected


@pytest.mark.parametrize("text", ["", "-1", "many"])
def test_without_a_number_every_core_counts(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOFWARD_THREADS", text)
    assert 1 <= threads.thread_count.__wrapped__() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert threads.thread_count.__wrapped__() == (os.cpu_count() or 1)


def test_large_arrays_at_the_real_grain() -> None:
    size = (1 << 14) * 3 + 1
    left, right = f_array(1, 2, size), f_array(2, 2, size)
    whole = ext_mul(left, right)
    first = ext_mul(left[:, :100], right[:, :100])
    last = ext_mul(left[:, 100:], right[:, 100:])
    assert (whole[:, :100] == first).all()
    assert (whole[:, 100:] == last).all()
    assert ext_dot(left, right) == ext_dot(left[:, :777], right[:, :777]) + ext_dot(
        left[:, 777:], right[:, 777:]
    )
    rows = f_array(3, 9, 2048)
    together = low_degree_extend(rows, 4096)
    assert all((low_degree_extend(rows[i : i + 1], 4096) == together[i]).all() for i in range(9))


def test_warm_up_imports_every_module_with_kernels() -> None:
    calls: list[tuple[str, int, int]] = []
    warm_up.warm_up(lambda name, done, of: calls.append((name, done, of)))
    count = len(warm_up.MODULES)
    assert calls == [
        *((f"proofward.field.{name}", i, count) for i, name in enumerate(warm_up.MODULES)),
        ("ready", count, count),
    ]
    warm_up.warm_up()
    with_kernels = set()
    for found in pkgutil.iter_modules(proofward.field.__path__):
        module = __import__(f"proofward.field.{found.name}", fromlist=["_"])
        if any(isinstance(value, Deferred) for value in vars(module).values()):
            with_kernels.add(found.name)
    assert with_kernels == set(warm_up.MODULES)
