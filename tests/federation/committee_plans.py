"""A small consortium with committees: four of six hospitals hold shares, two of five verifiers judge a proof."""

from __future__ import annotations

from dataclasses import replace

from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.messages.consortium.committees import chosen
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.federation.parties.auditor import Auditor
from tests.federation.fakes import FakeProofs, datasets, plan


def committee_plan(hospitals=6, verifiers=5, rounds=1, corrupt=20, absent=17):
    """One of six hospitals may be corrupt and another absent, and one of five verifiers corrupt."""
    return with_committees(plan(hospitals, verifiers, rounds, threshold=1), corrupt, absent)


def with_committees(agreed, corrupt, absent):
    """The same plan with the least committees for these shares, in per cent."""
    hospitals = len(agreed.hospitals)
    committees, threshold = chosen(hospitals, len(agreed.verifiers), corrupt, absent)
    dishonest, missing = committees.corrupt_hospitals(hospitals), committees.hospitals(hospitals).absent
    return replace(
        agreed,
        config=replace(agreed.config, holders=committees.holders, threshold=threshold),
        committees=committees,
        minimum_updates=usual_updates(hospitals, dishonest),
        abandonments=hospitals - dishonest - missing,
    )


class Federation:
    """A whole run with committees, and its audit; `kinds` makes the network of the engine."""

    def __init__(self, directory, agreed=None, hospitals=None, verifiers=None, network=None):
        self.plan = agreed or committee_plan()
        parties = Parties(hospitals or {}, verifiers or {})
        self.engine = InProcessFederation(
            directory, self.plan, datasets(self.plan), seed=b"s", proofs=FakeProofs(), parties=parties,
            network=network, workers=1,
        )  # fmt: skip
        if network is not None:
            network.history = self.engine.aggregator.history
        self.result, self.history = self.engine.run(), self.engine.aggregator.history
        auditor = Auditor(directory / "ledger", FakeProofs())
        verdicts = list(auditor.run())
        self.flaws = [(v.refusal.check, v.refusal.culprit) for v in verdicts if v.refusal is not None]

    @property
    def faults(self):
        return {(fault.culprit, fault.check) for fault in self.result.faults}
