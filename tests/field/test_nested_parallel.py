"""Chunks may ask for chunks of their own, from several threads at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

# a process of its own, so that a deadlock ends with it
NESTED = """
import threading
from proofward.field.threads import parallel, thread_count

SIZE, CALLERS = 12, 4
barrier = threading.Barrier(CALLERS)
counts = [[0] * (SIZE * SIZE * SIZE) for _ in range(CALLERS)]

def call(caller):
    def outer(start, stop):
        for i in range(start, stop):
            parallel(lambda a, b: middle(i, a, b), SIZE, 1)

    def middle(i, start, stop):
        for j in range(start, stop):
            parallel(lambda a, b: inner(i, j, a, b), SIZE, 1)

    def inner(i, j, start, stop):
        for k in range(start, stop):
            counts[caller][(i * SIZE + j) * SIZE + k] += 1

    for _ in range(20):
        barrier.wait()
        parallel(outer, SIZE, 1)

threads = [threading.Thread(target=call, args=(caller,)) for caller in range(CALLERS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(thread_count(), {count for part in counts for count in part})
"""


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_nested_calls_from_many_threads_do_all_work_once(threads: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NESTED],
        cwd=ROOT,
        env={**os.environ, "PROOFWARD_THREADS": str(threads)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.split(maxsplit=1) == [str(threads), "{20}\n"]
