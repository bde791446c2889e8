"""A picture brought to the rule's size, in integers with one rounding at the end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.example import ENLARGED, Bytes
from proofward.data.images.contract.rule import AREA, CROP, STRETCH, ImageRule
from proofward.data.images.pixels.blocks import by_rows
from proofward.data.images.pixels.colour import luma

Wide = NDArray[np.int64]


def finished(plane: Bytes, rule: ImageRule) -> tuple[Bytes, tuple[str, ...]]:
    """(channels, height, width) of a grey (h, w) or coloured (h, w, 3) picture, and what is to be noted."""
    if plane.ndim == 3 and rule.channels == 1:
        plane = by_rows(luma, plane)
    planes = [plane] if plane.ndim == 2 else [plane[..., at] for at in range(3)]
    notes = (ENLARGED,) if plane.shape[0] < rule.height or plane.shape[1] < rule.width else ()
    done = [fitted(one, rule) for one in planes]
    if len(done) < rule.channels:
        done = done * rule.channels
    return np.ascontiguousarray(np.stack(done)), notes


def fitted(plane: Bytes, rule: ImageRule) -> Bytes:
    """One plane (h, w) as (rule.height, rule.width)."""
    high, wide = plane.shape
    if rule.fit == STRETCH or high * rule.width == wide * rule.height:
        return resampled(plane, rule.height, rule.width, rule.resampling)
    if rule.fit == CROP:
        rows = min(high, max(1, wide * rule.height // rule.width))
        columns = min(wide, max(1, high * rule.width // rule.height))
        top, left = (high - rows) // 2, (wide - columns) // 2
        cut = plane[top : top + rows, left : left + columns]
        return resampled(cut, rule.height, rule.width, rule.resampling)
    rows = min(rule.height, max(1, rule.width * high // wide))
    columns = min(rule.width, max(1, rule.height * wide // high))
    whole = np.zeros((rule.height, rule.width), dtype=np.uint8)
    top, left = (rule.height - rows) // 2, (rule.width - columns) // 2
    whole[top : top + rows, left : left + columns] = resampled(plane, rows, columns, rule.resampling)
    return whole


def resampled(plane: Bytes, height: int, width: int, resampling: str) -> Bytes:
    """(height, width) of a plane: weights are integers, the quotient is rounded half up.

    Overflow: a picture has at most 2^26 pixels and a size at most 2^12, so sums stay below
    2^8 * 2^26 * 2^12 = 2^46.
    """
    if plane.shape == (height, width):
        return np.ascontiguousarray(plane)
    along = _areas if resampling == AREA else _between
    turned = by_rows(lambda part: along(part.T.astype(np.int64), height).T, plane.T)  # some columns at a time
    columns = along(np.ascontiguousarray(turned), width)
    total = _weight(len(plane), height, resampling) * _weight(plane.shape[1], width, resampling)
    return np.ascontiguousarray(((2 * columns.T + total) // (2 * total)).astype(np.uint8))


def _weight(count: int, size: int, resampling: str) -> int:
    """What the weights of a pixel sum to, along an axis of `count` lines."""
    if resampling == AREA:
        return 1 if count == size else count
    return 2 * size


def _areas(lines: Wide, size: int) -> Wide:
    """Sums over the area below each of `size` pixels along axis 0, times size.

    Output i lies over [i n / size, (i + 1) n / size) of n lines. With edge i n = q size + r the sum up to an
    edge, times size, is size * (lines before q) + r * (line q).
    """
    count = len(lines)
    if count == size:
        return lines
    before = np.zeros((count + 2, *lines.shape[1:]), dtype=np.int64)
    np.cumsum(lines, axis=0, out=before[1:-1])
    before[-1] = before[-2]  # so that line `count`, beyond the last, is zero
    whole, part = np.divmod(np.arange(size + 1, dtype=np.int64) * count, size)
    up_to = size * before[whole] + part[:, None] * (before[whole + 1] - before[whole])
    return np.asarray(np.diff(up_to, axis=0))


def _between(lines: Wide, size: int) -> Wide:
    """Values between the two nearest lines at the centres of `size` pixels along axis 0, times 2 size.

    The centre of output i is at ((2 i + 1) n - size) / (2 size) in lines, kept within the first and the last.
    """
    count = len(lines)
    places = (2 * np.arange(size, dtype=np.int64) + 1) * count - size
    whole, part = np.divmod(np.clip(places, 0, 2 * size * (count - 1)), 2 * size)
    upper = np.minimum(whole + 1, count - 1)
    return np.asarray((2 * size - part)[:, None] * lines[whole] + part[:, None] * lines[upper])
