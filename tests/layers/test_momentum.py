"""SGD with momentum: the coefficients, the trainer against its specification, and torch's optimizer."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MILLION
from proofward.layers.local_training.training import train
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import mlp
from proofward.layers.references import step as reference
from proofward.layers.references.float_twin import real_features, real_weights, train_float
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.momentum import LARGEST_MOMENTUM, rates_of
from proofward.layers.rules.schedule import schedule

SCALES = FixedPoint()
MODEL = mlp((3, 4, 2))


def records(rows: int, seed: int = 1, spread: int = 200) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    features = random.integers(-spread, spread, (rows, 3))
    return features, (features[:, 0] > 0).astype(np.int64)


@given(st.integers(1, 1 << 16), st.integers(0, LARGEST_MOMENTUM), st.integers(1, 40))
def test_coefficients_are_those_of_momentum_rounded_once(rate: int, momentum: int, steps: int) -> None:
    rates, share, exact = rates_of(rate, momentum, steps), Fraction(momentum, MILLION), Fraction(0)
    found = [rates.after(step) for step in range(steps)]
    off = Fraction(1, 2) + 1 / (2**32 * (1 - share))
    for own in found:
        exact = share * exact + rate
        assert abs(own - exact) <= off
    assert found[0] == rates.rate == rate and found == sorted(found) and min(rates.increments) >= 0
    assert found[-1] <= rate / (1 - share) + 1
    assert rates.total(steps) == sum(found) and rates.total(steps + 7) == sum(found) + 7 * found[-1]
    assert momentum or rates.increments == (rate,)
    kept = [own for step in range(steps) for own in rates.increments[: step + 1]]
    assert rates.growths(steps) == np.count_nonzero(kept) and (momentum or rates.growths(steps) == steps)


def test_coefficients_end() -> None:
    """However many steps there are: increments behind the last one that is not 0 are not kept."""
    rates = rates_of(16, 900_000, 1 << 20)
    assert 30 < len(rates.increments) < 60 and rates.after(1 << 20) == 160
    assert rates_of(16, 500_000, 5).sums == (16, 24, 28, 30, 31)


@pytest.mark.parametrize(("rate", "momentum"), [(4, 900_000), (3, 500_000), (64, LARGEST_MOMENTUM)])
def test_training_is_the_combination_of_the_gradients(rate: int, momentum: int) -> None:
    """Weights of every step, padding steps among them, from gradients of the specification."""
    training, rows = Training(rate, 4, steps=5, momentum=momentum), 9
    features, labels = records(rows)
    first = initial_weights(MODEL, SCALES, b"seed")
    batches = schedule(b"beacon", "north", rows, training)
    result = train(MODEL, SCALES, training, first, features, labels, batches, trace=True)
    assert result.trace is not None
    rates, current, gradients = training.rates(rows), first, []
    for step, chosen in enumerate(batches):
        layers = [(matrix.tolist(), bias.tolist()) for matrix, bias in MODEL.unflatten(current)]
        told = (layers, features[chosen].tolist(), labels[chosen].tolist(), SCALES, Training(1, 4, steps=5))
        after, samples = reference.step(*told)
        assert result.trace.head.sums[step, :, :2].tolist() == [own.logits for own in samples]
        flat = [value for matrix, bias in after for row in (*matrix, bias) for value in row]
        gradients.append(current - np.array(flat))
        counts = [rates.after(step - earlier) for earlier in range(step + 1)]
        current = first - sum(count * own for count, own in zip(counts, gradients, strict=True))
        if step == 4:
            assert (first + result.update).tolist() == current.tolist()


def test_bounds_grow_with_the_coefficients() -> None:
    plain, moved = (
        compile_bounds(MODEL, SCALES, Training(4, 4, steps=4, momentum=own), 9, 1 << 26)[0].weight_update
        for own in (0, 900_000)
    )
    assert moved * 16 == plain * (4 + 8 + 11 + 14)


def test_plain_forms_name_momentum_where_there_is_some() -> None:
    plain, moved = Training(4, 4, steps=4), Training(4, 4, steps=4, momentum=900_000)
    assert plain.to_dict() == {"rate": 4, "batch": 4, "epochs": 0, "steps": 4}
    assert moved.to_dict() == {**plain.to_dict(), "momentum": 900_000}
    assert [Training.from_dict(own.to_dict()) for own in (plain, moved)] == [plain, moved]
    for value in (0, -1, LARGEST_MOMENTUM + 1, 0.9, True, None):
        with pytest.raises(ConfigurationError):
            Training.from_dict({**plain.to_dict(), "momentum": value})


def test_the_optimizer_of_torch_goes_the_same_way() -> None:
    """The float twin is torch.optim.SGD, whose step is this function; the integers are near it."""
    torch = pytest.importorskip("torch")
    sgd = pytest.importorskip("torch.optim.sgd").sgd
    training, rows = Training(16, 4, steps=6, momentum=900_000), 16
    features, labels = records(rows, spread=100)  # logits stay within their range
    first = initial_weights(MODEL, SCALES, b"seed")
    batches = schedule(b"beacon", "north", rows, training)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)).double()
    parts = [part for pair in MODEL.unflatten(first) for part in pair]
    with torch.no_grad():
        for parameter, part in zip(network.parameters(), parts, strict=True):
            parameter.copy_(torch.tensor(part / 2**SCALES.weight_bits).reshape(parameter.shape))
    held, velocities = list(network.parameters()), [None] * 4
    options = dict(weight_decay=0.0, dampening=0.0, nesterov=False, maximize=False, foreach=False)
    real = real_features(features, SCALES)
    for chosen in batches[:6]:
        inputs, told = torch.tensor(real[chosen]).double(), torch.tensor(labels[chosen])
        loss = torch.nn.functional.cross_entropy(network(inputs), told, reduction="sum")
        gradients = list(torch.autograd.grad(loss, held))
        with torch.no_grad():  # the loss is summed over a batch, so that the rate is that of one record
            rate = 16 / 2**SCALES.rate_shift
            sgd(held, gradients, velocities, lr=rate, momentum=0.9, **options)
    by_torch = np.concatenate([own.detach().numpy().ravel() for own in held])
    by_torch -= first / 2**SCALES.weight_bits
    twin = train_float(MODEL, SCALES, training, real_weights(first, SCALES), real, labels, batches)
    integers = train(MODEL, SCALES, training, first, features, labels, batches).update
    largest = np.abs(by_torch).max()
    assert np.abs(twin - by_torch).max() < 1e-5
    assert np.abs(integers / 2**SCALES.weight_bits - by_torch).max() < 0.05 * largest and largest > 0.2
