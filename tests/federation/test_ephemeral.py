"""Sealed shares that are deleted when their round is closed, and what stays of them for the audit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.attacks.hospitals import ComplainsFalsely, SealsWrongShare
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.ephemeral import disposable
from proofward.federation.messages.consortium.scaling import Scaling
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.hospital import Hospital
from tests.federation.fakes import FakeProofs, datasets, plan


class SealsOneShareForTwo(SealsWrongShare):
    """Gives an accomplice, which does not complain, the object that it gives to its victim."""

    def seal_share(self, holder: str, share: bytes) -> bytes:
        """The victim's comes first."""
        made = super().seal_share(holder, share)
        self.first = getattr(self, "first", made)
        return self.first if holder == "hospital-2" else made


class TakesAnything(Hospital):
    """Calls every share good."""

    def share_from(self, dealer: str) -> bytes | None:
        """That of another dealer where it is not."""
        return super().share_from(dealer) or super().share_from("hospital-3")


class Run:
    """A whole federation and its audit; with one dishonest hospital, or several by name."""

    def __init__(self, directory, kind=None, scaling=None, rounds=2):
        agreed = replace(plan(4, 3, rounds, threshold=1), scaling=scaling or Scaling(shares="ephemeral"))
        kinds = kind if isinstance(kind, dict) else {} if kind is None else {"hospital-1": kind}
        self.engine = InProcessFederation(directory, agreed, datasets(agreed), seed=b"e", proofs=FakeProofs(),
                                          workers=1, parties=Parties(kinds))  # fmt: skip
        self.result, self.directory = self.engine.run(), directory / "ledger"
        self.history = self.engine.aggregator.history

    @property
    def flaws(self):
        verdicts = Auditor(self.directory, FakeProofs()).run()
        return {(verdict.refusal.check, verdict.refusal.culprit) for verdict in verdicts if not verdict.passed}

    @property
    def sealed(self):
        """By (round, attempt, holder, dealer) whether the object of a sealed share is there."""
        has, found = self.engine.aggregator.ledger.has_object, {}
        for state in (*self.history.earlier, *self.history.closed):
            for dealer, said in state.uploads.items():
                for holder, digest in zip(state.committee, said.record.sealed_shares, strict=True):
                    if digest:
                        found[state.number, state.attempt, holder, dealer] = has(digest)
        return found


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("run") / "run")


def test_no_sealed_share_of_a_closed_round_stays_and_the_audit_accepts_it(honest):
    assert honest.result.finished and len(honest.sealed) == 24 and not any(honest.sealed.values())
    assert honest.flaws == set()


def test_rules_that_say_nothing_keep_them(tmp_path):
    run = Run(tmp_path / "run", scaling=Scaling(), rounds=1)
    assert all(run.sealed.values()) and disposable(run.history) == set()
    digest = next(said.record.sealed_shares[1] for name, said in run.history.closed[0].uploads.items()
                  if name == "hospital-0")  # fmt: skip
    run.engine.aggregator.ledger.drop_object(digest)
    assert ("object-missing", "aggregator") in run.flaws


def test_the_share_that_a_complaint_was_about_stays_for_the_audit(tmp_path):
    run = Run(tmp_path / "run", SealsWrongShare, rounds=1)
    assert run.result.finished and {(fault.culprit, fault.check) for fault in run.result.faults} == {
        ("hospital-1", "key-share")
    }
    (state,) = run.history.closed
    kept = {(holder, dealer) for (*_, holder, dealer), there in run.sealed.items() if there}
    assert kept == set(state.complaints) != set() and run.flaws == set()
    for holder, dealer in state.complaints:
        place = state.committee.index(holder)
        run.engine.aggregator.ledger.drop_object(state.uploads[dealer].record.sealed_shares[place])
    assert ("object-missing", "aggregator") in run.flaws


def test_an_accomplice_with_the_same_share_does_not_have_the_evidence_deleted(tmp_path):
    run = Run(tmp_path / "run", {"hospital-1": SealsOneShareForTwo, "hospital-2": TakesAnything}, rounds=1)
    (state,) = run.history.closed
    shares = dict(zip(state.committee, state.uploads["hospital-1"].record.sealed_shares, strict=True))
    assert run.result.finished and shares["hospital-0"] == shares["hospital-2"]
    assert set(state.complaints) == {("hospital-0", "hospital-1")}
    assert run.engine.aggregator.ledger.has_object(shares["hospital-0"]) and run.flaws == set()


def test_shares_of_an_attempt_that_was_started_again_go_with_the_round(tmp_path):
    run = Run(tmp_path / "run", ComplainsFalsely, rounds=1)
    assert run.result.finished and len(run.history.earlier) == 1
    (earlier,) = run.history.earlier
    kept = {key for key, there in run.sealed.items() if there}
    assert kept == {(1, earlier.attempt, holder, dealer) for holder, dealer in earlier.complaints} != set()
    assert run.flaws == set()


def test_what_an_entry_names_as_something_else_is_never_deleted(honest):
    (first, *_), gone = honest.history.closed, disposable(honest.history)
    named = next(iter(first.uploads.values())).record
    shares = {digest for digest in named.sealed_shares if digest}
    assert shares <= gone and disposable(honest.history, 2) < gone and named.proof not in gone
    honest.history.lasting[min(shares)] = None
    assert disposable(honest.history) == gone - {min(shares)}
    del honest.history.lasting[min(shares)]
    assert {named.ciphertext, named.proof, first.aggregate.record.model} <= honest.history.lasting.keys()


