"""Weights that saturate after every step: the trainer equals plain integers, where they end and where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.affine_layers.linear import Linear
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.local_training.training import Trainer, train
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.network import Network, chain
from proofward.layers.references import pictures_step as plain
from proofward.layers.references.float_twin import real_features, real_weights, train_float
from proofward.layers.references.step import Vector
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule
from tests.layers.test_shortcuts import add, conv, linear, plain_layers

Flat = list[tuple[Vector, Vector]]
ROWS = 5
SCALES = FixedPoint(2, 3, 9, 9, 7, 8, 10, weight_range_bits=7)
END = SCALES.weight_range
POOL, MEAN, WHOLE = ({"kind": f"relu_{name}"} for name in ("maxpool2d", "avgpool2d", "global_avgpool"))


def grouped(outputs: int, groups: int, kernel: int = 2) -> dict[str, object]:
    return {**conv(outputs, kernel), "groups": groups}


CHAINS = {
    "strides": ((2, 5, 6), [conv(3, 3, 2), conv(2, 2, 2, 0), linear(2)], (0, 1)),
    "groups of powers of two": ((4, 3, 4), [grouped(8, 2), grouped(4, 4), linear(3), linear(2)], (0, 1)),
    "groups of three, and none": (
        (3, 4, 3), [{**conv(9), "groups": 3}, conv(3, 1, 1, 0), linear(2)], (1,)
    ),
    "groups of three channels": ((6, 3, 3), [{**conv(4), "groups": 2}, conv(2), linear(2)], (1,)),
    "pools": ((1, 6, 7), [conv(2), POOL, conv(3), POOL, linear(2)], (0, 1)),
    "shortcuts": ((1, 4, 4), [conv(2), conv(2, 3, 2), conv(2), add(1, conv(2, 1, 2, 0)), conv(2), add(3), linear(2)], (0, 1, 2, 3, 5)),
    "a mean of windows": ((1, 6, 6), [conv(2), conv(2), MEAN, conv(2), conv(2), linear(2)], (0, 3)),
    "a mean of the picture": ((2, 3, 4), [conv(2), conv(3), WHOLE, linear(2)], (0,)),
    "rows": ((4,), [linear(3), linear(2)], ()),
}  # fmt: skip




def flat(model: Network, weights: np.ndarray) -> Flat:
    """Weights and biases of every layer, at the scale of the layer."""
    return [
        ([int(v) * own.weights for v in w.ravel()], [int(v) * own.weights for v in b])
        for (w, b), own in zip(model.unflatten(weights), model.finer, strict=True)
    ]


def trained(model: Network, scales: FixedPoint, training: Training, weights: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
    """Records, labels and batches, and the training with its trace."""
    rng, (low, high) = np.random.default_rng(seed), scales.input_range
    features = rng.choice([low, high, 0, 1], (ROWS, model.features))
    labels, batches = rng.integers(0, 2, ROWS), schedule(b"b", "h", ROWS, training)
    result = train(model, scales, training, weights, features, labels, batches, trace=True)
    assert result.trace is not None
    return features, labels, batches, result


def at_the_ends(model: Network, seed: int) -> np.ndarray:
    """First weights at both ends of the range, next to them, and between."""
    rng = np.random.default_rng(seed)
    return rng.choice([-END, 1 - END, 0, END - 1, END], model.parameters).astype(np.int64)


@pytest.mark.parametrize("momentum", [0, 600_000])
@pytest.mark.parametrize("name", CHAINS)
def test_equals_plain_integers(name: str, momentum: int) -> None:
    """In every sum, back sum and weight of all steps, those of the padding too; gradients are those of one step."""
    axes, layers, saturating = CHAINS[name]
    model, training = chain(axes, layers), Training(rate=16, batch=2, steps=5, momentum=momentum)
    weights = at_the_ends(model, 1)
    features, labels, batches, result = trained(model, SCALES, training, weights, 2)
    assert len(batches) == 8 and tuple(result.trace.stepped) == saturating
    network, joins = plain_layers(model)
    current = first = flat(model, weights)
    gradients: list[Flat] = []
    increments, ends = training.rates(ROWS).increments, dict[tuple[int, int, bool, int], bool]()
    for step, chosen in enumerate(batches):
        told = features[chosen].tolist(), labels[chosen].tolist()
        free = replace(SCALES, weight_range_bits=0), replace(training, rate=1, momentum=0)
        after, sums, back = plain.step(network, current, *told, *free, joins)
        for index, (hidden, act) in enumerate(zip(result.trace.hidden, model.activations, strict=True)):
            for b in range(2):
                assert act.takes.unpad(hidden.sums[step, b]).tolist() == sums[b][index]
                assert act.gives.unpad(hidden.back_sums[step, b]).tolist() == back[b][index]
        gradients.insert(0, [
            tuple([old - new for old, new in zip(*part, strict=True)] for part in zip(*pairs, strict=True))
            for pairs in zip(current, after, strict=True)
        ])  # fmt: skip
        saturated = plain.step(network, current, *told, SCALES, replace(training, momentum=0), joins)[0]
        current = [
            tuple(
                [w - sum(e * g for e, g in zip(increments, own, strict=False)) for w, *own in zip(part, *earlier, strict=True)]
                for part, *earlier in zip(pair, *(kept[index] for kept in gradients), strict=True)
            )
            for index, pair in enumerate(current)
        ]  # fmt: skip
        for index, own in result.trace.stepped.items():
            for at, (found, values) in enumerate(zip((own.weights, own.biases), current[index], strict=True)):
                assert found[step].reshape(-1).tolist() == values
                for end, beyond in enumerate((max(values) > END, min(values) < -END)):
                    place = index, at, step >= 5, end
                    ends[place] = ends.get(place, False) or beyond
            current[index] = tuple([plain.saturated(v, SCALES) for v in part] for part in current[index])
        assert momentum or current == saturated
        if step == 4:
            grown = [
                (new - old) * (model.finest // unit.weights)
                for pair, before, unit in zip(current, first, model.finer, strict=True)
                for part, own in zip(pair, before, strict=True)
                for new, old in zip(part, own, strict=True)
            ]
            assert grown == result.update.tolist() and any(grown)
    assert len(ends) == 8 * len(saturating)
    assert sum(ends.values()) >= len(ends) // 4


@pytest.mark.parametrize(("momentum", "rate", "seed"), [(0, 4, 4), (600_000, 2, 6)])
def test_weights_and_biases_end_at_both_ends_in_all_steps(momentum: int, rate: int, seed: int) -> None:
    """Otherwise the comparison would say little: of each layer, before the update is taken and in the padding."""
    model = chain((2, 5, 6), [conv(8, 3, 2), conv(8, 2, 2, 0), linear(2)])
    training = Training(rate=rate, batch=2, steps=5, momentum=momentum)
    *_, result = trained(model, SCALES, training, at_the_ends(model, seed), seed + 1)
    for own in result.trace.stepped.values():
        for values in (own.weights, own.biases):
            for steps in (values[:5], values[5:]):
                assert steps.max() > END and steps.min() < -END
                assert (abs(steps) < END).any()


@pytest.mark.parametrize("name", ["strides", "groups of three channels", "a mean of windows", "shortcuts"])
def test_no_other_weight_saturates(name: str) -> None:
    """Of rows, of uneven groups and beside means weights leave the range in training."""
    axes, layers, saturating = CHAINS[name]
    model, training = chain(axes, layers), Training(rate=64, batch=2, steps=6)
    weights = at_the_ends(model, 3)
    *_, result = trained(model, SCALES, training, weights, 4)
    after = weights * model.finest + result.update
    for index, (parts, unit) in enumerate(zip(model.unflatten(after), model.update_units, strict=True)):
        largest = max(int(np.abs(part).max()) for part in parts) // unit
        limit = END * model.finer[index].weights
        assert largest <= limit if index in saturating else largest > limit
        few = isinstance(model.layers[index], Conv2d) and model.layers[index].is_even
        assert model.layers[index].has_few_weights == few
        assert (index in saturating) == (few and model.finer[index].weights == 1)


def test_a_range_that_is_not_reached_changes_nothing() -> None:
    """Nor does any range change a training whose weights stay as they are until the server's step."""
    model, rng = chain(*CHAINS["strides"][:2]), np.random.default_rng(5)
    weights = rng.integers(-40, 40, model.parameters)
    wide, without = replace(SCALES, weight_range_bits=15), replace(SCALES, weight_range_bits=0)
    training = Training(rate=1, batch=2, steps=3)
    *_, free = trained(model, without, training, weights, 6)
    *_, held = trained(model, wide, training, weights, 6)
    assert np.array_equal(free.update, held.update) and not free.trace.stepped and len(held.trace.stepped) == 2
    assert np.abs(weights + held.update).max() < wide.weight_range


