"""Hospitals that come later to a federation with privacy: noise from their first round on, and a budget of their own."""

from __future__ import annotations

import pytest

from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.state.history_state import CONFIRM, KEYS
from proofward.federation.messages.records.catalogue import NoiseCommitment
from proofward.federation.parties.auditor import Auditor
from tests.federation.fakes import FakeProofs, datasets
from tests.federation.harness import Withholding
from tests.federation.private_plans import private_plan

pytestmark = pytest.mark.slow

LATE, ROUNDS = "hospital-3", 4


class Latecomer:
    """Four hospitals, of which one's enrolment is on its way until `deliver`; then its `topic` is kept back."""

    def __init__(self, folder) -> None:
        self.folder, self.network, self.plan = folder, Withholding(LATE, "enrolment"), private_plan(ROUNDS)
        self.engine = InProcessFederation(
            folder, self.plan, datasets(self.plan), seed=b"s", network=self.network, proofs=FakeProofs()
        )
        self.history = self.engine.aggregator.history

    def until(self, phase: str, number: int) -> None:
        self.engine.run(lambda: self.history.phase == phase and self.history.position()[0] == number)
        assert self.history.phase == phase

    def finish(self, topic: str = "") -> None:
        self.network.topic = topic
        result = self.engine.run()
        assert result.finished and result.halted == {} and result.faults == []
        found = Auditor(self.folder / "ledger", FakeProofs()).run()
        assert [str(own) for own in found if not own.passed] == []

    @property
    def took_part(self) -> list[int]:
        return [state.number for state in self.history.closed if LATE in state.participants]

    @property
    def committed(self) -> list[int]:
        return sorted(number for number, name in self.history.noise_roots if name == LATE)


@pytest.mark.parametrize(("phase", "first"), [(KEYS, 2), (CONFIRM, 3)])
def test_a_late_hospital_commits_to_noise_before_the_beacon_of_its_first_round(tmp_path, phase, first):
    late = Latecomer(tmp_path)
    late.until(phase, 1)
    assert late.committed == []
    late.finish()
    assert late.took_part == late.committed == list(range(first, ROUNDS + 1))
    spent = late.history.releases
    assert spent[LATE] == ROUNDS + 1 - first and {spent[name] for name in spent if name != LATE} == {ROUNDS}


def test_a_late_hospital_without_a_commitment_takes_no_part(tmp_path):
    late = Latecomer(tmp_path)
    late.until(KEYS, 1)
    late.finish(NoiseCommitment.kind)
    assert LATE in late.history.joined and late.took_part == late.committed == []
    assert LATE not in late.history.releases
