"""Plot of held-out AUC by round, the federation's beside the baselines'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofward.report.comparing.comparison import ALONE, CENTRALISED, FEDERATED, PROOFWARD, MethodScores
from proofward.report.figures.canvas import BLUE, GREEN, ORANGE, new_figure, open_sides, png

STYLES: dict[str, dict[str, Any]] = {
    PROOFWARD: {"color": BLUE, "linewidth": 2.5, "zorder": 4},
    FEDERATED: {"color": ORANGE, "linewidth": 1.5, "linestyle": "--", "zorder": 5},
    CENTRALISED: {"color": GREEN, "linewidth": 1.5, "linestyle": ":", "zorder": 3},
}


def plot_auc(found: Mapping[str, MethodScores], path: Path) -> None:
    """Writes a PNG; raises PicturesUnavailable."""
    figure = new_figure(7, 4.2)
    axes = figure.add_subplot()
    alone_label: str | None = "a hospital alone"
    for name, entry in found.items():
        rounds = range(1, len(entry.auc) + 1)
        if name.startswith(f"{ALONE}: "):
            axes.plot(rounds, entry.auc, color="0.75", linewidth=1, label=alone_label)
            alone_label = None
        else:
            axes.plot(rounds, entry.auc, label=name, **STYLES[name])
    axes.set_xlabel("round")
    axes.set_ylabel("AUC on held-out records")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    open_sides(axes)
    path.write_bytes(png(figure))