def test_layers_that_have_many_weights_cannot_saturate() -> None:
    layer = Linear(model_layout := chain((3,), [linear(2)]).inputs, 2)
    assert model_layout.size == 3 and not layer.has_few_weights
    trainer = layer.trainer(np.zeros((2, 3), np.int64), np.zeros(2, np.int64), 4, 1 << 20)
    with pytest.raises(NotImplementedError, match="LinearTrainer"):
        trainer.saturate(4)


def test_a_trainer_says_which_layers_saturate() -> None:
    for axes, layers, saturating in CHAINS.values():
        model = chain(axes, layers)
        training, zeros = Training(rate=1, batch=2, steps=3), np.zeros(model.parameters, np.int64)
        assert Trainer(model, SCALES, training, ROWS, zeros).saturating == saturating
        assert not Trainer(model, replace(SCALES, weight_range_bits=0), training, ROWS, zeros).saturating
        bounds = compile_bounds(model, SCALES, training, ROWS, END)
        assert tuple(index for index, own in enumerate(bounds) if own.saturates) == saturating


def test_one_step_ends_no_weight() -> None:
    """Nor is one committed to: the update says what becomes of it."""
    model = chain(*CHAINS["strides"][:2])
    weights, training = at_the_ends(model, 1), Training(rate=64, batch=2, steps=1)
    *_, held = trained(model, SCALES, training, weights, 2)
    *_, free = trained(model, replace(SCALES, weight_range_bits=0), training, weights, 2)
    assert np.array_equal(held.update, free.update) and not held.trace.stepped
    assert np.abs(weights + held.update).max() > END


