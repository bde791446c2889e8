"""Rounds with noise for the tests of the relations."""

from __future__ import annotations

from dataclasses import replace

from proofward.layers.privacy import Privacy
from tests.relations.cases import Case, config, make_case

PRIVACY = Privacy(
    clip_bits=0, coarse_variance=5776, releases=20, records_a_patient=1, colluders=1, inverse_delta=10**5
)


def private_case(privacy: Privacy = PRIVACY) -> Case:
    """MLP 5-4-2, 11 rows, 5 steps of 4, at 40 bits, with noise."""
    return make_case(replace(config(), privacy=privacy))
