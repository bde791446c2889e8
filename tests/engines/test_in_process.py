"""Whole federations in one process, on the fake proof system: honest runs, dropouts, resumption."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from proofward.ledger.errors import LedgerError
from proofward.proof.errors import WitnessError
from tests.federation.fakes import FakeProofs, datasets, plan

pytestmark = pytest.mark.slow


def test_honest_run_closes_all_rounds_and_passes_the_audit(tmp_path):
    agreed = plan()
    result = InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs()).run()
    assert result.finished and result.rounds == 2
    assert result.stopped is None and result.halted == {} and result.refusals == []
    assert result.weights.any()
    verdicts = list(Auditor(tmp_path / "ledger", FakeProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
    assert {"round-proof", "aggregate", "beacon", "complete", "ledger-seal"} <= {
        verdict.check for verdict in verdicts
    }


def test_old_secrets_are_erased_and_the_latest_checkpoint_kept(tmp_path):
    agreed = plan(hospitals=3, verifiers=1, rounds=2, threshold=1)
    engine = InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs())
    history = engine.aggregator.history
    engine.run(lambda: history.phase == UPLOAD and history.position() == (2, 0))
    hospital = engine.hospitals["hospital-0"]
    assert hospital.state.secrets.get("sealing/2/0") is not None
    assert hospital.state.secrets.get("sealing/1/0") is None and hospital.state.secrets.get("own-share/1/0") is None
    first = history.closed[0].uploads["hospital-0"].record
    assert hospital.state.secrets.get(f"dataset/{first.dataset_root.hex()}") is None
    assert hospital.state.secrets.get(f"dataset/{history.dataset_roots['hospital-0'].hex()}") is not None
    assert hospital.sent(Upload) is not None and hospital.state.sent("upload/1/0/hospital-0") == b""
    assert engine.run().finished
    private = tmp_path.with_name(f"{tmp_path.name}.private")
    hidden = [private, *private.rglob("*")]
    assert len(hidden) > 10 and all(path.stat().st_mode & 0o077 == 0 for path in hidden)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger"]


def test_a_hospital_that_cannot_prove_is_left_out(tmp_path):
    agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    data = datasets(agreed)
    events = []

    class Unable(Hospital):
        def prove_round(self, statement, secret):
            raise WitnessError("the data are gone")

    engine = InProcessFederation(
        tmp_path,
        agreed,
        data,
        seed=b"s",
        proofs=FakeProofs(),
        observe=events.append,
        parties=Parties(hospitals={"hospital-3": Unable}),
    )
    assert engine.run().finished
    assert [(event.party, event.detail) for event in events if event.kind == "unable"] == [
        ("hospital-3", "the data are gone")
    ]
    assert "hospital-3" not in engine.aggregator.history.closed[0].accepted.record.hospitals


def test_another_plan_for_the_same_folder_is_refused(tmp_path):
    agreed = plan(hospitals=3, verifiers=1, rounds=1, threshold=1)
    engine = InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs())
    engine.run(lambda: engine.aggregator.history.size > 5)
    engine.close()
    with pytest.raises((Refusal, LedgerError)):
        InProcessFederation(
            tmp_path, replace(agreed, rounds=2), datasets(agreed), seed=b"s", proofs=FakeProofs()
        )
