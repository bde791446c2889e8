"""Colours in integers: luma, YCbCr to RGB, transparency laid over black."""

from __future__ import annotations

import numpy as np

from proofward.data.images.contract.example import Bytes


def luma(rgb: Bytes) -> Bytes:
    """ITU-R 601 luma of (h, w, 3): (19595 R + 38470 G + 7471 B + 2^15) / 2^16, rounded down."""
    red, green, blue = (rgb[..., at].astype(np.int64) for at in range(3))
    return ((19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16).astype(np.uint8)


def rgb_of_ybr(ybr: Bytes) -> Bytes:
    """RGB of DICOM's YBR_FULL (PS3.3, C.7.6.3.1.2), rounded half up and cut to a byte."""
    y, cb, cr = (ybr[..., at].astype(np.int64) for at in range(3))
    cb, cr = cb - 128, cr - 128
    half, unit = 500_000, 1_000_000
    red = y + (1_402_000 * cr + half) // unit
    green = y + (-344_136 * cb - 714_136 * cr + half) // unit
    blue = y + (1_772_000 * cb + half) // unit
    return np.asarray(np.clip(np.stack([red, green, blue], axis=-1), 0, 255).astype(np.uint8))


def over_black(plane: Bytes, alpha: Bytes) -> Bytes:
    """(h, w) or (h, w, 3) laid over black: v * alpha / 255, rounded half up."""
    opacity = alpha.astype(np.int64)
    product = plane.astype(np.int64) * (opacity if plane.ndim == 2 else opacity[..., None])
    return ((2 * product + 255) // 510).astype(np.uint8)
