"""Whole federations in one process, on the fake proof system: honest runs, dropouts, resumption."""

from __future__ import annotations

from proofward.engines.in_process import InProcessFederation
from proofward.federation.auditor import Auditor
from tests.federation.fakes import FakeProofs, datasets, plan


def test_honest_run_closes_all_rounds_and_passes_the_audit(tmp_path):
    agreed = plan()
    result = InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs()).run()
    assert result.finished and result.rounds == 2
    assert result.stopped is None and result.halted == {} and result.refusals == []
    assert (result.weights != agreed.initial_weights).any()
    verdicts = list(Auditor(tmp_path / "ledger", FakeProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
    assert {"round-proof", "aggregate", "beacon", "complete", "ledger-seal"} <= {
        verdict.check for verdict in verdicts
    }
