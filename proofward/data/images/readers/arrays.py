"""What readers of arrays share: images (n, h, w) or (n, h, w, 3) of bytes, and a label each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.example import Bytes, Picture
from proofward.data.images.contract.refusal import TOO_LARGE, UNLABELLED, UNSUPPORTED, ImageRefused
from proofward.data.images.contract.rule import FIXED, ImageRule
from proofward.data.images.pixels.grey import fixed
from proofward.data.images.pixels.resampling import finished

MOST_CLASSES = 1 << 16


def check_images(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], limits: Limits) -> None:
    """Refuses an array that holds no images, or too many or too large ones."""
    if dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        expected = f"bytes (n, h, w) or (n, h, w, 3) as {name}"
        raise ImageRefused(UNSUPPORTED, expected, f"{dtype} of {shape}")
    pixels = shape[1] * shape[2]
    if not 1 <= pixels <= limits.pixels or not 1 <= shape[0] <= limits.examples:
        expected = f"1 to {limits.examples} images of 1 to {limits.pixels} pixels as {name}"
        raise ImageRefused(TOO_LARGE, expected, f"shape {shape}")


def checked_labels(name: str, labels: NDArray[Any], count: int, classes: int) -> NDArray[np.int64]:
    """One integer label an image, int64 (count,); of known classes where their number is not 0."""
    if labels.dtype.kind not in "iub" or labels.size != count or labels.shape[0] != count:
        expected = f"one label for each of {count} images as {name}"
        raise ImageRefused(UNLABELLED, expected, f"{labels.dtype} of {labels.shape}")
    flat = labels.reshape(count).astype(np.int64)
    highest = (classes or MOST_CLASSES) - 1
    if flat.min() < 0 or flat.max() > highest:
        found = f"labels from {flat.min()} to {flat.max()}"
        raise ImageRefused(UNLABELLED, f"labels in [0, {highest}] as {name}", found)
    return flat


def picture_of(image: Bytes, kind: str, rule: ImageRule, patient: bytes | None = None) -> Picture:
    """One image of an array."""
    plane = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    if plane.ndim == 2 and rule.window == FIXED:
        plane = fixed(plane, rule)
    pixels, notes = finished(plane, rule)
    return Picture(pixels, kind, plane.ndim == 3, patient=patient, notes=notes)
