"""The public numbers of an update: every update has a proof, nobody shrinks its share, and nothing wraps around."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proofward.field.scalar import P
from proofward.lattice.parameters import LARGEST_BOUND
from proofward.layers.averaging.aggregation import squared_norm
from proofward.layers.basics.errors import ConfigurationError, TrainingError, WraparoundPossible
from proofward.layers.networks.network import Network, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models.presets import PRESETS
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.update_rule import DeltaBounds, UpdateRule, delta_bounds, update_rule
from tests.relations.cases import config

MODEL, SCALES = mlp((5, 4, 2)), FixedPoint()


def check_bounds(rule: UpdateRule, model: Network, scales: FixedPoint, bounds: DeltaBounds) -> None:
    """All that the module promises, in plain integers, for whatever a prover commits to."""
    root = isqrt(model.parameters) + 1
    leading = bounds.rounded_off(rule.dropped_bits, root)
    largest = leading.largest
    assert leading.norm >= bounds.norm / 2**rule.dropped_bits + (root / 2 if rule.dropped_bits else 0)
    if rule.dropped_bits:
        assert rule.dropped_bits <= scales.weight_bits - 12
        assert largest >= bounds.largest / 2**rule.dropped_bits + 1 / 2
        assert 1 << (rule.leading_bits - 1) > largest and 1 << (rule.dropped_bits + rule.leading_bits) < 1 << 62
        # one bit less would not do
        fewer = bounds.rounded_off(rule.dropped_bits - 1, root)
        assert rule.full * fewer.largest + (1 << rule.shift) >= 1 << 62
    else:
        assert rule.leading_bits == 0
    half = 1 << (rule.message_bits - 1)
    assert half > rule.bound >= half >> 1 and rule.bound < LARGEST_BOUND
    assert rule.shift == scales.weight_bits + rule.finer_bits - rule.dropped_bits
    # fair: a clipped update keeps 15/16 of the bound
    assert 16 * rule.low >= 15 * rule.bound
    assert rule.low <= rule.bound - isqrt(model.parameters) - 1 - (leading.norm >> rule.shift)
    # both sides of the rounding equation are integers below 2^62
    assert rule.full * largest + (1 << (rule.shift - 1)) < 1 << 62
    assert (half << rule.shift) + (1 << rule.shift) < 1 << 62
    if rule.coarse_bits:
        assert rule.coarse_bits % scales.table_bits == 0 and rule.coarse_bits < rule.message_bits
        coarse_half = half >> rule.coarse_bits
        assert model.parameters * coarse_half**2 < 1 << 62
        reach = (rule.coarse_bound + isqrt(model.parameters) + 1) << rule.coarse_bits
        assert reach**2 < 1 << 62
        # what any honest update has
        assert rule.coarse_bound >= rule.bound / (1 << rule.coarse_bits) + model.parameters**0.5
    else:
        assert model.parameters * half**2 < 1 << 62 and rule.coarse_bound == 0
    assert rule.bound**2 < 1 << 62


@pytest.mark.slow
@settings(max_examples=200)
@given(
    rows=st.integers(1, 1_000_000),
    clip=st.integers(1, 1 << 24),
    rate=st.integers(1, 64),
    steps=st.integers(1, 40),
    shift=st.integers(0, 12),
    widths=st.sampled_from([(5, 4, 2), (30, 32, 2), (3, 2), (40, 200, 60, 2), (900, 2000, 2)]),
)
def test_rules_that_are_admitted_keep_every_promise(
    rows: int, clip: int, rate: int, steps: int, shift: int, widths: tuple[int, ...]
) -> None:
    model, training = mlp(widths), Training(rate=rate, batch=4, steps=steps)
    assume(rows >= 4)
    try:
        rule = update_rule(
            model=model, scales=SCALES, training=training, clip_bound=clip, rows=rows, weight_shift=shift
        )
    except TrainingError:
        return
    assert rule.weight == max(1, (rows << 10) >> shift) and rule.bound == rule.weight * clip >> 10
    bounds = delta_bounds(model, SCALES, training, rows)
    check_bounds(rule, model, SCALES, bounds)
    if rule.finer_bits:  # the least number of finer bits
        root = isqrt(model.parameters) + 1
        step = -(-bounds.rounded_off(rule.dropped_bits, root).norm >> (rule.shift - 1))
        assert 16 * (rule.bound - isqrt(model.parameters) - 1 - step) < 15 * rule.bound


def deltas(rules: RoundConfig, rows: int) -> dict[str, np.ndarray]:
    """Updates up to the public maximum."""
    bounds = delta_bounds(rules.model, rules.scales, rules.training, rows)
    count, rng = rules.model.parameters, np.random.default_rng(1)
    extreme = np.full(count, bounds.largest)
    one = np.zeros(count, np.int64)
    one[3] = bounds.largest
    return {
        "all at the maximum": extreme,
        "all at the minimum": -extreme,
        "signs": extreme * (1 - 2 * (np.arange(count) % 2)),
        "one at the maximum": one,
        "ones": np.ones(count, np.int64),
        "nothing": np.zeros(count, np.int64),
        "random": rng.integers(-bounds.largest, bounds.largest + 1, count),
        "small": rng.integers(-(1 << 20), 1 << 20, count),
    }


@pytest.mark.parametrize("rows", [4, 11, 90, 1000, 65_000, 1_000_000])
@pytest.mark.parametrize("clip", [40, 2048, 1 << 20])
def test_every_update_has_a_multiplier(rows: int, clip: int) -> None:
    """Also far beyond what training can make: each entry at its maximum, whose norm is above the public bound."""
    training = Training(rate=4, batch=4, steps=7)
    rules = RoundConfig(MODEL, SCALES, training, clip, 3, 1, 40, True, rows, rows)
    rule = rules.update_rule(rows, rules.weight_shift(rows))
    bounds = delta_bounds(MODEL, SCALES, training, rows)
    for name, delta in deltas(rules, rows).items():
        multiplier, update = rule.submit(delta)
        norm = squared_norm(update)
        assert norm <= rule.bound**2 and int(np.abs(update).max()) <= rule.bound, name
        exact = [(int(v) * multiplier + (1 << (rule.shift - 1))) >> rule.shift for v in rule.leading(delta)]
        assert update.tolist() == exact
        if multiplier < rule.full and squared_norm(delta >> 8) <= bounds.norm**2 >> 16:
            assert norm >= rule.low**2, name
        if multiplier == rule.full:
            continue
        assert 0 <= multiplier < rule.full


def test_presets_admit_one_batch_up_to_a_million_rows() -> None:
    for preset in (PRESETS[name] for name in ("wdbc", "logistic", "tiny", "wide")):
        rules = RoundConfig(preset.model, preset.scales, preset.training, preset.clip_bound, 5, 2)
        assert rules.least_rows == preset.training.batch
        assert rules.most_rows == (65_536 if preset.name == "wide" else 1_000_000)
        for rows in (rules.least_rows, 90, 4096, rules.most_rows):
            if rows < rules.least_rows:
                continue
            rules.check_rows(rows)
            for shift in range(rules.weight_shift(rows), rules.weight_shift(rules.most_rows) + 1):
                bounds = delta_bounds(preset.model, preset.scales, preset.training, rows)
                rule = rules.update_rule(rows, shift)
                check_bounds(rule, preset.model, preset.scales, bounds)


def test_standard_rounds_have_the_numbers_they_had() -> None:
    """90 rows of wdbc: no shift, no finer steps, weight 2^10 a row; 5e8 parameters are refused, 8.4e6 are not."""
    preset = PRESETS["wdbc"]
    rules = RoundConfig(preset.model, preset.scales, preset.training, preset.clip_bound, 5, 2)
    rule = rules.update_rule(90, 0)
    assert (rules.weight_shift(90), rule.weight, rule.full, rule.shift) == (0, 92_160, 92_160, 24)
    assert (rule.bound, rule.message_bits, rule.coarse_bits) == (90 * 2048, 19, 0)
    assert PRESETS["wide"].model.parameters > 8_390_000


@pytest.mark.parametrize("rows", [11, 700])
def test_the_weight_shift_is_the_least_that_will_do(rows: int) -> None:
    rules = config(clip=1 << 30)
    shift = rules.weight_shift(rows)
    assert shift > 0
    rules.update_rule(rows, shift)
    for less in range(shift):
        with pytest.raises(WraparoundPossible):
            rules.update_rule(rows, less)


def test_a_norm_that_wraps_around_is_seen_by_the_coarse_one() -> None:
    """Sixteen entries of 2^30 have the squared norm 2^64 = P + 2^32 - 1, which looks small modulo P."""
    rules = config(clip=1 << 26)
    rule = rules.update_rule(11, rules.weight_shift(11))
    update = [1 << 30] * 15 + [(1 << 30) - 1] + [0] * 18
    assert all(-(1 << (rule.message_bits - 1)) <= -v < 1 << (rule.message_bits - 1) for v in update)
    norm = sum(v * v for v in update)
    assert norm > rule.bound**2
    shrunk = [-(1 << 30)] * 16 + [0] * 18
    assert sum(v * v for v in shrunk) % P <= rule.bound**2
    assert rule.coarse_bits and sum((v >> rule.coarse_bits) ** 2 for v in shrunk) > rule.coarse_bound**2


def test_bounds_that_rounding_swallows_are_refused() -> None:
    """With B_low near 0 a multiplier of 0, hence no update at all, would count as clipped."""
    training = Training(rate=4, batch=4, epochs=2)
    for clip in (1, 5):
        with pytest.raises(ConfigurationError, match="clip_bound"):
            update_rule(
                model=MODEL, scales=SCALES, training=training, clip_bound=clip, rows=11, weight_shift=0
            )
    rule = update_rule(model=MODEL, scales=SCALES, training=training, clip_bound=13, rows=11, weight_shift=0)
    assert 16 * rule.low >= 15 * rule.bound and rule.bound == 143
