"""How far an exported program, which computes with real numbers, may be from the fixed-point model.

The weights and inputs of both are the same numbers. They differ where the model rounds activations to
multiples of 2^-fa and the program does not. With eps_0 = 0, and e_l the rounding of double precision:

    eps_{l+1} = 2^-(fa+1) + max_o ||W_o||_1 eps_l + e_l                       each hidden layer
    bound     = 2^-(fa+1) + ||W_1 - W_0||_1 eps_L + 2 e_L                     the difference of two logits
    bound     = 2^-(fa+1) + max_o ||W_o||_1 eps_L + e_L                       each logit of more classes
    e_l       = 2^-53 (fan_in + 3) max_o (||W_o||_1 max|A_l| + |b_o|)

because ReLU and saturation are 1-Lipschitz, and so are maxima and means; a mean of n values adds the rounding
of their sum, u (n - 1) / (1 - u (n - 1)) max|A_l| with u = 2^-53, or 2^-24 in single precision. Where
shortcuts join sums, the errors of all that joins them are added up, those of values as they are and those of
layers by their weights, and so is the rounding of n + 1 terms' sum and conversion. W_o are the
weights of one sum: a row of a linear layer, all channels and taps of a convolution's output, of which sums at
the edges have some. A program that convolves in single precision, and rounds inputs, weights and biases to
it, has for these layers, with u = 2^-24,

    e_l       = n u / (1 - n u) max_o (||W_o||_1 max|A_l| + |b_o|),   n = fan_in + 5.

It is a worst case: the observed error is far below it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ldexp

import numpy as np
from numpy.typing import NDArray

from proofward.layers.convolutions.conv2d import Conv2d
from proofward.report.handover.models.exported_model import ExportedModel, ModelInvalid
from proofward.report.handover.predictions.prediction import NewRecords, predict

FloatArray = NDArray[np.float64]
Program = Callable[[FloatArray], FloatArray]
"""float64 logits (n, classes) of records (n, features) in the features' own units."""
MOST_DRAWN, LEAST_DRAWN = 1000, 16
BLOCK_VALUES = 1 << 24  #: that a layer multiplies at a time


@dataclass(frozen=True)
class Agreement:
    """observed: largest error over `rows` records. bound: what it may be.

    Of the difference of the logits of two classes, or of each logit of more.
    """

    rows: int
    observed: float
    bound: float


def scaling(model: ExportedModel) -> tuple[FloatArray, FloatArray]:
    """Centres and spreads of a record's values: x becomes (x - centre) / spread."""
    described = model.description.features
    centre = np.array([entry.centre for entry in described], dtype=np.float64)
    spread = np.array([entry.spread for entry in described], dtype=np.float64)
    return centre, spread


def parts_of(model: ExportedModel, values: FloatArray) -> dict[int, FloatArray]:
    """By place, the parts of records (n, features), each in its own axes."""
    record = model.model.record
    parts = record.whole_parts(values)
    return {place: part.reshape(-1, *record.layouts[place].axes) for place, part in parts.items()}


def error_bound(model: ExportedModel, *, single: bool = False) -> float:
    """The bound above, of a real number; single: of a program that convolves in single precision."""
    scales, network = model.scales, model.model
    unit = 1 << scales.activation_bits
    half = 0.5 / unit
    parts = [(model.real(weight), model.real(bias)) for weight, bias in network.unflatten(model.weights)]
    places = network.record.layouts
    errors = dict.fromkeys(places, 0.0)
    largest = dict.fromkeys(places, -scales.input_range[0] / unit)
    for place, activation in enumerate(network.activations):
        addends, limit = network.joints.sums(place, 0), scales.of_layer(place).real_limit
        coarse = single and isinstance(network.layers[place], Conv2d)
        error, sizes = half, [largest[source] for source, _ in addends.direct]
        for layer, _ in addends.layers:
            (weight, bias), source = parts[layer], network.joints.reads(layer)
            sums = np.abs(weight).reshape(len(weight), -1).sum(axis=1)
            own_coarse = single and isinstance(network.layers[layer], Conv2d)
            error += float(sums.max()) * errors[source]
            error += _rounding(weight, bias, largest[source], own_coarse)
            sizes.append(float((sums * largest[source] + np.abs(bias)).max()))
        error += sum(errors[source] for source, _ in addends.direct)
        if len(sizes) > 1:
            error += _of_terms(len(sizes) + 1, sum(sizes), coarse)
        errors[place + 1] = error + _of_a_mean(activation.mean_of, limit, single)
        largest[place + 1] = limit
    (weight, bias), below = parts[network.depth - 1], errors[network.depth - 1]
    own = _rounding(weight, bias, largest[network.depth - 1], False)
    if network.head.classes == 2:
        return float(half + float(np.abs(weight[1] - weight[0]).sum()) * below + 2 * own)
    return float(half + float(np.abs(weight).reshape(len(weight), -1).sum(axis=1).max()) * below + own)


