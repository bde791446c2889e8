"""The table [scales]: what it becomes, what it leaves to others, and what is refused."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import OF_LAYERS, FixedPoint
from proofward.models.scale_bits import LIMITS, SCALE_KEYS, ScaleBits
from proofward.models.settings import Settings, settings_of

WHOLE = Settings((4,), 0.0625, 16, None, 14, 1.5)


def test_keys_are_the_fields_of_the_scales():
    assert (*LIMITS, *OF_LAYERS) == SCALE_KEYS and len(set(SCALE_KEYS)) == len(SCALE_KEYS)
    assert {entry.name for entry in fields(FixedPoint)} == set(SCALE_KEYS)


def test_nothing_is_the_usual_scales():
    assert WHOLE.preset("", "", 3).scales == FixedPoint() == ScaleBits().fixed_point()
    assert not ScaleBits().given and ScaleBits.of(FixedPoint()).fixed_point() == FixedPoint()


def test_values_lie_over_those_of_others():
    base = ScaleBits(activation_bits=5, weight_bits=26)
    own = Settings(scales=ScaleBits(weight_bits=25)).over(Settings((4,), 0.0625, 16, None, 14, 1.5, scales=base))
    assert own.scales.given == {"activation_bits": 5, "weight_bits": 25}
    assert own.preset("", "", 3).scales == FixedPoint(activation_bits=5, weight_bits=25)


def test_the_unit_of_learning_rates_follows_the_scales():
    finer = {"activation_bits": 5, "gradient_bits": 7, "weight_bits": 24}  # k = 12
    own = settings_of({"training": {"learning_rate": 0.0625}, "scales": finer}).over(WHOLE)
    assert own.preset("", "", 3).training.rate == 16
    with pytest.raises(ConfigurationError, match="a multiple of batch / 4096"):
        settings_of({"training": {"learning_rate": 0.001}, "scales": finer}).over(WHOLE).preset("", "", 3)


@pytest.mark.parametrize("name", LIMITS)
def test_rejects_values_outside_their_limits(name):
    low, high = LIMITS[name]
    for wrong in (low - 1, high + 1, 6.0, True, "6"):
        with pytest.raises(ConfigurationError, match=rf"scales\.{name}: expected an integer in \[{low}, {high}\]"):
            settings_of({"scales": {name: wrong}})
    assert settings_of({"scales": {name: high}}).scales.given == {name: high}


def test_rejects_a_key_that_is_none():
    with pytest.raises(ConfigurationError, match=r"scales\.bits: expected one of activation_bits, "):
        settings_of({"scales": {"bits": 3}})


def test_everything_that_does_not_go_together_is_told_with_values_that_would_do():
    wrong = ScaleBits(weight_bits=12, activation_range_bits=14, gradient_range_bits=12, logit_range_bits=13)
    assert [str(fault) for fault in wrong.faults()] == [
        "scales.weight_bits: expected activation_bits + gradient_bits or more, in [14, 30], such as 24, got 12",
        "scales.activation_range_bits: expected at most 12, or table_bits = 14 or more, got 14",
        "scales.gradient_range_bits: expected at most 11, or table_bits = 13 or more, got 12",
        "scales.logit_range_bits: expected at most 12, or table_bits = 13 or more, got 13",
    ]
    with pytest.raises(ConfigurationError, match="weight_bits"):
        wrong.fixed_point()
    mended = ScaleBits(weight_bits=24, table_bits=14).over(wrong)
    assert not list(mended.faults()) and mended.fixed_point().table_bits == 14


def test_ranges_of_layers_belong_to_their_network_and_to_the_range_of_all():
    base = Settings(hidden=(4, 3), learning_rate=0.0625, batch=16, steps=1, clip_bound=1.0,
                    scales=ScaleBits(table_bits=13, activation_ranges=(10, 13), gradient_ranges=(8, 9)))  # fmt: skip
    assert Settings(batch=8).over(base).scales == base.scales
    assert Settings(hidden=(4,)).over(base).scales == ScaleBits(table_bits=13)
    own = Settings(scales=ScaleBits(gradient_range_bits=10)).over(base).scales
    assert own == ScaleBits(table_bits=13, gradient_range_bits=10, activation_ranges=(10, 13))
    assert base.preset("p", "s", 3).scales == FixedPoint(table_bits=13, activation_ranges=(10, 13), gradient_ranges=(8, 9))
    with pytest.raises(ConfigurationError, match="a list of 1, one for each hidden layer"):
        replace(base, hidden=(4,)).preset("p", "s", 3)
    assert ScaleBits.of(base.preset("p", "s", 3).scales).given == {
        **FixedPoint(table_bits=13).to_dict(), "activation_ranges": (10, 13), "gradient_ranges": (8, 9),
        "weight_range_bits": 0,
    }  # fmt: skip


def test_ranges_of_layers_may_be_wider_than_tables_and_that_of_all_may_not():
    wide = ScaleBits(activation_ranges=(22, 4), gradient_ranges=(21, 3))
    assert not list(wide.faults()) and wide.fixed_point() == FixedPoint(activation_ranges=(22, 4), gradient_ranges=(21, 3))
    for name, bits in (("activation_ranges", 23), ("gradient_ranges", 22)):
        with pytest.raises(ConfigurationError, match=f"a list of integers in .., {bits - 1}., one for each hidden layer"):
            ScaleBits(**{name: (bits,)})
    assert [fault.field for fault in ScaleBits(activation_range_bits=13).faults()] == ["scales.activation_range_bits"]


def test_a_range_of_weights_goes_with_their_scale():
    assert ScaleBits(weight_range_bits=0).fixed_point() == FixedPoint()
    assert ScaleBits(weight_range_bits=30).fixed_point() == FixedPoint(weight_range_bits=30)
    for given, words in (
        (ScaleBits(weight_range_bits=1), "expected 0, or 2 to 30, got 1"),
        (ScaleBits(weight_range_bits=31), "expected 0, or 2 to 30, got 31"),
        (ScaleBits(weight_bits=20, weight_range_bits=27), "expected 0, or 2 to 26, got 27"),
    ):
        assert [str(fault) for fault in given.faults()] == [f"scales.weight_range_bits: {words}"]
        with pytest.raises(ConfigurationError, match="weight_range_bits"):
            given.fixed_point()
    held = FixedPoint(weight_range_bits=25)
    assert ScaleBits.of(held).fixed_point() == held and ScaleBits.of(held).given["weight_range_bits"] == 25
    base = ScaleBits(weight_range_bits=25, activation_ranges=(4,))
    assert ScaleBits(weight_range_bits=0).over(base).fixed_point() == FixedPoint(activation_ranges=(4,))
    assert ScaleBits(weight_bits=25).over(base).given["weight_range_bits"] == 25
