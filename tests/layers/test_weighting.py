"""What an update weighs: by records, capped, by the square root; in rules, and in the consortium's file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.layers.averaging.weighting import BY_RECORDS, CAPPED, ROOT, Weighting
from proofward.layers.basics.errors import ConfigurationError
from proofward.models import preset
from proofward.relations.rules.config import RoundConfig

ROWS = st.integers(1, 1 << 24)


@given(ROWS, ROWS, st.integers(1, 1 << 24))
def test_units_are_exact_and_never_fall(rows: int, more: int, cap: int) -> None:
    low, high = sorted((rows, more))
    for weighting in (BY_RECORDS, Weighting(CAPPED, cap), Weighting(ROOT)):
        assert 0 < weighting.units(low) <= weighting.units(high)
    assert BY_RECORDS.units(rows) == 1024 * rows
    assert Weighting(CAPPED, cap).units(rows) == 1024 * min(rows, cap)
    root = Weighting(ROOT).units(rows)
    assert root**2 <= rows * 1024**2 < (root + 1) ** 2


def config(weighting: Weighting) -> RoundConfig:
    setup = preset("tiny")
    return RoundConfig(
        setup.model, setup.scales, setup.training, setup.clip_bound, 3, 1, least_rows=16, most_rows=4096,
        weighting=weighting,
    )  # fmt: skip


@pytest.mark.parametrize("weighting", [BY_RECORDS, Weighting(CAPPED, 100), Weighting(ROOT)])
def test_rules_have_the_weighting_and_bind_it(weighting: Weighting) -> None:
    own = config(weighting)
    assert RoundConfig.from_dict(own.to_dict()) == own
    assert ("weighting" in own.to_dict()) is (weighting != BY_RECORDS)
    shift = own.weight_shift(4096)
    found = [own.update_rule(rows, shift).weight for rows in (16, 100, 400, 1600)]
    expected = [max(1, weighting.units(rows) >> shift) for rows in (16, 100, 400, 1600)]
    assert found == expected
    for other in (BY_RECORDS, Weighting(CAPPED, 99), Weighting(ROOT)):
        assert (replace(own, weighting=other).digest() == own.digest()) is (other == weighting)


def test_a_large_hospital_weighs_what_is_agreed() -> None:
    sizes, shares = (100, 900), []
    for weighting in (BY_RECORDS, Weighting(CAPPED, 300), Weighting(ROOT)):
        weights = [weighting.weight(rows, 0) for rows in sizes]
        shares.append(Fraction(weights[1], sum(weights)))
    assert shares == [Fraction(9, 10), Fraction(3, 4), Fraction(3, 4)]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rule": "records"}, "nothing for that by records"),
        ({"rule": "votes"}, "one of records, capped, root"),
        ({"rule": "root", "cap": 5}, "exactly the keys"),
        ({"rule": "capped"}, "exactly the keys"),
        ({"rule": "capped", "cap": 0}, "an integer in [1, 16777216]"),
        ({"rule": "capped", "cap": True}, "an integer in [1, 16777216]"),
        ("capped", "exactly the keys"),
    ],
)
def test_other_weightings_are_refused(values: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=r"weighting") as caught:
        RoundConfig.from_dict({**config(BY_RECORDS).to_dict(), "weighting": values})
    assert words in str(caught.value)
