"""What `inspect` counts is what a real proof has; headroom, padding and limbs are those of the rules."""

from __future__ import annotations

from collections import Counter as Multiset
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.basics.layout import Layout
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models.costs.inspection import Inspection, Prediction, inspect
from proofward.models.costs.shapes import headrooms, high_limbs, waste, wastes
from proofward.models.costs.tally import Tally, part_of, tally_enrolment, tally_round
from proofward.models.costs.unit_costs import COSTS, cost_of
from proofward.models.costs.work import Run, limbs_of_product, work_of
from proofward.models.presets import FOLDER, PRESET_FILES, PRESETS, read_preset
from proofward.models.settings import Preset
from proofward.proof.grinding import GRINDING_BITS
from proofward.proof.prover import Prover
from proofward.proof.tables import Table
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import verify_enrolment
from proofward.relations.rules.config import RoundConfig
from tests.relations.cases import config, make_case

CONV = {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1}
UNPOOLED = {"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1}
NETWORKS = {
    "perceptron": mlp((5, 4, 3, 2)),
    "three classes": mlp((5, 4, 3)),
    "strided": chain((2, 6, 5), [CONV, {"kind": "linear", "outputs": 2}]),
    "pooled": chain((1, 6, 6), [UNPOOLED, {"kind": "relu_maxpool2d"}, {"kind": "linear", "outputs": 2}]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_counts_are_those_of_a_real_proof(name):
    rules, rows = config(network=NETWORKS[name], steps=3, batch=4), 7
    committed: Multiset[str] = Multiset()
    seen = {"lookups": 0}
    values, count = Prover._commit_columns, Table.add_counts

    def committing(self, columns, padded):
        for (column, _, _), own in zip(self._declared, columns, strict=True):
            committed[part_of(column)] += own.size
        return values(self, columns, padded)

    def counting(self, first, second, counts):
        seen["lookups"] += first.size
        return count(self, first, second, counts)

    with mock.patch.object(Prover, "_commit_columns", committing), mock.patch.object(Table, "add_counts", counting):
        case = make_case(rules, rows)
    enrolment, found = tally_enrolment(rules, rows), tally_round(rules, rows)
    # The round opens the enrolment's dataset again, which it does not commit to.
    reopened = enrolment.part("dataset").committed
    expected = Multiset({part: own.committed for part, own in found.parts.items() if own.committed})
    expected["dataset"] -= reopened
    expected += Multiset({part: own.committed for part, own in enrolment.parts.items()})
    assert committed == expected
    assert seen["lookups"] == found.lookups + enrolment.lookups > 0
    for tally, proof, verified in (
        (enrolment, case.enrolment_proof, verify_enrolment(case.enrolment, case.enrolment_proof)),
        (found, case.result.proof, verify_round(case.statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof)),
    ):  # fmt: skip
        length = tally.plan.proof_length
        assert length.least <= len(proof) <= length.most
        assert abs(len(proof) - tally.plan.proof_length.expected) < 0.05 * len(proof)
        assert tally.plan.soundness_bits == pytest.approx(verified.soundness_bits)
    setup = Preset("own", "", rules.model, rules.scales, rules.training, rules.clip_bound)
    own = inspect(setup, holders=3, threshold=1, rows=rows, config=rules)
    assert own.ciphertext_bytes == case.result.ciphertext.nbytes and own.refusal is None
    assert sum(part.committed for _, part in own.parts) == found.plan.values
    assert sum(part.lookups for _, part in own.parts) == found.lookups


def test_a_column_of_no_known_part_is_noticed():
    assert part_of("layer 12 gradient low") == "layer 12"
    assert part_of("layer 2 biases update remainders, limb 0") == "layer 2 update"
    assert part_of("layer 2 weights errors") == "layer 2 encryption"
    with pytest.raises(AssertionError, match="'noise' is of no known part"):
        part_of("noise")


def test_headroom_is_negative_exactly_where_bounds_are_refused():
    network, scales = mlp((30, 8, 2)), FixedPoint()
    for rate, rows in ((1, 64), (1 << 10, 64), (1 << 16, 64)):
        training = Training(rate=rate, batch=16, steps=8 if rate < 1 << 16 else 1024)
        found = headrooms(network, scales, training, rows, 1 << scales.weight_bits)
        assert [own.layer for own in found] == [network.name(0), network.name(1)]
        try:
            compile_bounds(network, scales, training, rows, 1 << scales.weight_bits)
        except WraparoundPossible:
            assert min(own.bits for own in found) <= 0 and rate == 1 << 16
        else:
            assert min(own.bits for own in found) > 0 and rate < 1 << 16


def test_headroom_grows_with_every_bit_of_the_first_weights():
    network, scales, training = mlp((30, 8, 2)), FixedPoint(), Training(rate=1, batch=16, steps=1)
    small, large = (headrooms(network, scales, training, 16, limit)[0].bits for limit in (1 << 40, 1 << 44))
    assert small - large == pytest.approx(4, abs=0.1)


def test_padding_names_the_nearest_friendly_size():
    assert waste("x", Layout((64, 8, 8))).share == 0 and not waste("x", Layout((32, 126, 126))).advice
    found = waste("x", Layout((96, 8, 8)))
    assert found.share == 0.25 and found.advice == "channels 96 is padded to 128: 128 has no padding"
    assert waste("x", Layout((8, 65, 64))).advice == "height 65 is padded to 128: 64 has no padding"
    assert waste("x", Layout((600,))).advice == "length 600 is padded to 1024: 512 has no padding"
    colours = wastes(chain((3, 8, 8), [UNPOOLED, {"kind": "linear", "outputs": 2}]))[0]
    assert (colours.what, colours.share, colours.advice) == ("records", 0.0, "")
    uneven = wastes(chain((3, 5, 8), [UNPOOLED, {"kind": "linear", "outputs": 2}]))[0]
    assert (uneven.values, uneven.padded, uneven.advice) == (120, 192, "height 5 is padded to 8: 4 has no padding")
    row = {"kind": "add", "from": "row", "by": {"kind": "linear", "outputs": 4}}
    beside = chain((3, 8, 8), [UNPOOLED, {"kind": "linear", "outputs": 4}, row, {"kind": "linear", "outputs": 2}], 2)
    assert wastes(beside)[0].advice == "3 channels take the room of 4"


def test_advice_names_steps_that_are_padding():
    setup = replace(PRESETS["tiny"], training=Training(rate=1, batch=4, steps=5))
    found = inspect(setup, holders=5, threshold=2, rows=20)
    assert found.advice == ["5 steps are proved as 8, 38% padding; 8 have none"]
    assert found.padded_share == pytest.approx(3 / 8)


def test_every_layer_is_inspected_with_its_own_range():
    setup = replace(PRESETS["tiny"], model=NETWORKS["perceptron"])
    own = replace(setup, scales=replace(setup.scales, activation_ranges=(11, 8), gradient_ranges=(7, 5)))
    found = inspect(own, holders=5, threshold=2, rows=20)
    ranges = [limb.why.split("their range has ")[1].split(":")[0] for limb in found.limbs[:4]]
    assert ranges == ["11", "8", "8", "6"] and found.refusal is None
    usual = inspect(setup, holders=5, threshold=2, rows=20)
    assert found.round.plan.values != usual.round.plan.values


def test_high_limbs_are_the_columns_that_are_declared():
    rules = config(network=NETWORKS["perceptron"], steps=3, batch=4)
    bounds = compile_bounds(rules.model, rules.scales, rules.training, 7, rules.weight_limit)
    found = high_limbs(rules.model, rules.scales, 16, bounds)
    assert [own.layer for own in found] == ["layer 1 (5 -> 4)"] * 2 + ["layer 2 (4 -> 3)"] * 2 + ["head"]
    assert all(str(rules.scales.activation_range_bits) in own.why for own in found[::2][:2])
    declared: list[str] = []
    with mock.patch("proofward.models.costs.tally.part_of", lambda name: declared.append(name) or part_of(name)):
        tally_round(rules, 7)
    for layer in ("layer 1", "layer 2", "head"):
        own = {name for name in declared if name.startswith(layer) and (" high, " in name)}
        assert len(own) == sum(limb.columns for limb in found if limb.layer.startswith(layer))


def test_what_cannot_be_proved_is_said_with_what_is_known():
    setup = replace(PRESETS["tiny"], training=Training(rate=1 << 16, batch=4, steps=1 << 20))
    found = inspect(setup, holders=5, threshold=2, rows=90)
    assert found.refusal and found.round is None and found.prediction is None and found.parts == []
    assert min(own.bits for own in found.headrooms) < 0
    with pytest.raises(ConfigurationError, match="rows"):
        inspect(PRESETS["tiny"], holders=5, threshold=2, rows=1)


def test_rows_outside_the_rules_are_refused_unless_the_nearest_will_do():
    rules = RoundConfig(mlp((4, 2)), FixedPoint(), Training(rate=1, batch=4, steps=2), 2048, 5, 2, least_rows=8, most_rows=64)
    setup = Preset("own", "", rules.model, rules.scales, rules.training, rules.clip_bound)
    exact = inspect(setup, holders=5, threshold=2, rows=100, config=rules)
    assert exact.refusal == "rows: expected 8 to 64 by the rules, got 100" and exact.round is None
    near = inspect(setup, holders=5, threshold=2, rows=100, exactly=False, config=rules)
    assert (near.rows, near.refusal) == (64, None)


def inspected(name: str) -> Inspection:
    return inspect(PRESETS[name], holders=5, threshold=2, rows=500, exactly=False)


WORKED = {"cancercnn": (99.3, 103.2), "vgg11": (99.9, 103.4)}
"""Whose rounds have more lookups than 100 bits bear without work: bits without it, and with it."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRESET_FILES))
def test_every_preset_can_be_inspected(name):
    found = inspected(name)
    assert found.refusal is None and found.round is not None and found.prediction is not None
    plan = found.round.plan
    assert (plan.grinding == GRINDING_BITS) == (name in WORKED)
    assert (plan.soundness_bits < 100 <= plan.bits_with_work) == (name in WORKED)
    if name in WORKED:
        assert (plan.soundness_bits, plan.bits_with_work) == pytest.approx(WORKED[name], abs=0.05)
    assert found.enrolment.plan.grinding == 0 and all(own.bits > 0 for own in found.headrooms)
    assert 0.01 < found.prediction.prove_seconds < 200 and found.prediction.peak_bytes > 1 << 27


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "bits"), [(1, 99.43), (2, 98.92), (4, 98.61), (8, 97.96)])
def test_a_round_of_the_largest_preset_may_have_eight_steps(steps, bits):
    setup = replace(PRESETS["cancercnn"], training=replace(PRESETS["cancercnn"].training, steps=steps))
    for rows in (33, 512):
        found = inspect(setup, holders=5, threshold=2, rows=rows)
        assert found.refusal is None
        assert found.round.plan.soundness_bits == pytest.approx(bits, abs=0.15)
        assert found.round.plan.bits_with_work > 102


def test_sixteen_steps_of_the_largest_preset_are_beyond_the_limits():
    setup = replace(PRESETS["cancercnn"], training=replace(PRESETS["cancercnn"].training, steps=16))
    assert "padded steps * batch * padded width" in inspect(setup, holders=5, threshold=2, rows=512).refusal


@pytest.mark.slow
def test_the_zoo_has_the_networks_that_it_names():
    words = {name: PRESETS[name].model.words for name in PRESET_FILES}
    assert words["cancercnn"] == "3x128x128-32x126x126-128-2"
    assert PRESETS["cancercnn"].model.parameters == 16_258_306 and PRESETS["vgg11"].model.parameters == 9_746_818
    assert words["brain"] == "1x64x64-8x32x32-16x16x16-32x8x8-2" and words["mlp784"] == "784-128-64-2"
    assert PRESETS["cancercnn"].model.widths[2] == 128 and PRESETS["cancercnn"].model.layers[1].fan_in == 32 * 63 * 63
    assert inspected("cancercnn-strided").round.lookups < inspected("cancercnn").round.lookups / 3


@pytest.mark.parametrize("name", ["brain", "vgg11"])
def test_a_copy_of_a_file_of_pictures_is_a_preset(name, tmp_path):
    copy = tmp_path / "own.toml"
    copy.write_text((FOLDER / f"{name}.toml").read_text().replace("clip_bound = 8.0", "clip_bound = 4.0"))
    found = read_preset(copy).preset
    assert found.model == PRESETS[name].model and found.clip_bound == 4 << 10


def run_of(network, steps, submits=True):
    training = Training(rate=1, batch=4, steps=steps)
    rules = RoundConfig(network, FixedPoint(), training, 2048, 5, 2, 40, True)
    return Run(network, rules.scales, training, 16, tally_round(rules, 16), submits)


def test_every_cost_is_of_a_unit_that_work_has():
    works = [work_of(run_of(network, 4)) for network in NETWORKS.values()]
    for phase, costs in COSTS.items():
        units = {unit for work in works for unit in work[phase]}
        assert costs and set(costs) <= units and all(cost > 0 for cost in costs.values()), phase
    assert all(set(work) == set(COSTS) for work in works)
    assert cost_of({"a": 2, "b": 3}, {"a": 10.0}) == 20


def test_predictions_grow_with_the_work():
    few, many = (Prediction.of(run_of(NETWORKS["strided"], steps)) for steps in (2, 64))
    assert few.prove_seconds < many.prove_seconds and few.peak_bytes < many.peak_bytes
    assert few.train_seconds < many.train_seconds
    alone = Prediction.of(run_of(NETWORKS["strided"], 2, submits=False))
    assert alone.prove_seconds < few.prove_seconds


def test_limbs_of_a_product_are_those_of_the_trainer():
    from proofward.layers.arithmetic.exact import ExactMatrix

    for bound, terms_bound in ((1 << 30, 1 << 10), (1 << 40, 1 << 12), (1 << 50, 1 << 20), (1 << 50, 1)):
        matrix, calls = ExactMatrix(np.ones((4, 4), dtype=np.int64), bound, 4, 4), []
        matmul = np.matmul
        with mock.patch("proofward.layers.arithmetic.exact.np.matmul", lambda *a: calls.append(1) or matmul(*a)):
            matrix.right_product(np.ones((1, 4)), terms_bound)
        assert len(calls) == limbs_of_product(bound, 4 * terms_bound)


def test_a_tally_that_leaves_something_out_is_noticed():
    found = tally_round(config(network=NETWORKS["perceptron"], steps=3, batch=4), 7)
    assert isinstance(found, Tally) and found.part("nothing").committed == 0
    assert sum(part.columns for part in found.parts.values()) == found.plan.columns
