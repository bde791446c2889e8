"""Pictures beside what an attack made of them, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from privacy_attacks.federation import Real
from proofward.report.figures.canvas import new_figure, png

Pairs = Sequence[tuple[Real, Real]]


def side_by_side(path: Path, title: str, rules: Sequence[tuple[str, Pairs]], side: int) -> None:
    """Writes one row of originals, and one for each kind of rules; all grey values from 0 to 1.

    Raises PicturesUnavailable without matplotlib.
    """
    count = min(6, *(len(pairs) for _, pairs in rules))
    shown = [("original", [original for original, _ in rules[0][1]])]
    shown += [(name, [made for _, made in pairs]) for name, pairs in rules]
    figure = new_figure(0.8 * count + 1.6, 0.85 * len(shown) + 0.3)
    axes = np.atleast_2d(figure.subplots(len(shown), count))
    for (name, images), line in zip(shown, axes, strict=True):
        for image, place in zip(images, line, strict=False):
            place.imshow(image.reshape(side, side), cmap="gray", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    figure.suptitle(title, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))
