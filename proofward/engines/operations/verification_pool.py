"""Verification in a pool of processes: proofs side by side, and none that takes the verifier with it.

A proof whose process dies (killed, out of memory) is tried again in new processes, then once more with no
other beside it; one that takes too long goes to that last try at once. Who fails there too gets no verdict:
the outcome is `Unable`, never a refusal. Everybody else's proofs go on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import TypeVar

from proofward.engines.operations.verification_worker import (
    Call,
    Outcome,
    Reply,
    pack,
    process_pool,
    unpack,
    verify,
)
from proofward.federation.history.proving.judging import Unable
from proofward.federation.history.proving.proof_jobs import EnrolmentJob, RoundJob
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.history.state.round_state import Finding
from proofward.field.threads import thread_count
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.uploads.key_shares import Digests

MOST_WORKERS = 8
TIMEOUT, GRACE = 1800.0, 10.0
TRIES_IN_COMPANY = 2
T = TypeVar("T")


class PooledProofs(RelationProofs):
    """See `federation.proofs.Proofs`: proves in this process, verifies in others.

    May be called from many threads, which share the processes. Close it, or use it as a context manager.
    """

    def __init__(self, workers: int | None = None, timeout: float = TIMEOUT) -> None:
        """Remembers the settings; processes are started when they are needed.

        `workers` is the number of processes; the cores are divided among them. `timeout` is how many seconds
        a proof may take, the start of its process included.
        """
        self.workers = max(1, min(thread_count(), MOST_WORKERS) if workers is None else workers)
        self._pool = _Pool(self.workers, timeout)

    def __enter__(self) -> PooledProofs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all processes; proofs under way get the outcome Unable."""
        self._pool.close()

    @property
    def processes(self) -> list[int]:
        """Process identifiers of the workers that run now."""
        return self._pool.processes

    def verify_enrolment(self, statement: EnrolmentStatement, proof: bytes) -> bytes:
        """See Proofs."""
        return _only(self.verify_enrolments([EnrolmentJob("", statement, proof)]))

    def verify_round(
        self, statement: UploadStatement, sealed_shares: Digests, ciphertext: bytes, proof: bytes
    ) -> Finding:
        """See Proofs."""
        return _only(self.verify_rounds([RoundJob("", statement, sealed_shares, ciphertext, proof)]))

    def verify_enrolments(
        self, jobs: Iterable[EnrolmentJob]
    ) -> Iterator[tuple[str, bytes | ProofRejected | Unable]]:
        """See Proofs."""
        for key, outcome in self._judge(jobs):
            assert not isinstance(outcome, Finding)
            yield key, outcome

    def verify_rounds(
        self, jobs: Iterable[RoundJob]
    ) -> Iterator[tuple[str, Finding | ProofRejected | Unable]]:
        """See Proofs."""
        for key, outcome in self._judge(jobs):
            assert not isinstance(outcome, bytes)
            yield key, outcome

    def _judge(self, jobs: Iterable[EnrolmentJob | RoundJob]) -> Iterator[tuple[str, Outcome]]:
        """Holds one job more than there are processes."""
        remaining, answers = iter(jobs), SimpleQueue[tuple[_Task, Outcome]]()
        under_way: set[_Task] = set()

        def refill() -> None:
            while len(under_way) <= self.workers and (job := next(remaining, None)) is not None:
                task = _Task(job.key, pack(job), answers)
                self._pool.put(task)
                under_way.add(task)

        try:
            refill()
            while under_way:
                task, outcome = answers.get()
                under_way.discard(task)
                refill()
                yield task.key, outcome
        finally:
            for task in under_way:
                task.abandoned = True


def _only(outcomes: Iterator[tuple[str, T | ProofRejected | Unable]]) -> T:
    ((_, outcome),) = outcomes
    if isinstance(outcome, ProofRejected | Unable):
        raise outcome
    return outcome


@dataclass(eq=False)
class _Task:
    """A job on its way; `died` counts the processes lost while it ran."""

    key: str
    call: Call
    answers: SimpleQueue[tuple[_Task, Outcome]]
    died: int = 0
    alone: bool = False
    abandoned: bool = False

    def answer(self, outcome: Outcome) -> None:
        """Hands the outcome to whoever waits for it."""
        self.answers.put((self, outcome))


