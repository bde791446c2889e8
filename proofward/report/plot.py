"""Plot of held-out AUC by round, the federation's beside the baselines'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofward.report.comparison import ALONE, CENTRALISED, FEDERATED, PROOFWARD, MethodScores

STYLES: dict[str, dict[str, Any]] = {
    PROOFWARD: {"color": "tab:blue", "linewidth": 2.5, "zorder": 4},
    FEDERATED: {"color": "tab:orange", "linewidth": 1.5, "linestyle": "--", "zorder": 5},
    CENTRALISED: {"color": "tab:green", "linewidth": 1.5, "linestyle": ":", "zorder": 3},
}


class PlotUnavailable(Exception):
    """The optional dependency is not installed."""


def plot_auc(found: Mapping[str, MethodScores], path: Path) -> None:
    """Writes a PNG; raises PlotUnavailable."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise PlotUnavailable("the plot needs matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
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
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150, metadata={"Software": None})
