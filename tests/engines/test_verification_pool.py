"""Verification in processes: the findings of verification here, and no verdict where a process dies or hangs."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from proofward.engines.in_process import InProcessFederation
from proofward.engines.operations import verification_pool
from proofward.engines.operations.verification_pool import PooledProofs
from proofward.federation.history.proving.judging import StoredObject, Unable
from proofward.federation.history.proving.proof_jobs import EnrolmentJob, RoundJob
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.messages.basics.values import words_to_bytes
from proofward.federation.parties.auditor import Auditor
from proofward.proof.errors import ProofRejected
from tests.engines.hanging import HOSTILE, verify_or_hang
from tests.federation.fakes import datasets, plan
from tests.relations.cases import config, make_case

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def case():
    return make_case(config())


@pytest.fixture(scope="module")
def pool():
    with PooledProofs(workers=2) as proofs:
        yield proofs


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _bytes(case):
    return words_to_bytes(case.result.ciphertext), case.result.proof


def plain(outcomes):
    """Outcomes by key, refusals as check and detail."""
    return {
        key: (found.check, found.detail) if isinstance(found, ProofRejected) else found
        for key, found in outcomes
    }


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def round_jobs(case, tmp_path):
    """A valid proof, as bytes and as a file, and others that are wrong in one way each."""
    ciphertext, proof = words_to_bytes(case.result.ciphertext), case.result.proof
    (tmp_path / "ciphertext").write_bytes(ciphertext)
    stored = StoredObject(tmp_path / "ciphertext", hashlib.sha256(ciphertext).digest())
    yield RoundJob("valid", case.statement, case.result.sealed_shares, ciphertext, proof)
    yield RoundJob("file", case.statement, case.result.sealed_shares, stored, proof)
    for at in (0, 40, len(proof) // 2, len(proof) - 1):
        yield RoundJob(f"flipped {at}", case.statement, case.result.sealed_shares, ciphertext, flipped(proof, at))
    yield RoundJob("short", case.statement, case.result.sealed_shares, ciphertext, proof[:-5])
    yield RoundJob("empty", case.statement, case.result.sealed_shares, ciphertext, b"")
    yield RoundJob("length", case.statement, case.result.sealed_shares, ciphertext[:-8], proof)
    yield RoundJob("too large", case.statement, case.result.sealed_shares, b"\xff" * len(ciphertext), proof)
    yield RoundJob("other shares", case.statement, (b"", bytes(32), bytes(32)), ciphertext, proof)
    yield RoundJob("another", replace(case.statement, beacon=bytes(32)), case.result.sealed_shares, ciphertext, proof)


def test_findings_are_those_of_this_process(case, pool, tmp_path):
    here = plain(RelationProofs().verify_rounds(round_jobs(case, tmp_path)))
    there = plain(pool.verify_rounds(round_jobs(case, tmp_path)))
    assert there == here
    assert there["valid"] == there["file"] and there["length"][0] == there["too large"][0] == "ciphertext"
    assert all(isinstance(found, tuple) for key, found in here.items() if key not in ("valid", "file"))


def test_enrolments_and_single_proofs(case, pool):
    proof = case.enrolment_proof
    jobs = [EnrolmentJob(str(at), case.enrolment, flipped(proof, at)) for at in range(0, len(proof), 999)]
    jobs.append(EnrolmentJob("valid", case.enrolment, proof))
    assert plain(pool.verify_enrolments(jobs)) == plain(RelationProofs().verify_enrolments(jobs))
    assert pool.verify_enrolment(case.enrolment, proof) == case.secret.root
    with pytest.raises(ProofRejected) as here:
        RelationProofs().verify_round(case.statement, case.result.sealed_shares, b"", b"")
    with pytest.raises(ProofRejected) as there:
        pool.verify_round(case.statement, case.result.sealed_shares, b"", b"")
    assert (there.value.check, there.value.detail) == (here.value.check, here.value.detail)


def test_a_file_with_other_bytes_is_no_verdict(case, pool, tmp_path):
    (tmp_path / "altered").write_bytes(b"other")
    for name in ("altered", "missing"):
        job = RoundJob(name, case.statement, case.result.sealed_shares, StoredObject(tmp_path / name, bytes(32)), case.result.proof)
        for proofs in (pool, RelationProofs()):
            assert isinstance(dict(proofs.verify_rounds([job]))[name], Unable)


@pytest.fixture
def hostile(case, tmp_path, monkeypatch):
    """A proof that never ends; the processes that took it are the names in `tmp_path / "took"`."""
    monkeypatch.setattr(verification_pool, "verify", verify_or_hang)
    took = tmp_path / "took"
    took.mkdir()
    ciphertext, proof = words_to_bytes(case.result.ciphertext), HOSTILE + os.fsencode(took)
    return RoundJob("hostile", case.statement, case.result.sealed_shares, ciphertext, proof)


def good(case, count=3):
    ciphertext = words_to_bytes(case.result.ciphertext)
    return [RoundJob(str(number), case.statement, case.result.sealed_shares, ciphertext, case.result.proof) for number in range(count)]


def kill_takers(took, stop):
    """Kills, as a machine short of memory does, every process that took the hostile proof."""
    while not stop.is_set():
        for process in map(int, os.listdir(took)):
            if alive(process):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def test_a_proof_that_kills_its_process_gets_no_verdict(case, hostile, tmp_path):
    valid = RelationProofs().verify_round(case.statement, case.result.sealed_shares, *_bytes(case))
    stop = threading.Event()
    with PooledProofs(workers=2) as proofs:
        thread = threading.Thread(target=kill_takers, args=(tmp_path / "took", stop))
        thread.start()
        outcomes = dict(proofs.verify_rounds([hostile, *good(case)]))
        stop.set()
        thread.join()
    assert "died" in str(outcomes["hostile"]) and isinstance(outcomes.pop("hostile"), Unable)
    assert outcomes == {str(number): valid for number in range(3)}
    assert len(os.listdir(tmp_path / "took")) == 3


@pytest.mark.slow
def test_a_proof_that_hangs_stops_nobody_else(case, hostile, tmp_path, monkeypatch):
    """The pool's clock goes on only when the others have their verdicts and the hostile proof hangs."""
    valid = RelationProofs().verify_round(case.statement, case.result.sealed_shares, *_bytes(case))
    clock, judged = [0.0], threading.Event()
    monkeypatch.setattr(verification_pool, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(verification_pool._Pool, "_patience", lambda pool: 0.05)

    def pass_time():
        judged.wait()
        for tries in (1, 2):
            while len(os.listdir(tmp_path / "took")) < tries:
                time.sleep(0.01)
            clock[0] += verification_pool.TIMEOUT

    thread = threading.Thread(target=pass_time, daemon=True)
    thread.start()
    outcomes = {}
    with PooledProofs(workers=2) as proofs:
        for key, outcome in proofs.verify_rounds([hostile, *good(case)]):
            outcomes[key] = outcome
            if len(outcomes) == 3:
                judged.set()
    thread.join()
    assert "not judged within 1800 seconds" in str(outcomes["hostile"])
    assert isinstance(outcomes.pop("hostile"), Unable)
    assert outcomes == {str(number): valid for number in range(3)}


def test_a_killed_process_is_replaced(case):
    valid = RelationProofs().verify_round(case.statement, case.result.sealed_shares, *_bytes(case))
    with PooledProofs(workers=2) as proofs:
        killed = set()

        def kill_first():
            while not (found := proofs.processes):
                time.sleep(0.01)
            killed.update(found)
            for process in found:
                os.kill(process, signal.SIGKILL)

        thread = threading.Thread(target=kill_first)
        thread.start()
        outcomes = dict(proofs.verify_rounds(good(case, 4)))
        thread.join()
        assert outcomes == {str(number): valid for number in range(4)}
        now = set(proofs.processes)
        assert killed and now and not killed & now
        os.kill(min(now), signal.SIGKILL)  # while idle
        assert dict(proofs.verify_rounds(good(case, 2))) == {"0": valid, "1": valid}
    assert not any(alive(process) for process in killed | now)


def test_closing_ends_a_proof_under_way(case, hostile, tmp_path):
    proofs = PooledProofs(workers=2)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.extend(proofs.verify_rounds([hostile])))
    thread.start()
    while not os.listdir(tmp_path / "took"):
        time.sleep(0.01)
    found = proofs.processes
    proofs.close()
    proofs.close()
    thread.join()
    assert isinstance(outcomes[0][1], Unable) and not any(map(alive, found))
    with pytest.raises(RuntimeError):
        proofs.verify_round(case.statement, case.result.sealed_shares, *_bytes(case))