class _Pool:
    """The processes, and a thread that gives them work, on which all but the first three methods run."""

    def __init__(self, workers: int, timeout: float) -> None:
        self._workers = workers
        self._timeout = timeout
        self._threads = max(1, thread_count() // workers)
        self._lock = Lock()
        self._closed = False
        self._thread: Thread | None = None
        self._news: SimpleQueue[_Task | Future[Reply] | None] = SimpleQueue()
        self._executor: ProcessPoolExecutor | None = None
        self._waiting: deque[_Task] = deque()
        self._running: dict[Future[Reply], tuple[_Task, float]] = {}

    def put(self, task: _Task) -> None:
        """Takes a task, which will be answered; RuntimeError when closed."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the verification pool is closed")
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="verification pool", daemon=True)
                self._thread.start()
            self._news.put(task)

    def close(self) -> None:
        """See PooledProofs; may be called again."""
        with self._lock:
            self._closed = True
            self._news.put(None)
        if self._thread is not None:
            self._thread.join()

    @property
    def processes(self) -> list[int]:
        """See PooledProofs."""
        executor = self._executor
        made = None if executor is None else getattr(executor, "_processes", None)
        return list(made or ())

    def _serve(self) -> None:
        try:
            while True:
                with suppress(Empty):
                    news = self._news.get(timeout=self._patience())
                    if news is None:
                        break
                    if isinstance(news, _Task):
                        self._waiting.append(news)
                    elif news in self._running:
                        self._ended(news)
                self._end_the_late()
                self._start()
        finally:
            self._give_up()

    def _patience(self) -> float | None:
        if not self._running:
            return None
        return max(0.0, min(until for _, until in self._running.values()) - time.monotonic())

    def _start(self) -> None:
        """Gives work to the processes that have none."""
        self._waiting = deque(task for task in self._waiting if not task.abandoned)
        while self._waiting and len(self._running) < self._workers:
            if any(task.alone for task, _ in self._running.values()):
                return
            task = next((task for task in self._waiting if not task.alone), self._waiting[0])
            if task.alone and self._running:
                return
            self._waiting.remove(task)
            try:
                future = self._crew().submit(verify, task.call)
            except (BrokenProcessPool, OSError, RuntimeError) as error:  # it died while idle, or cannot start
                self._lost(task, f"no process to verify it: {error}")
                self._rebuild()
                continue
            self._running[future] = task, time.monotonic() + self._timeout
            future.add_done_callback(self._news.put)

    def _crew(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = process_pool(self._workers, self._threads)
        return self._executor

    def _ended(self, future: Future[Reply]) -> None:
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            self._rebuild()
            return
        task, _ = self._running.pop(future)
        task.answer(unpack(future.result()) if error is None else Unable(f"{type(error).__name__}: {error}"))

    def _end_the_late(self) -> None:
        now = time.monotonic()
        late = [future for future, (_, until) in self._running.items() if until <= now and not future.done()]
        if not late:
            return
        for future in late:
            task, _ = self._running.pop(future)
            if task.alone:
                task.answer(Unable(f"not judged within {self._timeout:g} seconds"))
            else:
                task.alone = True
                self._waiting.append(task)
        self._clear(self._waiting.appendleft)

    def _lost(self, task: _Task, reason: str) -> None:
        """A process is gone: another try, or none any more."""
        task.died += 1
        if task.alone:
            task.answer(Unable(reason))
            return
        task.alone = task.died >= TRIES_IN_COMPANY
        self._waiting.appendleft(task)

    def _rebuild(self) -> None:
        """One process died, and the executor ended the others with it: any of the tasks may have been why."""
        self._clear(lambda task: self._lost(task, "the process that verified it died"))

    def _clear(self, unfinished: Callable[[_Task], None]) -> None:
        """Ends all processes and sorts what ran in them."""
        running, self._running = self._running, {}
        for future, (task, _) in running.items():
            if future.done() and future.exception() is None:
                task.answer(unpack(future.result()))
            else:
                unfinished(task)
        executor, self._executor = self._executor, None
        if executor is None:
            return
        processes = list((getattr(executor, "_processes", None) or {}).values())
        for process in processes:
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.join(GRACE)

    def _give_up(self) -> None:
        with self._lock:
            self._closed = True
        closed = Unable("the verification pool was closed")
        self._clear(lambda task: task.answer(closed))
        while not self._news.empty():
            news = self._news.get()
            if isinstance(news, _Task):
                self._waiting.append(news)
        for task in self._waiting:
            task.answer(closed)
        self._waiting.clear()
