"""Rounds with noise for the tests of the relations."""

from __future__ import annotations

from proofward.layers.rules.privacy import Privacy
from tests.relations.cases import Case, make_case
from tests.relations.private_cases import private_rules

PRIVACY = Privacy(
    clip_bits=0, coarse_variance=5776, releases=20, records_a_patient=1, colluders=1, inverse_delta=10**5
)


def private_case(privacy: Privacy = PRIVACY) -> Case:
    """MLP 5-4-2, 11 rows in 16 slots, at 40 bits, with noise."""
    return make_case(private_rules(own=privacy))
