"""Why a federation can go on no more: everybody who is missing, for the right reason, and nobody else."""

from __future__ import annotations

import pytest

from proofward.engines.attacks.hospitals import SwapsCiphertext
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.progress.standstill import no_way_on
from proofward.federation.history.state.history_state import ENROLMENT, KEYS
from proofward.federation.messages.records import catalogue as m
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.test_membership import stop

pytestmark = pytest.mark.slow

REFUSED = "its proof was refused by verifier-0, verifier-1, verifier-2 (transcript)"


def halted(directory, cheats, leavers):
    """A federation of five hospitals, of which four have to be in a sum, when it can go on no more."""
    agreed = plan(rounds=1)
    parties = Parties(hospitals=dict.fromkeys(cheats, SwapsCiphertext))
    engine = InProcessFederation(
        directory, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties
    )
    engine.run(lambda: engine.aggregator.history.phase == KEYS)
    for name in leavers:
        engine.members[name].request_revocation(name, "it leaves")
    return engine.run()


@pytest.mark.parametrize(
    ("cheats", "leavers", "culprit"),
    [
        (("hospital-1", "hospital-2"), (), "hospital-1"),
        (("hospital-1", "hospital-2"), ("hospital-4",), "hospital-1"),
        (("hospital-1",), ("hospital-4",), "hospital-4"),
    ],
)
def test_refused_proofs_and_revocations_are_told_apart(tmp_path, cheats, leavers, culprit):
    result = halted(tmp_path, cheats, leavers)
    reason = result.stopped
    assert not result.finished and (reason.check, reason.culprit) == ("accepted-set", culprit)
    assert reason.expected == "at least 4 hospitals"
    for name in cheats:
        assert f"{name}: {REFUSED}" in reason.actual
    assert ("revoked: hospital-4" in reason.actual) == bool(leavers)
    assert "hospital-0:" not in reason.actual and "aggregator" not in str(reason) and result.halted == {}


def test_members_report_the_same_reason(tmp_path):
    events = []
    agreed = plan(rounds=1)
    parties = Parties(hospitals=dict.fromkeys(("hospital-1", "hospital-2"), SwapsCiphertext))
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties,
        observe=events.append,
    )  # fmt: skip
    reason = engine.run().stopped
    ended = {event.party: event.refusal for event in events if event.kind == "ended"}
    assert ended == dict.fromkeys((*agreed.hospitals, *agreed.verifiers), reason)


def test_too_few_verifiers_are_not_blamed_on_the_aggregator(tmp_path):
    result = halted(tmp_path, (), ("verifier-0", "verifier-2"))
    reason = result.stopped
    assert not result.finished and (reason.check, reason.culprit) == ("accepted-set", "verifier-2")
    assert "revoked: verifier-0, verifier-2" in reason.actual
    assert "hospital-0: its proof was accepted alike by fewer than 2 verifiers (1 accepted)" in reason.actual


def test_enrolments_that_were_refused_or_divided(tmp_path):
    stopped = stop(tmp_path, ENROLMENT)
    history = stopped.history
    stopped.engine.run(lambda: len(history.enrolments) == 5)
    accepting = {"hospital-0": 3, "hospital-1": 3, "hospital-2": 2, "hospital-3": 1, "hospital-4": 0}
    for hospital, count in accepting.items():
        digest = history.enrolments[hospital].digest
        for number, verifier in enumerate(history.rules.verifiers):
            assert no_way_on(history) is None, "somebody may still accept"
            yes = number < count
            said = m.EnrolmentVerdict(hospital, digest, yes, "" if yes else "rows", "", bytes(32 * yes))
            stopped.aggregator.record(stopped.spoken(verifier, said))
    found = no_way_on(history)
    assert found is not None and (found.check, found.culprit) == ("enrolled-set", "hospital-3")
    assert "hospital-3: its proof was refused by verifier-1, verifier-2 (rows)" in found.actual
    assert "hospital-4: its proof was refused by verifier-0, verifier-1, verifier-2 (rows)" in found.actual
    assert "hospital-2:" not in found.actual and "revoked" not in found.actual
    stopped.engine.close()
