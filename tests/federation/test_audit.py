"""The audit needs the ledger's folder alone, covers every byte of it, and names who was wrong."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace

import pytest

from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.messages.records.catalogue import Verdict
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.verifier import Verifier
from tests.federation.fakes import FakeProofs, datasets, plan


def failures(folder, **options):
    return [verdict for verdict in Auditor(folder, FakeProofs(), **options).run() if not verdict.passed]


def small(directory, rounds=1, parties=None, verifiers=1):
    agreed = plan(hospitals=3, verifiers=verifiers, rounds=rounds, threshold=1)
    return InProcessFederation(
        directory, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    engine = small(directory)
    assert engine.run().finished
    return directory / "ledger", engine.rules


@pytest.mark.slow
def test_the_folder_alone_is_enough_and_stays_unchanged(finished, tmp_path):
    folder, rules = finished
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert failures(copy, consortium=rules.digest) == []
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_every_byte_of_every_file_is_covered(finished, tmp_path):
    folder, _ = finished
    rng = random.Random(11)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for name in files:
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        data = bytearray((copy / name).read_bytes())
        for position in {0, len(data) - 1, rng.randrange(len(data))}:
            data[position] ^= 1 << rng.randrange(8)
        (copy / name).write_bytes(bytes(data))
        assert failures(copy), name
        shutil.rmtree(copy)


@pytest.mark.slow
def test_bytes_of_the_database_and_the_seal_one_by_one(finished, tmp_path):
    folder, _ = finished
    rng = random.Random(12)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for name in ("ledger.db", "ledger.seal"):
        original = (copy / name).read_bytes()
        for _ in range(12):
            data = bytearray(original)
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            (copy / name).write_bytes(bytes(data))
            assert failures(copy), name
        (copy / name).write_bytes(original)
    assert failures(copy) == []


def test_missing_and_additional_files(finished, tmp_path):
    folder, _ = finished
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "note.txt").write_text("hello")
    assert [verdict.check for verdict in failures(copy)] == ["ledger-stray"]
    (copy / "note.txt").unlink()
    one = next(path for path in sorted((copy / "objects").rglob("*")) if path.is_file())
    one.unlink()
    assert {"object-missing", "ledger-seal"} <= {verdict.refusal.check for verdict in failures(copy)}
    assert failures(tmp_path / "nothing")[0].check == "rules"


def test_another_consortium_and_another_past(finished, tmp_path):
    folder, _ = finished
    assert [verdict.refusal.check for verdict in failures(folder, consortium=bytes(32))] == ["consortium"]
    engine = small(tmp_path / "again")
    engine.run(lambda: engine.aggregator.history.size > 20)
    remembered = engine.hospitals["hospital-0"].checkpoint
    engine.close()
    assert [verdict.check for verdict in failures(folder, remembered=[remembered])] == ["ledger-remembered"]


class Lying(Verifier):
    """Refuses what is right."""

    def say(self, record, *arguments, **options):
        if isinstance(record, Verdict) and record.hospital == "hospital-0":
            record = replace(record, accepted=False, check="rows", dataset_root=b"", share_binding=b"")
        return super().say(record, *arguments, **options)


@pytest.mark.slow
def test_a_lying_verifier_is_named(tmp_path):
    engine = small(tmp_path, parties=Parties(verifiers={"verifier-1": Lying}), verifiers=3)
    assert engine.run().finished
    wrong = failures(tmp_path / "ledger")
    assert [(verdict.check, verdict.refusal.culprit) for verdict in wrong] == [("verdict", "verifier-1")]
