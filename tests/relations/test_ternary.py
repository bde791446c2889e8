"""A secret of -1, 0 and 1 without lookups: accepted, simulated, and nothing else of any hospital with noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from proofward.field import reference_arithmetic
from proofward.field.goldilocks import to_field
from proofward.field.scalar import P
from proofward.layers.rules.model import FixedPoint
from proofward.models.costs.tally import ENCRYPTION, tally_round
from proofward.proof.party import Party
from proofward.relations.proofs.prove import verify_round
from proofward.relations.uploads.ternary import prove_ternary
from tests.proof.cheats import Forger, refusal
from tests.proof.scripts import accepts
from tests.proof.toy import seeded
from tests.relations.cases import (
    Case,
    ciphertext_of,
    config,
    drawn,
    make_case,
    noise_of,
    prove_with,
    round_witness,
)
from tests.relations.private_cases import private_rules

LOG_SIZE = 6


def script_of(change: dict[int, int]) -> Callable[[Party], None]:
    values = to_field(np.random.default_rng(1).integers(-1, 2, 1 << LOG_SIZE))
    for place, value in change.items():
        values[place] = value % P

    def script(party: Party) -> None:
        column = party.declare("secret", LOG_SIZE, lambda: values)
        party.commit("witness", padded=True)
        prove_ternary(party, column)

    return script


def test_a_ternary_column_is_accepted_also_by_the_reference_verifier() -> None:
    assert accepts(script_of({}))
    with reference_arithmetic():
        assert accepts(script_of({0: -1, 1: 0, 2: 1}))


@pytest.mark.parametrize("place", [0, 17, (1 << LOG_SIZE) - 1])
@pytest.mark.parametrize("value", [2, -2, 3, 1 << 32, (P + 1) // 2])
def test_another_entry_is_refused(place: int, value: int) -> None:
    assert refusal(lambda: accepts(script_of({place: value}), Forger)) == "column queries"


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(private_rules((2, 2), 4), rows=3)


@pytest.mark.parametrize("value", [-2, 2, 100])
def test_rejects_a_key_that_is_not_ternary_beside_noise(case: Case, value: int) -> None:
    witness, encryption = round_witness(case, seeded(3))
    secret, message = encryption.secret.copy(), witness.update.update + drawn(case, noise_of(case))
    about = case.statement, secret, encryption.error, message
    assert np.array_equal(ciphertext_of(*about), encryption.ciphertext)
    secret[1000] = value
    ciphertext = ciphertext_of(*about)
    key = replace(witness.encryption, secret=secret)
    proof = prove_with(case, replace(witness, encryption=key), ciphertext, Forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, ciphertext, *proof)) == "column queries"


def test_secrets_beside_noise_are_not_looked_up_and_others_are() -> None:
    exact, private = config((5, 2), scales=FixedPoint()), private_rules((5, 2))
    lookups = [tally_round(rules, 11).part(ENCRYPTION).lookups for rules in (exact, private)]
    assert lookups == [4096 + 2048, 2048]
