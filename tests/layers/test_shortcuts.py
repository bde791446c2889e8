"""Shortcuts: the trainer equals the plain-integer specification, and PyTorch in values and gradients."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from proofward.layers.affine_layers.linear import Linear
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.local_training.training import train
from proofward.layers.networks.bounds import compile_bounds, weight_limit
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain
from proofward.layers.networks.shortcuts import Shortcut
from proofward.layers.references import pictures_step as plain
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule
from tests.layers.own_ranges import with_own_ranges
from tests.layers.real_step import RealStep

SCALES = FixedPoint()
NARROW = FixedPoint(2, 3, 9, 3, 2, 2, 8)  # everything saturates at once
WIDER = FixedPoint(2, 3, 9, 7, 4, 2, 8)  # and with room for several ranges below its own
AVERAGE, MAXIMUM, WHOLE = ({"kind": f"relu_{name}"} for name in ("avgpool2d", "maxpool2d", "global_avgpool"))


def conv(outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> dict[str, object]:
    return {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding}


def add(source: int, by: dict[str, object] | None = None) -> dict[str, object]:
    return {"kind": "add", "from": source, **({} if by is None else {"by": by})}


def linear(outputs: int) -> dict[str, object]:
    return {"kind": "linear", "outputs": outputs}


CHAINS = {
    "a row": ((3,), [linear(4), linear(4), add(1), linear(2)]),
    "the record, and a layer's own input": ((2, 3, 3), [conv(2), add(0), conv(2), add(1), linear(2)]),
    "through a layer": ((1, 4, 4), [conv(2), conv(2, 3, 2), conv(2), add(1, conv(2, 1, 2, 0)), linear(2)]),
    "twice from one": ((1, 3, 3), [conv(2), conv(2), add(1), conv(2), add(1, conv(2, 1, 1, 0)), linear(2)]),
    "pools": ((1, 4, 4), [conv(2), conv(2), add(1, conv(2, 1, 1, 0)), MAXIMUM, conv(2), add(2), WHOLE, linear(2)]),
    "means": ((1, 6, 6), [conv(2), AVERAGE, conv(2), conv(2), add(1), linear(3), add(1, linear(3)), linear(2)]),
    "means of 9 and 6": (
        (1, 5, 8), [conv(2, 2), {**AVERAGE, "size": 3}, conv(2, 2, 1, 1), conv(2, 2, 1, 0), add(1), conv(2), add(1, conv(2)), WHOLE,
                    linear(3), linear(3), add(5), linear(2)],
    ),
    "groups of 3, and finer gradients of 6": (
        (6, 2, 3), [{**conv(4), "groups": 2}, conv(4), conv(4, 1, 1, 0), add(1), WHOLE, linear(2)],
    ),
    "finer gradients": ((1, 4, 4), [conv(2), conv(2), conv(2), add(1, conv(2, 1, 1, 0)), AVERAGE, linear(2)]),
}  # fmt: skip


def plain_layers(model: Network) -> tuple[list[plain.PlainLayer], plain.Joins]:
    made = []
    for index, layer in enumerate(model.layers):
        place = model.joints.joins(index)
        kind = model.activations[place].kind if place < len(model.activations) else ""
        if isinstance(layer, Conv2d):
            made.append(plain.convolution(
                layer.inputs.axes, layer.outputs, layer.kernel, layer.stride, layer.padding,
                side=model.activations[place].window if kind else 1, mean=kind == "relu_avgpool2d", whole=kind == "relu_global_avgpool",
                groups=layer.groups,
            ))  # fmt: skip
        else:
            made.append(plain.linear(layer.takes.size, layer.gives.size))
    through = tuple((own.source, own.into) for own in model.shortcuts if own.by is not None)
    direct = tuple((own.source, own.into) for own in model.shortcuts if own.by is None)
    return made, plain.Joins(through, direct, model.row)


def assert_equals_plain_integers(model: Network, scales: FixedPoint) -> None:
    """Two steps on random records, in every sum, back sum and weight, and within the bounds."""
    rows, rng = 4, np.random.default_rng(5)
    training = Training(rate=3, batch=2, steps=2)
    low, high = scales.input_range
    features, labels = rng.integers(low, high + 1, (rows, model.features)), rng.integers(0, 2, rows)
    weights = initial_weights(model, scales, b"s")
    if scales.weight_bits == NARROW.weight_bits:
        limit = weight_limit(model, scales, training, rows)
        weights = rng.choice([-limit, limit, 0, 1], model.parameters).astype(np.int64)
    batches = schedule(b"b", "h", rows, training)
    result = train(model, scales, training, weights, features, labels, batches, trace=True)
    assert result.trace is not None
    network, joins = plain_layers(model)
    units = [own.weights for own in model.finer]
    flat = first = [
        ([int(v) * unit for v in w.ravel()], [int(v) * unit for v in b])
        for (w, b), unit in zip(model.unflatten(weights), units, strict=True)
    ]
    for step, chosen in enumerate(batches):
        inputs, own = features[chosen].tolist(), labels[chosen].tolist()
        flat, sums, back = plain.step(network, flat, inputs, own, scales, training, joins)
        for index, (hidden, act) in enumerate(zip(result.trace.hidden, model.activations, strict=True)):
            for b in range(2):
                assert act.takes.unpad(hidden.sums[step, b]).tolist() == sums[b][index]
                assert act.gives.unpad(hidden.back_sums[step, b]).tolist() == back[b][index]
    grown = [
        (new - old) * (model.finest // unit)
        for pair, before, unit in zip(flat, first, units, strict=True)
        for part, own in zip(pair, before, strict=True)
        for new, old in zip(part, own, strict=True)
    ]
    assert grown == result.update.tolist() and any(grown)
    bounds = compile_bounds(model, scales, training, rows, int(np.abs(weights).max()))
    for hidden, (bound, above) in zip(result.trace.hidden, pairwise(bounds[: model.depth]), strict=True):
        assert np.abs(hidden.sums).max() <= bound.sums and np.abs(hidden.back_sums).max() <= above.back_sums


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("scales", [SCALES, NARROW], ids=["usual", "narrow"])
def test_equals_plain_integers(name: str, scales: FixedPoint) -> None:
    assert_equals_plain_integers(chain(*CHAINS[name]), scales)


@pytest.mark.parametrize("name", CHAINS)
def test_equals_plain_integers_with_ranges_of_their_own(name: str) -> None:
    model = chain(*CHAINS[name])
    assert_equals_plain_integers(model, with_own_ranges(model, WIDER))


def test_bounds_add_what_joins() -> None:
    """Each addend counts at its own scale, forwards and backwards."""
    axes, layers = CHAINS["twice from one"]
    training = Training(rate=3, batch=2, steps=2)

    def bounds(own: list[dict[str, object]]):  # type: ignore[no-untyped-def]
        return compile_bounds(chain(axes, own), SCALES, training, 4, 1 << 24)

    without = bounds([own for own in layers if own["kind"] != "add"])
    identity = bounds([*layers[:3], *layers[3:4], layers[5]])
    both = bounds(layers)
    joins, gradients = SCALES.activation_limit << SCALES.weight_bits, SCALES.gradient_limit << SCALES.weight_bits
    assert identity[1].sums - without[1].sums == joins and identity[2].sums == without[2].sums
    assert identity[1].back_sums - without[1].back_sums == gradients
    through = both[4]
    assert through.name == "layer 5 (shortcut into layer 3, 2x3x3 -> 2x3x3, kernel 1)"
    own = 2 * through.weights * through.inputs + (through.biases << SCALES.activation_bits)
    assert both[2].sums - without[2].sums == own


REFUSED = {
    "shapes": ([conv(2), conv(3), add(1), linear(2)], "values that join the sums"),
    "shapes of a layer": ([conv(2), conv(3), add(1, conv(2)), linear(2)], "values that join the sums"),
    "what a layer takes": ([conv(2), conv(2), add(1, conv(2, 9, 1, 0)), linear(2)], "kernel"),
    "into the last": ([conv(2), linear(2), add(1), ], "below the last"),
    "from above": ([conv(2), add(2), conv(2), linear(2)], "the number of a layer up to 0"),
    "from nowhere": ([conv(2), add(-1), linear(2)], "the number of a layer up to 0"),
    "by its name": ([conv(2), {"kind": "add", "from": "1"}, linear(2)], "the number of a layer"),
    "before any layer": ([add(0), conv(2), linear(2)], "directly behind a layer"),
    "two": ([conv(1), add(0), add(0), linear(2)], "directly behind a layer"),
    "behind a pool": ([conv(1), MAXIMUM, add(0), linear(2)], "directly behind a layer"),
    "through a pool": ([conv(1), add(0, MAXIMUM), linear(2)], "one of"),
    "through nothing": ([conv(1), {"kind": "add", "from": 0, "by": None}, linear(2)], "a layer in plain form"),
    "another key": ([conv(1), {"kind": "add", "from": 0, "scale": 2}, linear(2)], "exactly the keys"),
    "an odd picture that is pooled": ([conv(1), conv(1), add(1), MAXIMUM, linear(2)], "values that join the sums"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_is_no_shortcut(name: str) -> None:
    layers, words = REFUSED[name]
    with pytest.raises(ConfigurationError, match=words):
        chain((1, 5, 5), layers)


def test_shortcuts_are_in_order_and_have_layers_of_their_own() -> None:
    model = chain(*CHAINS["twice from one"])
    first, second = model.shortcuts
    for shortcuts in [(second, first), (first,), (first, Shortcut(1, 2, 3)), (first, first)]:
        with pytest.raises(ConfigurationError):
            Network(model.layers, model.activations, shortcuts=shortcuts)
    assert Network(model.layers, model.activations, shortcuts=(first, second)) == model
    assert model.words == "1x3x3-2x3x3-2x3x3+1-2x3x3+1-2" and not chain(*CHAINS["a row"]).is_mlp
    assert isinstance(chain(*CHAINS["means"]).layers[-1], Linear)


@pytest.mark.parametrize("name", ["a row", "through a layer", "twice from one", "pools", "means"])
def test_a_step_in_real_numbers_is_that_of_autograd(name: str) -> None:
    torch = pytest.importorskip("torch")
    from torch.nn import functional as F

    model = chain(*CHAINS[name])
    step = RealStep(model)

    def sums(index: int, values):  # type: ignore[no-untyped-def]
        layer, (weight, bias) = model.layers[index], step.parameters[index]
        if isinstance(layer, Conv2d):
            return F.conv2d(values, weight.reshape(layer.shape), bias, stride=layer.stride, padding=layer.padding)
        return F.linear(values.flatten(1), weight.reshape(layer.shape), bias)

    pools = {
        "relu": lambda own: own, "relu_maxpool2d": lambda own: F.max_pool2d(own, 2),
        "relu_avgpool2d": lambda own: F.avg_pool2d(own, 2),
        "relu_global_avgpool": lambda own: F.adaptive_avg_pool2d(own, 1),
    }  # fmt: skip
    values = [torch.tensor(step.features.astype(np.float64)).reshape(4, *model.inputs.axes)]
    for place in range(model.depth):
        total = sums(place, values[place])
        for own in model.shortcuts:
            if own.into == place:
                total = total + (values[own.source] if own.by is None else sums(own.by, values[own.source]))
        if place < len(model.activations):
            values.append(pools[model.activations[place].kind](torch.relu(total)))
    step.check(total)
