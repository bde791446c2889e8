"""How far an exported program, which computes with real numbers, may be from the fixed-point model.

The weights and inputs of both are the same numbers. They differ where the model rounds activations to
multiples of 2^-fa and the program does not. With eps_0 = 0, and e_l the rounding of double precision:

    eps_{l+1} = 2^-(fa+1) + max_o ||W_o||_1 eps_l + e_l                       each hidden layer
    bound     = 2^-(fa+1) + ||W_1 - W_0||_1 eps_L + 2 e_L                     the difference of the logits
    e_l       = 2^-53 (fan_in + 3) max_o (||W_o||_1 max|A_l| + |b_o|)

because ReLU and saturation are 1-Lipschitz. It is a worst case: the observed error is far below it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ldexp

import numpy as np
from numpy.typing import NDArray

from proofward.report.handover.exported_model import ExportedModel, ModelInvalid
from proofward.report.handover.prediction import NewRecords, predict

FloatArray = NDArray[np.float64]
Program = Callable[[FloatArray], FloatArray]
"""float64 logits (n, 2) of records (n, features) in the features' own units."""
DRAWN_ROWS = 1000


@dataclass(frozen=True)
class Agreement:
    """observed: largest error of the difference of the logits over `rows` records. bound: what it may be."""

    rows: int
    observed: float
    bound: float


def error_bound(model: ExportedModel) -> float:
    """The bound above, of a real number."""
    scales = model.scales
    unit = 1 << scales.activation_bits
    half, error = 0.5 / unit, 0.0
    largest = -scales.input_range[0] / unit
    parts = [(model.real(weight), model.real(bias)) for weight, bias in model.model.unflatten(model.weights)]
    for weight, bias in parts[:-1]:
        sums = np.abs(weight).sum(axis=1)
        error = half + float(sums.max()) * error + _double(weight, bias, largest)
        largest = scales.activation_limit / unit
    weight, bias = parts[-1]
    across = float(np.abs(weight[1] - weight[0]).sum())
    return float(half + across * error + 2 * _double(weight, bias, largest))


def _double(weight: FloatArray, bias: FloatArray, largest: float) -> float:
    """e_l: rounding of sums in double precision."""
    sums = np.abs(weight).sum(axis=1) * largest + np.abs(bias)
    return float(sums.max() * (weight.shape[1] + 3) * ldexp(1, -53))


def compared(model: ExportedModel, program: Program, rows: FloatArray) -> Agreement:
    """The program beside the federation's own integers; raises ModelInvalid where it is beyond the bound."""
    scores = predict(model, NewRecords(rows, tuple(range(len(rows))), ())).scores
    logits = program(rows)
    if logits.shape != (len(rows), 2):
        raise ModelInvalid(f"the program gives {logits.shape}, expected logits of shape {(len(rows), 2)}")
    unit = 1 << model.scales.activation_bits
    observed = float(np.abs(logits[:, 1] - logits[:, 0] - scores / unit).max())
    found = Agreement(len(rows), observed, error_bound(model))
    if not observed <= found.bound:
        words = f"differ by {observed:.3g} on {len(rows)} records, at most {found.bound:.3g} is expected"
        raise ModelInvalid(f"the program and the model {words}: it was not written")
    return found


def drawn_rows(model: ExportedModel) -> FloatArray:
    """Records to compare on where none are given: half of them usual ones, half from the whole range."""
    features, scales = model.description.features, model.scales
    random = np.random.default_rng(model.origin.round)
    shape = (DRAWN_ROWS // 2, len(features))
    ends = np.array(scales.input_range) / (1 << scales.activation_bits)
    low, high = 1.1 * ends
    rows = np.concatenate([random.standard_normal(shape), random.uniform(low, high, shape)])
    spread = np.array([entry.spread for entry in features])
    drawn: FloatArray = rows * spread + np.array([entry.centre for entry in features])
    return drawn
