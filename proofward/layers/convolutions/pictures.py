"""Sums over the places of pictures, by tap of a kernel: the tables of a convolution's prover.

Combined pictures are E-arrays (2, steps, ...) over (sample or channel, place); places lie row by row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows
from proofward.field.extension import DEGREE, zeros
from proofward.field.multilinear import eq_table
from proofward.field.spatial import combine_ext_rows, ext_products
from proofward.field.threads import parallel
from proofward.layers.convolutions.axis import Axis
from proofward.proof.forms import Point

Array = npt.NDArray[np.uint64]


def plane_at(pictures: Array, point: Point) -> Array:
    """The picture at a point of what comes before its places: an E-array over the places."""
    return combine_ext_rows(eq_table(point), pictures.reshape(DEGREE, 1 << len(point), -1))


def sums_by_tap(pictures: Array, vertical: Array, horizontal: Array) -> Array:
    """sum over (h, w) of picture(h, w) vertical(k, h) horizontal(l, w): (2, steps, pictures * K * K).

    pictures: (2, steps, pictures * H * W). The tables are E-arrays (2, K, H) and (2, K, W).
    """
    rows = ext_products(pictures.reshape(DEGREE, -1, horizontal.shape[2]), horizontal)
    turned = rows.reshape(DEGREE, -1, vertical.shape[2], rows.shape[2]).transpose(0, 1, 3, 2)
    taps = ext_products(turned.reshape(DEGREE, -1, vertical.shape[2]), vertical)
    back = taps.reshape(DEGREE, -1, horizontal.shape[1], vertical.shape[1]).transpose(0, 1, 3, 2)
    return back.reshape(DEGREE, pictures.shape[1], -1)


def _copied(tensor: Array) -> Array:
    """Contiguous, by its first axis on all cores."""
    out = np.empty(tensor.shape, dtype=tensor.dtype)

    def work(start: int, stop: int) -> None:
        out[start:stop] = tensor[start:stop]

    parallel(work, len(tensor), max(1, len(tensor) * (1 << 17) // max(1, tensor.size)))
    return out


def products_by_tap(single: Array, many: Array, axes: tuple[Axis, Axis], *, single_is_output: bool) -> Array:
    """sum over samples and positions of one picture times many, by tap: (2, steps, channels * K * K).

    single: an E-array (2, steps, batch * place), of outputs or of inputs. many: an F-tensor (steps, batch,
    channel * place) of the other kind.
    """
    sizes = [(1 << axis.log_outputs, 1 << axis.log_size) for axis in axes]
    own, other = (0, 1) if single_is_output else (1, 0)
    steps, batch, _ = many.shape
    one = single.reshape(DEGREE, steps, batch, *(size[own] for size in sizes))
    all_channels = many.reshape(steps, batch, -1, *(size[other] for size in sizes))
    channels = all_channels.shape[2]
    result = zeros(steps, channels, *(1 << axis.log_kernel for axis in axes))
    for tap in range(axes[0].kernel):
        rows = axes[0].met_by(tap)
        for across in range(axes[1].kernel):
            columns = axes[1].met_by(across)
            left = one[:, :, :, rows[own]][..., columns[own]].reshape(DEGREE, steps, -1)
            right = all_channels[:, :, :, rows[other]][..., columns[other]].transpose(0, 1, 3, 4, 2)
            flat = _copied(right).reshape(steps, -1, channels)
            result[:, :, :, tap, across] = batched_combine_rows(np.ascontiguousarray(left), flat)
    return result.reshape(DEGREE, steps, -1)