@pytest.mark.parametrize("steps", [1, 6])
def test_the_float_twin_ends_the_same_weights(steps: int) -> None:
    """With exact numbers: in six steps those of convolutions end at the same ends, and in one step none does."""
    model = chain((1, 1, 1), [conv(2, 1, 1, 0), linear(2)])
    scales = FixedPoint(4, 8, 20, 10, 8, 10, 12, weight_range_bits=20)
    weights = (np.array([8, -8, 4, -2, 8, 0, -8, 4, 0, 0]) << 17).astype(np.int64)
    features, labels = np.array([[1 << 8], [1 << 7]]), np.array([0, 1])
    training = Training(rate=1 << 6, batch=2, steps=steps)
    batches = np.tile(np.arange(2), (training.padded_steps(2), 1))
    moved = train(model, scales, training, weights, features, labels, batches).update / (1 << scales.weight_bits)
    real = real_weights(weights, scales), real_features(features, scales)
    twin = train_float(model, scales, training, *real, labels, batches)
    free = train_float(model, replace(scales, weight_range_bits=0), training, *real, labels, batches)
    few = slice(0, 4)
    assert np.abs(twin - moved).max() < 0.05 * np.abs(moved).max()
    assert (np.abs((real[0] + twin)[few]).max() <= 1) == (steps > 1)
    assert np.array_equal(twin, free) == (steps == 1)
