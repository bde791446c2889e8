"""Pictures beside what an attack made of them, and a chart of membership, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from privacy_attacks.federation import Real
from proofward.report.figures.canvas import COLOURS, GREY, new_figure, open_sides, png

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


def membership_chart(path: Path, lines: Sequence[dict[str, object]]) -> None:
    """Writes the AUC of M5 after all rounds, by the number of hospitals in a sum and by the rules."""
    rules = list(dict.fromkeys(str(line["rules"]) for line in lines))
    counts = list(dict.fromkeys(str(line["sees"]).split(",")[0] for line in lines))
    figure = new_figure(7, 3)
    axes, width = figure.subplots(), 0.8 / len(rules)
    for number, name in enumerate(rules):
        heights = [float(str(line["auc"])) - 0.5 for line in lines if line["rules"] == name]
        colour = GREY if number == 0 else COLOURS[(number - 1) % len(COLOURS)]
        places = np.arange(len(heights)) + (number - (len(rules) - 1) / 2) * width
        axes.bar(places, heights, width, bottom=0.5, color=colour, label=name)
    axes.axhline(0.5, color="black", linewidth=0.8)
    axes.set(xticks=range(len(counts)), xticklabels=counts, ylim=(0.4, 1), ylabel="AUC; 0.5 is a guess")
    axes.legend(fontsize=8, frameon=False, ncols=2)
    open_sides(axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))
