"""Complaints about key shares: a false one costs the complainer its round, and costs the dealer nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.attacks.hospitals import SealsWrongShare
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.state.history_state import SHARES
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from tests.federation.fakes import FakeProofs, datasets, plan

pytestmark = pytest.mark.slow

VICTIM, HONEST, SECOND, FALSE = "hospital-0", "hospital-1", "hospital-4", "hospital-5"


class ComplainsOfOne(Hospital):
    """Calls the good share of one dealer bad, in every attempt."""

    def share_from(self, dealer):
        accused = self.history.phase == SHARES and dealer == VICTIM
        return None if accused else super().share_from(dealer)


class ComplainsOfAll(Hospital):
    """Calls the good shares of all other dealers bad, in every attempt."""

    def share_from(self, dealer):
        accused = self.history.phase == SHARES and dealer != self.name
        return None if accused else super().share_from(dealer)


class Federation:
    """A whole run of six hospitals, t = 2, of whom four are enough and some complain."""

    def __init__(self, directory, hospitals, rounds=1):
        agreed = plan(hospitals=6, verifiers=3, rounds=rounds, threshold=2)
        agreed = replace(agreed, minimum_updates=4)
        engine = InProcessFederation(
            directory, agreed, datasets(agreed), seed=b"s", parties=Parties(hospitals), proofs=FakeProofs()
        )
        self.names, self.false = set(agreed.hospitals), set(hospitals)
        self.result, self.history = engine.run(), engine.aggregator.history
        audit = Auditor(directory / "ledger", FakeProofs()).run()
        self.flaws = [str(verdict) for verdict in audit if not verdict.passed]

    def attempts(self, number):
        """The attempts of a round, in order; the last one was closed."""
        states = [*self.history.earlier, *self.history.closed]
        return sorted((state for state in states if state.number == number), key=lambda state: state.attempt)

    def faults(self):
        return {(fault.round, fault.culprit, fault.check) for fault in self.result.faults}

    def went_on_without_complainers(self, number=1):
        """Whether a round was started again once, and what that has to mean for everybody."""
        first, second = self.attempts(number)
        honest = self.names - self.false
        assert (first.attempt, second.attempt) == (0, 1) and first.beacon == second.beacon
        assert first.accepted is None and first.share_sums == {}
        assert set(first.present) == self.names and set(second.present) == honest
        assert set(second.participants) & self.names == honest
        assert set(second.accepted.record.hospitals) == honest
        for name in honest:
            old, new = first.holder_keys[name].sealing_keys, second.holder_keys[name].sealing_keys
            assert set(old).isdisjoint(new)
            before, after = first.uploads[name].record, second.uploads[name].record
            assert before.ciphertext != after.ciphertext and before.proof != after.proof
            assert {*before.sealed_shares, b""} & {*after.sealed_shares} <= {b""}
        return True


@pytest.mark.parametrize(
    "complainers",
    [
        {FALSE: ComplainsOfOne},
        {FALSE: ComplainsOfAll},
        {SECOND: ComplainsOfOne, FALSE: ComplainsOfAll},
        {SECOND: ComplainsOfAll, FALSE: ComplainsOfAll},
    ],
    ids=["one of one", "one of all", "two of one and of all", "two of all"],
)
def test_who_complains_falsely_is_out_and_nobody_else_loses_anything(tmp_path, complainers):
    run = Federation(tmp_path, complainers)
    assert run.result.finished and run.result.halted == {} and run.flaws == []
    assert run.faults() == {(1, name, "complaint") for name in complainers}
    assert run.went_on_without_complainers()
    first, second = run.attempts(1)
    accused = {
        (name, dealer)
        for name, kind in complainers.items()
        for dealer in (run.names if kind is ComplainsOfAll else {VICTIM})
        if dealer != name
    }
    assert set(first.complaints) == accused and second.complaints == {}
    assert all(first.complaint_outcome(*pair, 2) is False for pair in accused)


def test_a_holder_that_complains_falsely_in_each_round_is_out_of_each_and_asked_again(tmp_path):
    run = Federation(tmp_path, {FALSE: ComplainsOfAll}, rounds=2)
    assert run.result.finished and run.result.halted == {} and run.flaws == []
    assert run.faults() == {(1, FALSE, "complaint"), (2, FALSE, "complaint")}
    for number in (1, 2):
        assert FALSE in run.attempts(number)[0].participants
        assert run.went_on_without_complainers(number)


def test_a_true_complaint_puts_the_dealer_out_and_the_round_goes_on(tmp_path):
    run = Federation(tmp_path, {HONEST: SealsWrongShare})
    assert run.result.finished and run.result.halted == {} and run.flaws == []
    assert run.faults() == {(1, HONEST, "key-share")}
    (only,) = run.attempts(1)
    assert set(only.complaints) == {(VICTIM, HONEST)} and only.attempt == 0
    assert set(only.accepted.record.hospitals) == run.names - {HONEST}


def test_a_true_and_a_false_complaint_are_told_apart(tmp_path):
    """The dealer of a bad share takes part in the attempt that follows, and is out of that one again."""
    run = Federation(tmp_path, {HONEST: SealsWrongShare, FALSE: ComplainsOfAll})
    assert run.result.finished and run.result.halted == {} and run.flaws == []
    assert run.faults() == {(1, HONEST, "key-share"), (1, FALSE, "complaint")}
    first, second = run.attempts(1)
    assert first.complaint_outcome(VICTIM, HONEST, 2) is True
    assert first.complaint_outcome(FALSE, VICTIM, 2) is False
    assert first.accepted is None and set(second.present) == run.names - {FALSE}
    assert set(second.accepted.record.hospitals) == run.names - {HONEST, FALSE}
