"""A picture of a few images with their saliency beside them: it shows records, and stays where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.image_schema import ImageSchema
from proofward.layers.references.float_twin import Float32Array
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.report.figures.canvas import label, new_figure, png
from proofward.report.figures.saliency import RIGHT, WRONG, Example

MOST_CLASSES = 8
"""That are shown; of more the first."""
_COLOUR = (0.902, 0.624, 0.0)  # Okabe and Ito's orange, on grey


def pixels(images: ImageSchema, scales: FixedPoint, features: Int64Array) -> NDArray[np.float64]:
    """Levels from 0 (black) to 1 (white), (n, height, width, 3), of features in integers."""
    levels = features[:, : images.picture_size].reshape(-1, *images.axes) / (1 << scales.activation_bits)
    held = images.levels
    centre, spread = (np.array(values)[:, None, None] for values in (held.centre, held.spread))
    shown = np.clip(levels * spread + centre, 0, 1).transpose(0, 2, 3, 1)
    return np.repeat(shown, 3, axis=3) if shown.shape[3] == 1 else shown


def strength(images: ImageSchema, gradients: Float32Array) -> NDArray[np.float64]:
    """The largest gradient over a pixel's channels, in magnitude, as a share of the image's largest."""
    own = gradients[:, : images.picture_size].astype(np.float64)
    size = np.abs(own).reshape(-1, *images.axes).max(axis=1)
    most = size.max(axis=(1, 2), keepdims=True)
    shares: NDArray[np.float64] = size / np.where(most > 0, most, 1)
    return shares


def draw_saliency(
    chosen: Sequence[Example],
    shown: NDArray[np.float64],
    strengths: NDArray[np.float64],
    classes: Sequence[str],
    rows: str,
) -> bytes:
    """A PNG with a row of examples for each class; raises PicturesUnavailable."""
    from_class = range(min(len(classes), MOST_CLASSES))
    across = RIGHT + WRONG
    figure = new_figure(1.62 * 2 * across + 0.9, 2.0 * len(from_class) + 0.75)
    grid = figure.subplots(len(from_class), 2 * across, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for number in from_class:
        own = [(at, example) for at, example in enumerate(chosen) if example.label == number]
        right = [pair for pair in own if pair[1].right]
        wrong = [pair for pair in own if not pair[1].right]
        for slot, pair in ((RIGHT, wrong), (0, right)):
            for column, (at, example) in enumerate(pair, slot):
                panels = grid[number, 2 * column : 2 * column + 2]
                _example(panels, shown[at], strengths[at], example, classes)
        if not wrong and own:
            words = f"no {label(classes[number])} was\ntaken for another"
            grid[number, 2 * RIGHT].text(0, 0.5, words, fontsize=9)
    _legend(figure, grid)
    left_out = "" if len(classes) <= MOST_CLASSES else f"; the first {MOST_CLASSES} of {len(classes)} classes"
    figure.suptitle(
        f"Pixels that decisions hang on, in some of {rows}{left_out}\n"
        "with the class taken and its probability; this picture shows records",
        fontsize=11,
    )
    return png(figure)


def _example(
    panels: Any,
    shown: NDArray[np.float64],
    strength: NDArray[np.float64],
    example: Example,
    classes: Sequence[str],
) -> None:
    picture, overlay = panels
    verdict = "right" if example.right else "wrong"
    name = label(classes[example.label], 20)
    picture.set_title(f"is\n{name}", fontsize=9)
    sure = "> 0.99" if example.probability >= 0.995 else f"{example.probability:.2f}"
    overlay.set_title(f"{verdict}, {sure}\n{label(classes[example.taken], 20)}", fontsize=9)
    picture.imshow(shown, interpolation="nearest")
    grey = np.repeat(shown.mean(axis=2, keepdims=True), 3, axis=2)
    overlay.imshow(0.75 * grey, interpolation="nearest")
    coloured = np.dstack([np.broadcast_to(_COLOUR, (*strength.shape, 3)), strength])
    overlay.imshow(coloured, interpolation="nearest")


def _legend(figure: Any, grid: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("saliency", [(0.25, 0.25, 0.25), _COLOUR])
    look = {"shrink": 0.7, "fraction": 0.03, "aspect": 14 * len(grid), "pad": 0.01}
    bar = figure.colorbar(ScalarMappable(cmap=colours), ax=grid, **look)
    bar.set_label("gradient, share of the image's largest", fontsize=9)
    bar.ax.tick_params(labelsize=8)
