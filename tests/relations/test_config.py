"""Rules of a round: their canonical form, their digest, and what they refuse."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from proofward.lattice.parameters import ciphertext_length
from proofward.layers.averaging.weighting import ROOT, Weighting
from proofward.layers.basics.errors import ConfigurationError, TrainingError, WraparoundPossible
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.optimizers.fedavgm import FedAvgM
from proofward.relations.proofs.measure import check_provable, round_plan
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.statement import digest_of
from tests.relations.cases import config, statement_of

OTHERS = {
    "model": mlp((5, 5, 2)),
    "scales": FixedPoint(weight_bits=25),
    "training": Training(rate=5, batch=4, epochs=2),
    "clip_bound": 4097,
    "holders": 4,
    "threshold": 2,
    "security_bits": 41,
    "least_rows": 5,
    "most_rows": 1000,
    "optimizer": FedAvgM(),
    "weighting": Weighting(ROOT),
}


def test_rules_survive_their_plain_form() -> None:
    rules = config()
    assert RoundConfig.from_dict(rules.to_dict()) == rules


def test_every_rule_changes_the_digest() -> None:
    rules = replace(config(), most_rows=500)
    assert {field.name for field in fields(rules)} == {*OTHERS, "weak_security_for_tests", "privacy"}
    digests = {replace(rules, **{name: value}).digest() for name, value in OTHERS.items()}
    assert len(digests | {rules.digest()}) == len(OTHERS) + 1
    assert all(len(digest) == 32 for digest in digests)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clip_bound", 0),
        ("clip_bound", 1 << 31),
        ("clip_bound", 1.5),
        ("holders", 1),
        ("holders", None),
        ("threshold", "1"),
        ("threshold", 0),
        ("threshold", 3),
        ("security_bits", 19),
        ("security_bits", True),
        ("least_rows", -1),
        ("least_rows", (1 << 24) + 1),
        ("least_rows", 1_100_000),
        ("most_rows", 1.0),
        ("most_rows", (1 << 24) + 1),
    ],
)
def test_refuses_rules_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        replace(config(), **{name: value})


def test_refuses_weak_policies_unless_the_rules_call_them_weak() -> None:
    for bits, weak in ((79, True), (80, False), (20, True), (128, False)):
        rules = replace(config(), security_bits=bits, weak_security_for_tests=weak)
        assert RoundConfig.from_dict(rules.to_dict()) == rules
        with pytest.raises(ConfigurationError, match="security"):
            replace(config(), security_bits=bits, weak_security_for_tests=not weak)
        with pytest.raises(ConfigurationError, match="security"):
            RoundConfig.from_dict({**rules.to_dict(), "weak_security_for_tests": not weak})


def test_refuses_weights_coarser_than_updates() -> None:
    scales = FixedPoint(activation_bits=2, gradient_bits=3, weight_bits=9)
    with pytest.raises(ConfigurationError, match="weight_bits"):
        replace(config(), scales=scales)


def test_refuses_other_keys_and_versions() -> None:
    plain = config().to_dict()
    missing = {key: value for key, value in plain.items() if key != "holders"}
    for values in (
        {**plain, "version": 1},
        {**plain, "most_rows": 0},
        {**plain, "more": 1},
        missing,
        [],
        None,
    ):
        with pytest.raises(ConfigurationError):
            RoundConfig.from_dict(values)


def test_refuses_statements_whose_integers_could_wrap_around() -> None:
    statement_of(config())
    with pytest.raises(WraparoundPossible, match="bound on the norm of the update"):
        replace(statement_of(config(clip=1 << 30)), weight_shift=0)
    large = np.full(34, config().weight_limit, np.int64)
    replace(statement_of(config()), initial_weights=-large)
    with pytest.raises(ConfigurationError, match="initial_weights: expected magnitudes of at most"):
        replace(statement_of(config()), initial_weights=-large - 1)


def test_plans_are_those_of_the_rules_and_rows() -> None:
    one, two = statement_of(config()), replace(statement_of(config()), round=9, beacon=bytes(32))
    assert round_plan(one) is round_plan(two)
    assert round_plan(statement_of(config(), rows=12)) is not round_plan(one)
    assert round_plan(replace(one, weight_shift=1)) is not round_plan(one)


def test_digests_of_statements_are_unambiguous() -> None:
    digests = {
        digest_of("a", b"bc"),
        digest_of("ab", b"c"),
        digest_of("a", b"b", b"c"),
        digest_of("a", b"bc", b""),
        digest_of("a", b"bc", 0),
        digest_of("a"),
    }
    assert len(digests) == 6


def test_weights_enter_the_transcript_one_by_one() -> None:
    honest = statement_of(config())
    ciphertext = np.zeros(ciphertext_length(honest.config.model.parameters), np.uint64)
    seen = {honest.transcript(ciphertext)}
    for position in range(honest.config.model.parameters):
        weights = honest.initial_weights.copy()
        weights[position] -= 1
        seen.add(replace(honest, initial_weights=weights).transcript(ciphertext))
        other = ciphertext.copy()
        other[position] = 1
        seen.add(honest.transcript(other))
    assert len(seen) == 1 + 2 * honest.config.model.parameters


def test_rows_outside_the_rules_are_refused_before_anything_is_built() -> None:
    """A claimed number of rows costs no memory: it is compared with the rules first."""
    rules = replace(config(), least_rows=8, most_rows=100)
    for rows in (0, 7, 101, 1 << 24, 1 << 40, 11.0, True):
        with pytest.raises(ConfigurationError, match="rows: expected 8 to 100"):
            replace(statement_of(rules), rows=rows)
        with pytest.raises(ConfigurationError, match="rows: expected 8 to 100"):
            EnrolmentStatement(bytes(32), "h1", rows, 5, rules)
    for rows in (8, 100):
        check_provable(rules, rows)


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ("padded rows * padded features", dict(widths=(60_000, 2), most=2000)),
        ("padded steps * batch", dict(widths=(5, 2), batch=1 << 14, epochs=1 << 12, most=1 << 14)),
        ("padded steps * batch * padded width", dict(widths=(5, 1 << 14, 2), batch=1 << 14, most=1 << 14)),
        ("parameters", dict(widths=(1 << 14, 1 << 13, 2), most=8)),
    ],
)
def test_statements_that_are_too_large_are_refused_with_the_rules(size: str, options: dict) -> None:
    most = options.pop("most")
    training = Training(1, options.pop("batch", 4), epochs=options.pop("epochs", 1))
    with pytest.raises(ConfigurationError) as caught:
        RoundConfig(mlp(options["widths"]), FixedPoint(), training, 1 << 12, 3, 1, 40, True, most, most)
    assert caught.value.field == size


def test_the_range_of_rows_is_the_widest_unless_the_rules_say_another() -> None:
    assert config().most_rows == 1_000_000
    rules = config(rate=256)
    assert (rules.least_rows, rules.most_rows) == (2, 65_537)
    for rows, neighbour in ((2, 1), (65_537, 65_538)):
        rules.check_rows(rows)
        with pytest.raises(TrainingError):
            replace(rules, least_rows=min(neighbour, 2), most_rows=max(neighbour, 65_537))
    assert replace(rules, least_rows=0, most_rows=1000).least_rows == 2
    assert RoundConfig.from_dict(rules.to_dict()) == rules


def test_policies_that_no_code_reaches_are_refused_with_the_rules() -> None:
    with pytest.raises(ConfigurationError, match="security_bits"):
        check_provable(config(security=128), 11)


def test_rules_say_how_models_are_made() -> None:
    rules = config(steps=3, batch=4)
    assert rules.training_words == "A round trains 3 steps in batches of 4; the next model is made by FedAvg."
    moved = replace(rules, training=replace(rules.training, momentum=900_000), optimizer=FedAvgM())
    words = "A round trains 3 steps in batches of 4 with momentum 0.9; the next model is made by FedAvgM, rate 1, momentum 0.9."
    assert moved.training_words == words and RoundConfig.from_dict(moved.to_dict()) == moved
    usual = {**rules.to_dict(), "optimizer": {"name": "fedavg"}}
    with pytest.raises(ConfigurationError, match="optimizer"):
        RoundConfig.from_dict(usual)
