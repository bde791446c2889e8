"""Rules of a round: their canonical form, their digest, and what they refuse."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from proofward.layers.errors import ConfigurationError, WraparoundPossible
from proofward.layers.model import FixedPoint, Mlp, Training, initial_weights
from proofward.relations.config import RoundConfig
from proofward.relations.round_statement import RoundStatement
from proofward.relations.statement import digest_of
from tests.relations.cases import BEACON, CONSORTIUM, config

OTHERS = {
    "model": Mlp((5, 5, 2)),
    "scales": FixedPoint(weight_bits=25),
    "training": Training(rate=5, batch=4, epochs=2),
    "clip_bound": 4097,
    "holders": 4,
    "threshold": 2,
    "security_bits": 41,
}


def test_rules_survive_their_plain_form() -> None:
    rules = config()
    assert RoundConfig.from_dict(rules.to_dict()) == rules


def test_every_rule_changes_the_digest() -> None:
    rules = config()
    # whether a policy is weak follows from its bits, see below
    assert {field.name for field in fields(rules)} == {*OTHERS, "weak_security_for_tests"}
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
        ("threshold", 0),
        ("threshold", 3),
        ("security_bits", 19),
        ("security_bits", True),
        ("security_bits", 129),
        ("weak_security_for_tests", 1),
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
    for values in ({**plain, "version": 2}, {**plain, "more": 1}, missing, [], None):
        with pytest.raises(ConfigurationError):
            RoundConfig.from_dict(values)


def test_norm_bounds_allow_for_rounding_only() -> None:
    bound, low = config(clip=4096).norm_bounds(90)
    assert bound == 90 * 4096
    # 34 parameters: 5, the next integer, and one step of the multiplier
    assert low == bound - 5 - 1 - 64


def statement(rules: RoundConfig, rows: int = 11) -> RoundStatement:
    weights = initial_weights(rules.model, rules.scales, b"seed")
    return RoundStatement(CONSORTIUM, rules, 1, "h1", rows, BEACON, bytes(32), weights)


def test_refuses_statements_whose_integers_could_wrap_around() -> None:
    statement(config())
    with pytest.raises(WraparoundPossible):
        statement(config(rate=1 << 16, epochs=1 << 12, batch=1 << 10), rows=1 << 20)
    with pytest.raises(WraparoundPossible, match="squared bound of the norm"):
        statement(config(clip=1 << 30), rows=11)


def test_plans_are_those_of_the_rules_and_rows() -> None:
    one, two = statement(config()), replace(statement(config()), round=9, beacon=bytes(32))
    assert one.plan() is two.plan()
    assert statement(config(), rows=12).plan() is not one.plan()


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
    honest = statement(config())
    ciphertext = np.zeros(honest.config.model.parameters, np.uint64)
    seen = {honest.transcript(ciphertext)}
    for position in range(honest.config.model.parameters):
        weights = honest.initial_weights.copy()
        weights[position] -= 1
        seen.add(replace(honest, initial_weights=weights).transcript(ciphertext))
        other = ciphertext.copy()
        other[position] = 1
        seen.add(honest.transcript(other))
    assert len(seen) == 1 + 2 * honest.config.model.parameters


def test_a_bound_that_rounding_swallows_is_refused() -> None:
    """With B_low = 0 a multiplier of 0, hence no update at all, would count as clipped."""
    config = RoundConfig(Mlp((5, 4, 2)), FixedPoint(), Training(rate=4, batch=4, epochs=2), 6, 3, 1, 30, True)
    with pytest.raises(ConfigurationError, match="clip_bound"):
        config.norm_bounds(11)
    bound, low = replace(config, clip_bound=13).norm_bounds(11)
    assert 2 * low >= bound == 143
