"""What crosses to a process of the verification pool and back, and what happens there.

Only bytes, numbers, strings and tuples or mappings of them cross: statements field by field, objects as their
bytes or as the path and digest of a file that the process reads and checks for itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from proofward.federation.history.proving.judging import Source, StoredObject, Unable, judged
from proofward.federation.history.proving.proof_jobs import EnrolmentJob, RoundJob
from proofward.federation.history.proving.proofs import RelationProofs, judge_round
from proofward.federation.history.state.round_state import Finding
from proofward.federation.messages.basics.values import integers_from_bytes, integers_to_bytes
from proofward.field.warm_up import warm_up
from proofward.proof.errors import ProofRejected
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.training_rounds.round_statement import RoundStatement

ENROLMENT, ROUND, COUNTS, EVALUATION = "enrolment", "round", "counts", "evaluation"
ENROLLED, ACCEPTED, REJECTED, UNABLE = "enrolled", "accepted", "rejected", "unable"
WARM = "proofward.engines.operations.warm_worker"
"""What the process has imported of which those of the pool are copies."""
PlainSource = bytes | tuple[str, bytes]
Call = tuple[str, tuple[Any, ...], dict[str, object], tuple[PlainSource, ...]]
Reply = tuple[str, bytes | str, bytes | str]
Outcome = Finding | bytes | ProofRejected | Unable


def pack(job: EnrolmentJob | RoundJob) -> Call:
    """A job as plain values: kind, the statement's fields, its configuration, the objects."""
    if isinstance(job, EnrolmentJob):
        said = job.statement
        fields: tuple[Any, ...] = (said.consortium, said.hospital, said.rows, said.features)
        return ENROLMENT, fields, said.config.to_dict(), (_plain(job.proof),)
    told, sources = job.statement, (_plain(job.ciphertext), _plain(job.proof))
    if isinstance(told, CountingStatement):
        fields = (
            told.consortium, told.counting.to_dict(), told.round, told.attempt, told.hospital, told.rows,
            told.beacon, told.dataset_root, told.model, told.noise_root, job.sealed_shares,
        )  # fmt: skip
        return COUNTS, fields, told.config.to_dict(), sources
    if isinstance(told, EvaluationStatement):
        fields = (
            told.consortium, told.counting.to_dict(), told.round, told.attempt, told.hospital, told.rows,
            told.beacon, told.validation_beacon, told.dataset_root, integers_to_bytes(told.weights),
            told.noise_root, job.sealed_shares,
        )  # fmt: skip
        return EVALUATION, fields, told.config.to_dict(), sources
    fields = (
        told.consortium, told.round, told.attempt, told.hospital, told.rows, told.weight_shift,
        told.beacon, told.dataset_root, integers_to_bytes(told.initial_weights), told.validation_beacon,
        told.noise_root, job.sealed_shares,
    )  # fmt: skip
    return ROUND, fields, told.config.to_dict(), sources


def unpack(reply: Reply) -> Outcome:
    """What a process answered."""
    match reply:
        case ("enrolled", bytes(root), _):
            return root
        case ("accepted", bytes(root), bytes(binding)):
            return Finding(root, binding)
        case ("rejected", str(check), str(detail)):
            return ProofRejected(check, detail)
        case (_, reason, _):
            return Unable(str(reason))


def process_pool(workers: int, threads: int) -> ProcessPoolExecutor:
    """Processes that begin as copies of one that is ready; elsewhere than on Linux each begins anew."""
    context: BaseContext = get_context("spawn")
    if sys.platform == "linux":
        context = forks = get_context("forkserver")
        forks.set_forkserver_preload([WARM])
    return ProcessPoolExecutor(workers, context, initializer=begin, initargs=(threads,))


def begin(threads: int) -> None:
    """Prepares a process: so many threads, the kernels loaded, no life of its own."""
    os.environ["PROOFWARD_THREADS"] = str(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warm_up()


def verify(call: Call) -> Reply:
    """Judges a packed job. Whatever goes wrong but the proof itself is no verdict."""
    try:
        outcome = _verify(call)
    except Exception as error:
        return UNABLE, f"{type(error).__name__}: {error}", ""
    match outcome:
        case Finding():
            return ACCEPTED, outcome.dataset_root, outcome.share_binding
        case bytes():
            return ENROLLED, outcome, b""
        case ProofRejected():
            return REJECTED, outcome.check, outcome.detail
        case Unable():
            return UNABLE, str(outcome), ""


def _verify(call: Call) -> Outcome:
    kind, fields, plain, objects = call
    config, proofs = RoundConfig.from_dict(plain), RelationProofs()
    sources = [item if isinstance(item, bytes) else StoredObject(Path(item[0]), item[1]) for item in objects]
    if kind == ENROLMENT:
        consortium, hospital, rows, features = fields
        enrolment = EnrolmentStatement(consortium, hospital, rows, features, config)
        return judged(proofs.verify_enrolment, enrolment, *sources)
    if kind == COUNTS:
        *said, sealed = fields
        return judge_round(proofs, RoundJob("", _counting_statement(config, *said), sealed, *sources))
    if kind == EVALUATION:
        *said, sealed = fields
        return judge_round(proofs, RoundJob("", _evaluation_statement(config, *said), sealed, *sources))
    consortium, number, attempt, hospital, rows, shift, beacon, root, data, drawn_by, noise, sealed = fields
    weights = integers_from_bytes(data, config.model.parameters)
    assert weights is not None
    statement = RoundStatement(
        consortium=consortium,
        config=config,
        round=number,
        attempt=attempt,
        hospital=hospital,
        rows=rows,
        weight_shift=shift,
        beacon=beacon,
        dataset_root=root,
        initial_weights=weights,
        validation_beacon=drawn_by,
        noise_root=noise,
    )
    return judge_round(proofs, RoundJob("", statement, sealed, *sources))


def _counting_statement(config: RoundConfig, *fields: Any) -> CountingStatement:
    consortium, counting, number, attempt, hospital, rows, beacon, root, model, noise = fields
    return CountingStatement(
        consortium=consortium,
        config=config,
        counting=Counting.from_dict(counting),
        round=number,
        attempt=attempt,
        hospital=hospital,
        rows=rows,
        beacon=beacon,
        dataset_root=root,
        model=model,
        noise_root=noise,
    )


def _evaluation_statement(config: RoundConfig, *fields: Any) -> EvaluationStatement:
    consortium, counting, number, attempt, hospital, rows, beacon, drawn_by, root, data, noise = fields
    weights = integers_from_bytes(data, config.model.parameters)
    assert weights is not None
    return EvaluationStatement(
        consortium=consortium,
        config=config,
        counting=Counting.from_dict(counting),
        round=number,
        attempt=attempt,
        hospital=hospital,
        rows=rows,
        beacon=beacon,
        validation_beacon=drawn_by,
        dataset_root=root,
        weights=weights,
        noise_root=noise,
    )


def _plain(source: Source) -> PlainSource:
    return source if isinstance(source, bytes) else (str(source.path), source.digest)


def _end_with_parent() -> None:
    """A killed parent says nothing: without it nobody would end this process."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
