"""Matplotlib, where it is installed: figures without a window, colours for colour-blind people too."""

from __future__ import annotations

from io import BytesIO
from typing import Any

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "0.55"
"""Of Okabe and Ito's palette. Lines differ in their dashes and markers as well."""
DASHES = ("-", "--", ":", "-.")
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_LONGEST = 22
_TRIMMED = {"bbox_inches": "tight", "pad_inches": 0.08}


class PicturesUnavailable(Exception):
    """The optional dependency is not installed."""


def new_figure(width: float, height: float) -> Any:
    """An empty figure in inches; raises PicturesUnavailable."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PicturesUnavailable("pictures need matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: Any) -> bytes:
    """The figure as a PNG file, the same bytes for the same figure."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None}, **_TRIMMED)
    return file.getvalue()


def svg(figure: Any) -> bytes:
    """The figure as an SVG file that needs no font, the same bytes for the same figure."""
    from matplotlib import rc_context

    file = BytesIO()
    with rc_context({"svg.hashsalt": "proofward", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, **_TRIMMED)
    return file.getvalue()


def label(text: str, longest: int = _LONGEST) -> str:
    """A name in a picture: not too long, and no formula whatever is in it."""
    short = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return short.replace("$", r"\$")


def open_sides(axes: Any) -> None:
    """Leaves out the frame above and on the right."""
    axes.spines[["top", "right"]].set_visible(False)
