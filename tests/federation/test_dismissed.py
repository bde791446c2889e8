"""A true complaint that lying verifiers dismiss: its maker halts and names them, and is not quietly convicted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.attacks.hospitals import SealsWrongShare
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.messages.records.catalogue import ComplaintVerdict
from proofward.federation.parties.verifier import Verifier
from tests.federation.fakes import FakeProofs, datasets, plan

pytestmark = pytest.mark.slow


class Dismisses(Verifier):
    """Dismisses every complaint."""

    def say(self, record, *arguments, **options):
        """Says so whatever it has found."""
        if isinstance(record, ComplaintVerdict):
            record = replace(record, upheld=False)
        return super().say(record, *arguments, **options)


def test_a_holder_whose_true_complaint_is_dismissed_names_the_verifiers(tmp_path):
    agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    parties = Parties(hospitals={"hospital-1": SealsWrongShare}, verifiers={"verifier-0": Dismisses})
    engine = InProcessFederation(
        tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=parties
    )
    engine.run()
    halted = engine.hospitals["hospital-0"].halted
    assert halted is not None and (halted.check, halted.culprit) == ("verdict", "verifier-0")