def _of_a_mean(count: int, largest: float, single: bool) -> float:
    """Rounding of the sum of so many values of at most `largest`, and of its division; 0 of no mean.

    Division by a power of two is exact.
    """
    return _of_terms(count - 1 + (count & (count - 1) > 0), largest, single)


def _of_terms(roundings: int, largest: float, single: bool) -> float:
    """So many roundings, one after the other, of terms that are at most `largest` together."""
    share = roundings * ldexp(1, -24 if single else -53)
    return largest * share / (1 - share)


def _rounding(weight: FloatArray, bias: FloatArray, largest: float, single: bool) -> float:
    """e_l: rounding of sums in double precision, or single."""
    sums = np.abs(weight).reshape(len(weight), -1).sum(axis=1) * largest + np.abs(bias)
    fan_in = weight[0].size
    if not single:
        return float(sums.max() * (fan_in + 3) * ldexp(1, -53))
    share = (fan_in + 5) * ldexp(1, -24)
    return float(sums.max() * share / (1 - share))


def compared(model: ExportedModel, program: Program, rows: FloatArray, *, single: bool = False) -> Agreement:
    """The program beside the federation's own integers; raises ModelInvalid where it is beyond the bound."""
    step = _rows_at_a_time(model)
    worst = [
        _largest_error(model, program, rows[start : start + step]) for start in range(0, len(rows), step)
    ]
    observed = float(np.max(worst))
    found = Agreement(len(rows), observed, error_bound(model, single=single))
    if not observed <= found.bound:
        words = f"differ by {observed:.3g} on {len(rows)} records, at most {found.bound:.3g} is expected"
        raise ModelInvalid(f"the program and the model {words}: it was not written")
    return found


def _largest_error(model: ExportedModel, program: Program, rows: FloatArray) -> float:
    """Of the difference of two logits, or of each of more."""
    scores = predict(model, NewRecords(rows, tuple(range(len(rows))), ())).scores
    logits = program(rows)
    expected = (len(rows), model.model.head.classes)
    if logits.shape != expected:
        raise ModelInvalid(f"the program gives {logits.shape}, expected logits of shape {expected}")
    unit = 1 << model.scales.activation_bits
    found = logits if scores.ndim > 1 else logits[:, 1] - logits[:, 0]
    return float(np.abs(found - scores / unit).max())


def _rows_at_a_time(model: ExportedModel) -> int:
    """As many records as a layer's products leave room for."""
    most = max(layer.positions * layer.fan_in for layer in model.model.layers)
    return max(1, BLOCK_VALUES // most)


def drawn_rows(model: ExportedModel) -> FloatArray:
    """Records to compare on where none are given: half of them usual ones, half from the whole range."""
    scales = model.scales
    random = np.random.default_rng(model.origin.round)
    count = min(MOST_DRAWN, max(LEAST_DRAWN, _rows_at_a_time(model)))
    shape = (count // 2, model.model.features)
    ends = np.array(scales.input_range) / (1 << scales.activation_bits)
    low, high = 1.1 * ends
    rows = np.concatenate([random.standard_normal(shape), random.uniform(low, high, shape)])
    centre, spread = scaling(model)
    drawn: FloatArray = rows * spread + centre
    return drawn
