"""Rounds that clip the gradient of each record: accepted, measured, simulated; and rules that are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.field import reference_arithmetic
from proofward.layers.averaging.weighting import ROOT, Weighting
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models.costs.inspection import Prediction
from proofward.models.costs.tally import CLIPPING, NOISE, tally_round
from proofward.models.costs.work import Run
from proofward.optimizers.fedadam import FedAdam
from proofward.relations.proofs.measure import check_provable, round_plan
from proofward.relations.proofs.prove import verify_round
from proofward.relations.rules.clipped_rule import ClippedRule, clipped_rule
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.noise_levels import largest_noise
from tests.relations.cases import Case, config, make_case, statement_of
from tests.relations.inventory import columns
from tests.relations.private_cases import full_batch, privacy, private_rules, rule_of
from tests.relations.test_zero_knowledge import assert_simulated

KINDS = {
    "logistic": ((5, 2), 0, ()),
    "hidden": ((5, 4, 2), -2, (1, 3)),
    "classes": ((4, 3, 3), 1, (2, 1, 1)),
}


@pytest.fixture(scope="module", params=KINDS)
def private(request: pytest.FixtureRequest) -> Case:
    widths, clip_bits, weights = KINDS[request.param]
    return make_case(private_rules(widths, 16, clip_bits, weights))


def verify(case: Case) -> None:
    made = case.result
    verify_round(case.statement, made.ciphertext, made.sealed_shares, made.proof)


def test_an_honest_round_is_accepted(private: Case) -> None:
    verify(private)


def test_the_reference_verifier_agrees() -> None:
    case = make_case(private_rules((2, 2), 4), rows=3)
    with reference_arithmetic():
        verify(case)


def test_a_simulated_round_is_accepted(private: Case) -> None:
    assert_simulated(private)


def test_all_slots_of_a_batch_may_have_a_row_and_one_slot_is_enough_for_one() -> None:
    verify(make_case(private_rules((3, 2), 8), rows=8))
    verify(make_case(private_rules((3, 2), 1), rows=1))


def test_a_slot_has_few_lookups_and_columns(private: Case) -> None:
    """The estimate of committed values has them all; a root has no column of its own."""
    names = [own.name for own in columns(private) if own.name.startswith("clipping")]
    layers = private.config.model.depth
    assert len(names) == 2 * layers + 2 + sum("limb" in name for name in names)
    assert sum("limb" in name for name in names) <= 14
    plan = round_plan(private.statement)
    assert plan.values <= private.config.committed_values(private.statement.rows) <= plan.values + 16384


def test_clipping_and_noise_are_parts_of_what_is_predicted(private: Case) -> None:
    rules, rows = private.config, private.statement.rows
    found = tally_round(rules, rows)
    parameters = sum(own.weights.padded_size + own.biases.padded_size for own in rules.model.layers)
    assert found.part(NOISE).lookups == 24 * parameters
    assert found.part(CLIPPING).lookups % 16 == 0 and 9 * 16 <= found.part(CLIPPING).lookups <= 14 * 16
    assert sum(part.lookups for part in found.parts.values()) == found.lookups
    told = Prediction.of(Run(rules.model, rules.scales, rules.training, rows, found))
    assert min(told.train_seconds, told.prove_seconds, told.verify_seconds, told.peak_bytes) > 0


def test_the_numbers_of_an_update_follow_from_the_rows(private: Case) -> None:
    rule = rule_of(private)
    assert (rule.rows, rule.weight, rule.bound) == (11, 11 << 10, 11 << 10)
    assert 1 << (rule.message_bits - 1) > rule.bound >= 1 << (rule.message_bits - 2)
    assert private.statement.message_bound == rule.bound + largest_noise(privacy())
    assert private.config.weight_shift(16) == 0


def test_a_rule_of_which_an_integer_could_wrap_around_is_refused() -> None:
    own = privacy(6)
    wide = FixedPoint(activation_bits=14, gradient_bits=14, weight_bits=30)
    with pytest.raises(WraparoundPossible, match="sum of clipped gradients"):
        clipped_rule(mlp((2, 2)), wide, full_batch(1 << 16), own, 1)
    loud = replace(own, coarse_variance=220**2)
    assert isinstance(clipped_rule(mlp((2, 2)), FixedPoint(), full_batch(), loud, 4), ClippedRule)


SAME = {"kind": "conv2d", "outputs": 1, "kernel": 3, "stride": 1, "padding": 1}
WIDE = {**SAME, "outputs": 64}
ADD = {"kind": "add", "from": 0}
OUT = {"kind": "linear", "outputs": 2}
REFUSED = {
    "full_batch": lambda: replace(config(), training=full_batch()),
    "steps": lambda: replace(private_rules(), training=Training(12, 4, steps=2)),
    "model with differential privacy": lambda: replace(private_rules(), model=chain((1, 4, 4), [SAME, ADD, OUT])),
    "batch with differential privacy": lambda: replace(
        private_rules(), model=chain((64, 64, 64), [WIDE, OUT]), training=full_batch(1 << 8)
    ),
    "later_rates": lambda: replace(private_rules(), training=replace(full_batch(), later_rates=((2, 3),))),
    "weighting": lambda: replace(private_rules(), weighting=Weighting(ROOT)),
    "clip_bound": lambda: replace(private_rules(), clip_bound=4096),
    "rate": lambda: replace(private_rules(clip_bits=6), training=full_batch(1 << 16, 1 << 24)),
    "rows": lambda: private_rules(batch=16).check_bounds(17, 17),
    "clip_bits": lambda: replace(private_rules(clip_bits=-6), scales=FixedPoint(1, 1)),
}


@pytest.mark.parametrize("field", REFUSED)
def test_rules_that_do_not_go_together_with_privacy_are_refused_by_name(field: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        REFUSED[field]()
    assert caught.value.field == field


def test_a_full_batch_takes_one_step_without_momentum() -> None:
    for changes in ({"steps": 2}, {"steps": 0, "epochs": 1}, {"momentum": 5}, {"full_batch": 1}):
        with pytest.raises(ConfigurationError, match="full_batch"):
            replace(full_batch(), **changes)
    plain = full_batch().to_dict()
    assert plain["full_batch"] is True and Training.from_dict(plain) == full_batch()
    with pytest.raises(ConfigurationError):
        Training.from_dict({**Training(steps=2).to_dict(), "full_batch": False})


def test_one_exact_step_on_all_rows_is_refused_without_privacy() -> None:
    """Of every hospital that rules admit, the smallest one too, and not of the largest one alone."""
    about = mlp((3, 2)), FixedPoint(), Training(4, 16, steps=1), 4096, 3, 1
    words = r"steps: expected several steps a round, more rows than a batch.*the exact sum of one step on all 16 rows"
    with pytest.raises(ConfigurationError, match=words):
        RoundConfig(*about, least_rows=16, most_rows=16)
    RoundConfig(*about, 40, True, least_rows=16, most_rows=16)
    with pytest.raises(ConfigurationError, match=words):
        RoundConfig(*about, least_rows=16, most_rows=40).check_steps(16)
    rules = RoundConfig(*about, most_rows=40)
    rules.check_steps(17)
    with pytest.raises(ConfigurationError, match="rows: expected 17 to 40"):
        rules.check_rows(16)


@pytest.mark.parametrize(
    ("training", "least"),
    [
        (Training(4, 16, epochs=1), 17),
        (Training(4, 16, epochs=2), 16),
        (Training(4, 16, epochs=3), 11),
        (Training(4, 16, steps=1, validation_share=200_000), 22),
        (Training(4, 16, steps=2), 16),
    ],
)
def test_the_fewest_rows_are_more_than_one_exact_step_takes(training: Training, least: int) -> None:
    rules = RoundConfig(mlp((3, 2)), FixedPoint(), training, 4096, 3, 1)
    assert rules.least_rows == least
    rules.check_steps(least)


def test_rules_with_privacy_have_one_plain_form() -> None:
    rules = private_rules()
    assert RoundConfig.from_dict(rules.to_dict()) == rules
    assert (rules.least_rows, rules.most_rows) == (1, 16)
    assert rules.digest() != private_rules(clip_bits=1).digest()
    assert "1 step in one batch of all records, the gradient of each clipped;" in rules.training_words
    check_provable(rules, 16)


def test_the_servers_optimizer_has_bounds_with_the_noise_in_them() -> None:
    rules = replace(private_rules(), optimizer=FedAdam(), least_rows=8)
    assert rules.model_rule.gradient is not None
    assert rules.model_rule.mean == rules.model_rule.gradient.largest
    with pytest.raises(ConfigurationError, match=r"FedAdam at the server.*a smaller rate, less noise or more rows"):
        replace(rules, training=full_batch(16, 4000))


def test_a_validation_part_is_no_part_of_the_step() -> None:
    rules = private_rules()
    training = replace(full_batch(), validation_share=250_000)
    rules = replace(rules, training=training, least_rows=0, most_rows=0)
    statement = replace(statement_of(private_rules(), 12), config=rules, validation_beacon=b"v" * 32)
    assert isinstance(statement.rule, ClippedRule) and statement.rule.rows == 9
    assert rules.most_rows == 22 and not set(statement.schedule()[0]) & set(statement.arc.held_out)  # type: ignore[union-attr]