def test_an_abandoned_batch_is_dropped(case, pool):
    outcomes = pool.verify_rounds(iter(good(case, 20)))
    next(outcomes)
    outcomes.close()
    assert pool.verify_round(case.statement, case.result.sealed_shares, *_bytes(case))


def audit(folder, proofs):
    return [(v.check, v.subject, v.refusal, v.detail) for v in Auditor(folder / "ledger", proofs).run()]


def federation(folder, proofs=None, workers=1):
    agreed = plan(hospitals=3, verifiers=2, rounds=1, threshold=1)
    engine = InProcessFederation(folder, agreed, datasets(agreed), seed=b"s", proofs=proofs, workers=workers)
    return engine.run()


def test_a_federation_with_pooled_verifiers_ends_with_the_same_model(tmp_path, pool):
    alone, pooled = federation(tmp_path / "alone"), federation(tmp_path / "pooled", pool, workers=2)
    assert pooled.finished and pooled.refusals == [] and pooled.faults == []
    assert (alone.weights == pooled.weights).all()
    verdicts = audit(tmp_path / "pooled", pool)
    assert verdicts == audit(tmp_path / "pooled", RelationProofs())
    assert all(refusal is None for _, _, refusal, _ in verdicts)


class Silent(RelationProofs):
    """Can judge nothing of one hospital's."""

    def verify_rounds(self, jobs):
        for key, outcome in super().verify_rounds(jobs):
            yield key, Unable("too large") if key == "hospital-1" else outcome


def test_a_verifier_says_nothing_of_what_it_cannot_judge(tmp_path):
    agreed, events = plan(hospitals=4, verifiers=1, rounds=1, threshold=1), []
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", proofs=Silent(), observe=events.append
    )
    result = engine.run()
    assert result.finished and result.refusals == [] and result.faults == []
    closed = engine.aggregator.history.closed[0]
    assert closed.accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-3")
    assert {about for _, about in closed.verdicts} == {"hospital-0", "hospital-2", "hospital-3"}
    unable = [event for event in events if event.kind == "unable"]
    assert [(event.subject, event.detail) for event in unable] == [("hospital-1", "hospital-1: too large")]
    failed = [(check, refusal) for check, _, refusal, _ in audit(tmp_path, Silent()) if refusal is not None]
    assert [(check, refusal.check, refusal.culprit) for check, refusal in failed] == [
        ("round-proof", "unjudged", "unknown")
    ]
    assert all(refusal is None for _, _, refusal, _ in audit(tmp_path, RelationProofs()))
