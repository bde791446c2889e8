"""Rules that protect whole hospitals: an update is clipped in L2 as a whole, and gets noise."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import numpy as np
import pytest

from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND
from proofward.lattice.sampler import MaskContext
from proofward.layers.averaging.aggregation import squared_norm
from proofward.layers.averaging.weighting import ALL_ALIKE, BY_RECORDS, CAPPED, ROOT, Weighting
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import HOSPITAL, RECORD, Privacy
from proofward.privacy.accountant import Accountant
from proofward.privacy.counts import check_noise_of_counts
from proofward.privacy.words import few_hospitals, in_words, neighbours, promise
from proofward.relations.proofs.prove import verify_round
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.update_rule import UpdateRule
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from tests.proof.cheats import refusal, replacing_columns
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, drawn, make_case, prove_with
from tests.relations.otherwise import prepare
from tests.relations.private_cases import full_batch

PRIVACY = Privacy(-1, 1000, releases=20, records_a_patient=1, colluders=1, inverse_delta=10**5, granularity=HOSPITAL)
WEIGHED = {"weighting": ALL_ALIKE, "privacy": PRIVACY, "clip_bound": PRIVACY.clip_bound, "least_rows": 0, "most_rows": 0}


def rules(**changes: object) -> RoundConfig:
    """Several steps of a rate with which updates have to be clipped."""
    return replace(config(rate=64), **{**WEIGHED, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(rules())


@pytest.fixture(scope="module")
def prepared(case: Case):  # type: ignore[no-untyped-def]
    return prepare(case)


def test_an_update_is_clipped_as_a_whole_and_encrypted_with_noise(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    witness, rule = prepared[0], case.statement.rule
    assert isinstance(rule, UpdateRule) and rule.bound == PRIVACY.clip_bound == 512
    assert witness.update.multiplier < rule.full, "it had to be clipped"
    norm = isqrt(squared_norm(witness.update.update))
    assert rule.low <= norm <= rule.bound and (drawn(case, witness.noise) != 0).any()
    said = case.result.ciphertext, case.result.sealed_shares, case.result.proof
    assert verify_round(case.statement, *said).soundness_bits >= 40


def test_every_hospital_weighs_the_same_and_none_moves_a_sum_by_more_than_twice_the_bound() -> None:
    """Whatever its rows are: the sensitivity is that of any two updates within the proved bound."""
    made = rules()
    for rows in (made.least_rows, 11, 1000, made.most_rows):
        rule = made.update_rule(rows, made.weight_shift(made.most_rows))
        assert (rule.weight, rule.bound) == (1024, PRIVACY.clip_bound)
    accountant = Accountant(PRIVACY, made.model.parameters, 4)
    assert accountant.sensitivity(1) == 2 * PRIVACY.clip_bound == 2 * accountant.clip_units
    rng = np.random.default_rng(1)
    for _ in range(100):
        changes = rng.normal(size=(2, made.model.parameters)) * rng.choice([1e5, 1e7, 1e9])
        rule = made.update_rule(11, 0)
        assert isinstance(rule, UpdateRule)
        one, two = (rule.submit(np.clip(own, -4e7, 4e7).astype(np.int64))[1] for own in changes)
        assert squared_norm(one - two) <= (2 * PRIVACY.clip_bound) ** 2


def stopped(case: Case, prepared, update, noise) -> str:  # type: ignore[no-untyped-def]
    """The verifier's refusal of the best forgery about an update and noise."""
    known = prepared[0]
    made = encrypt(MaskContext(case.statement.beacon, 1), update + noise, LARGEST_BOUND - 1, seeded(3))
    key = replace(known.encryption, secret=made.secret, error=made.error)
    told = replace(known, encryption=key, update=replace(known.update, update=update))
    proof = prove_with(case, told, made.ciphertext, replacing_columns({}, prepared[2]), seeded(4))
    return refusal(lambda: verify_round(case.statement, made.ciphertext, *proof))


@pytest.mark.parametrize("times", [0, 2])
def test_rejects_an_update_without_its_noise_or_longer_than_the_bound(case: Case, prepared, times: int) -> None:  # type: ignore[no-untyped-def]
    update, noise = prepared[0].update.update, drawn(case, prepared[0].noise)
    told = (update, 0 * noise) if times == 0 else (times * update, noise)
    assert stopped(case, prepared, *told) == "column queries"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weighting": BY_RECORDS}, "weighting: expected capped, cap 1"),
        ({"weighting": Weighting(CAPPED, 2)}, "weighting: expected capped, cap 1"),
        ({"weighting": Weighting(ROOT)}, "weighting: expected capped, cap 1"),
        ({"training": full_batch()}, "full_batch: expected false where hospitals"),
        ({"clip_bound": 1024}, "clip_bound: expected 512"),
        ({"privacy": replace(PRIVACY, clip_bits=-6), "clip_bound": 16, "most_rows": 11, "least_rows": 11}, "clip_bound: expected B"),
    ],
)
def test_rules_are_refused_by_name(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        rules(**changes)
    assert words in str(refused.value)


def test_the_granularity_stands_in_the_plain_form_where_hospitals_are_protected() -> None:
    plain = PRIVACY.to_dict()
    assert Privacy.from_dict(plain) == PRIVACY and RoundConfig.from_dict(rules().to_dict()) == rules()
    usual = replace(PRIVACY, granularity=RECORD)
    assert "granularity" not in usual.to_dict() and Privacy.from_dict(usual.to_dict()) == usual
    with pytest.raises(ConfigurationError, match="nothing for record"):
        Privacy.from_dict({**plain, "granularity": RECORD})
    with pytest.raises(ConfigurationError, match="granularity: expected one of"):
        replace(PRIVACY, granularity="patient")
    with pytest.raises(ConfigurationError, match="records_a_patient: expected 1 where hospitals"):
        replace(PRIVACY, records_a_patient=2)
    assert PRIVACY.check_patients(np.zeros(9, dtype=np.int64)) is None
    noisy = replace(counting_of(ScoreLayout(2, 4, 1), (1,)), noise=100, spends=1)
    with pytest.raises(ConfigurationError, match=r"counting\.noise: expected 0 where hospitals are protected"):
        check_noise_of_counts(PRIVACY, 62, noisy)


def test_words_say_whom_it_protects_and_that_few_hospitals_are_too_few() -> None:
    few, many = (Accountant(PRIVACY, 62, hospitals) for hospitals in (4, 60))
    assert "for each hospital with all its records in all 20 releases" in promise(few)
    assert "all of whose records are replaced by as many others" in neighbours(few)
    said = "\n".join(in_words(few))
    assert "the update of each hospital is clipped to 0.5" in said and "in sums of 4" in said
    assert "of 2 records" not in said and few_hospitals(many) == [] == few_hospitals(None)
    assert many.promised < few.promised and few.spent(3) < few.promised
    assert few.deviation_of_sum == pytest.approx((3 * PRIVACY.variance) ** 0.5 / 512)
