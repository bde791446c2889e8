"""D1: records and pictures rebuilt from one step's update, by an optimiser.

The attacker looks for inputs whose gradients point where the update points:
    minimise   1 - cos(sum of gradients(x), -update) + strength TV(x)     over x in the range of the records,
TV the total variation of pictures, none for rows of tables. It knows the model, the labels, how many records
there are and how gradients are clipped, starts from the middle of the range, and takes what L-BFGS finds.

Afterwards each rebuilt record is compared with the one that was used and with one of the same class that was
not: an attack that cannot tell these apart has rebuilt nothing. So (epsilon, delta) sets it the same limit as
any.

The derivative of the loss needs second derivatives of the network in one direction v only. That is
    d/dx <gradient(W, x), v> = d/de [input gradient(W + e v, x)]   at e = 0,
for which a central difference in double precision is enough.

Sources: Zhu, Liu, Han 2019 (DLG); Geiping et al. 2020 (cosine and total variation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from privacy_attacks.federation import Real
from privacy_attacks.gradients import forward
from privacy_attacks.mechanism import Mechanism
from privacy_attacks.rates import limited, told_apart
from proofward.data.generated_patches import make_patch
from proofward.data.reading.records import Records
from proofward.layers.networks.network import mlp
from proofward.layers.references.float_twin import real_features, real_weights
from proofward.layers.rules.model import Int64Array
from proofward.models import preset
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import first_weights

Line = dict[str, object]
SIDE = 28
STRENGTH = 2e-3
ITERATIONS = 200


@dataclass(frozen=True)
class Target:
    """A network with records. kind: a word. side: of pictures, 0 for rows. low, high: the range of values."""

    kind: str
    name: str
    setup: Preset
    records: Records
    side: int
    low: float
    high: float

    def real(self) -> Real:
        """The records as real numbers."""
        found: Real = real_features(self.records.features, self.setup.scales).astype(np.float64)
        return found


def pictures(hidden: tuple[int, ...], count: int, seed: int) -> Target:
    """Generated patches, as many without a mass as with one, in alternation."""
    setup = preset("wdbc")
    model = mlp((SIDE * SIDE, *hidden, 2))
    one = 1 << setup.scales.activation_bits
    labels = np.arange(count) % 2
    drawn = [make_patch(seed, number, SIDE, mass=bool(label)) for number, label in enumerate(labels)]
    features = np.stack(drawn).reshape(count, -1).astype(np.int64) * one // 255
    name = f"pictures of {SIDE} x {SIDE}, " + (f"MLP with {hidden[0]} units" if hidden else "logistic")
    own = Preset("pictures", "", model, setup.scales, setup.training, setup.clip_bound)
    return Target("mlp" if hidden else "logistic", name, own, Records(features, labels), SIDE, 0.0, 1.0)


def rows(setup: Preset, records: Records) -> Target:
    """Rows of a table."""
    return Target("rows", "rows of a table", setup, records, 0, -8.0, 8.0)


def input_gradients(
    setup: Preset, flat: Real, inputs: Real, labels: Int64Array, weights: Real
) -> tuple[Real, Real]:
    """The gradients of the weighted sum of losses: of all parameters (p,), and of the inputs (n, d)."""
    reads, logits = forward(setup, flat, inputs)
    errors = weights * (1 / (1 + np.exp(logits[:, 0] - logits[:, 1])) - labels)
    delta, found = np.stack([-errors, errors], axis=1), np.empty(flat.size)
    for index in range(setup.model.depth - 1, -1, -1):
        start, bias, end = setup.model.offsets[index]
        found[start:bias], found[bias:end] = (delta.T @ reads[index]).reshape(-1), delta.sum(0)
        delta = delta @ flat[start:bias].reshape(setup.model.layers[index].shape)
        if index:
            delta = delta * (reads[index] > 0)
    return found, delta


def clip_weights(setup: Preset, flat: Real, inputs: Real, labels: Int64Array, clip: float) -> Real:
    """By how much the gradient of each record is multiplied."""
    ones = np.ones(1)
    norms = [
        np.linalg.norm(input_gradients(setup, flat, inputs[[row]], labels[[row]], ones)[0])
        for row in range(len(labels))
    ]
    found: Real = np.minimum(1.0, clip / np.maximum(norms, 1e-12))
    return found


def variation(images: Real, side: int) -> tuple[float, Real]:
    """Total variation, smoothed, a mean over pixels; and its gradient."""
    square = images.reshape(-1, side, side)
    total, gradient = 0.0, np.zeros_like(square)
    for axis in (1, 2):
        step = np.diff(square, axis=axis)
        size = np.sqrt(step**2 + 1e-6)
        total += float(size.sum()) / images.size
        slope = step / size / images.size
        before, after = [(0, 0)] * 3, [(0, 0)] * 3
        before[axis], after[axis] = (1, 0), (0, 1)
        gradient += np.pad(slope, before) - np.pad(slope, after)
    return total, gradient.reshape(images.shape)


def rebuilt(target: Target, weights: Int64Array, labels: Int64Array, seen: Real, clip: float) -> Real:
    """What the optimiser finds (n, d); seen: the sum of gradients as the attacker has it."""
    setup, count = target.setup, len(labels)
    flat = real_weights(weights, setup.scales).astype(np.float64)
    aim = seen / np.linalg.norm(seen)

    def loss(values: Real) -> tuple[float, Real]:
        inputs = values.reshape(count, -1)
        scale = clip_weights(setup, flat, inputs, labels, clip)
        made, _ = input_gradients(setup, flat, inputs, labels, scale)
        size = np.linalg.norm(made) + 1e-12
        cosine = float(made @ aim) / size
        towards = -(aim - cosine * made / size) / size
        small = 1e-4 * np.linalg.norm(flat) / (np.linalg.norm(towards) + 1e-12)
        ends = [
            input_gradients(setup, flat + side * small * towards, inputs, labels, scale)[1]
            for side in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / (2 * small)
        total = 1 - cosine
        if target.side:
            rough, rougher = variation(inputs, target.side)
            total, slope = total + STRENGTH * rough, slope + STRENGTH * rougher
        return total, slope.reshape(-1)

    rng = np.random.default_rng(0)
    middle, span = (target.low + target.high) / 2, target.high - target.low
    start = middle + 0.05 * span * rng.standard_normal(count * setup.model.features)
    bounds = [(target.low, target.high)] * start.size
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS})
    result: Real = found.x.reshape(count, -1)
    return result


def likeness(first: Real, second: Real) -> float:
    """Correlation of two records."""
    return float(np.corrcoef(first, second)[0, 1]) if first.std() and second.std() else 0.0


def rebuild(
    target: Target, private: Mechanism, batch: int, trials: int, seed: int
) -> tuple[Line, list[tuple[Real, Real]]]:
    """D1: the line, and pairs of original and rebuilt record.

    Each trial uses the next records of the target. Pictures that follow one another have different labels.
    """
    weights, truth = first_weights(target.setup, seed), target.real()
    rng = np.random.default_rng((seed, private.privacy.coarse_variance))
    used, unused, errors, pairs = [], [], [], []
    for trial in range(trials):
        chosen = np.arange(trial * batch, (trial + 1) * batch)
        own = target.records.select(chosen)
        released = private.update(target.setup, weights, own) + private.noise(rng)
        clip = private.clip if private.clips else np.inf
        found = rebuilt(target, weights, own.labels, released * private.unit, clip)
        others = np.setdiff1d(np.arange(len(truth)), np.arange(trials * batch))
        for row, label, made in zip(chosen, own.labels, found, strict=True):
            strange = others[target.records.labels[others] == label][trial]
            used.append(likeness(made, truth[row]))
            unused.append(likeness(made, truth[strange]))
            errors.append(float(np.sqrt(np.mean((made - truth[row]) ** 2))))
            pairs.append((truth[row], made))
    found_rates = limited(told_apart(used, unused), private.epsilon(1, 1), private.delta)
    return {
        "attack": "D1", "what": f"gradient matching: {target.name}", "rules": private.name, "batch": batch,
        "sees": f"one update of one step on {batch} records, and their labels", "rebuilt": len(used),
        "likeness": round(float(np.mean(used)), 4), "likeness_to_others": round(float(np.mean(unused)), 4),
        "error": round(float(np.mean(errors)), 4),
        "deviation_of_records": round(float(truth.std()), 4), **found_rates,
    }, pairs  # fmt: skip
