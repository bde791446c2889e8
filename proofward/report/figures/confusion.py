"""The confusion table: of the records of each class, how many were taken for each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proofward.layers.rules.model import Int64Array
from proofward.report.figures.canvas import label, new_figure, png

Table = tuple[tuple[int, ...], ...]
MOST_WRITTEN = 16
"""Classes up to which the counts are written into the picture."""


def confusion(labels: Int64Array, taken: Int64Array, classes: int) -> Table:
    """Counts, a row for each class that records have, a column for each that they are taken for."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, taken), 1)
    return tuple(map(tuple, counts.tolist()))


def accuracy(table: Table) -> float:
    """Share of the records that are taken for what they are."""
    return sum(row[index] for index, row in enumerate(table)) / sum(map(sum, table))


def draw_confusion(
    table: Table, classes: Sequence[str], rows: str, title: str = "Confusion after the last round"
) -> bytes:
    """A PNG of the counts and their shares of a row; raises PicturesUnavailable."""
    count = len(table)
    side = 3.2 + 0.62 * min(count, MOST_WRITTEN)
    names = [label(name) for name in classes]
    longest = max(map(len, names))
    turned = {"rotation": 45, "ha": "right"} if count > 3 or longest > 12 else {}
    figure = new_figure(side + 1.4 + 0.06 * longest, side + (0.05 * longest if turned else 0))
    axes = figure.add_subplot()
    counts = np.array(table)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    few = count <= 6
    axes.set_xticks(range(count), names, **turned)
    axes.set_yticks(range(count), names)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    axes.set_title(f"{title}\n{rows}", fontsize=11)
    for row, column in np.ndindex(count, count) if count <= MOST_WRITTEN else ():
        words, share = f"{counts[row, column]:,}", shares[row, column]
        words = f"{words}\n{share:.0%}" if few else words
        colour = "white" if share > 0.55 else "black"
        axes.text(column, row, words, ha="center", va="center", color=colour, fontsize=12 if few else 10)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=lambda share, _: f"{share:.0%}")
    bar.set_label("share of what is of the class")
    return png(figure)
