"""The picture of a table: classes, missing cells and the distribution of each column, a panel each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from proofward.data.inspection.least_counts import LEAST
from proofward.data.inspection.table_inspection import ColumnSummary, TableInspection
from proofward.report.figures.canvas import BLUE, GREY, ORANGE, label, new_figure, open_sides, png

SHOWN_COLUMNS, SHOWN_BARS, ACROSS = 40, 8, 5
Panel = Callable[[Any], None]


def picture(found: TableInspection) -> bytes:
    """b"" where there is nothing to draw; raises PicturesUnavailable."""
    panels = list(_panels(found))
    if not panels:
        return b""
    down = -(-len(panels) // ACROSS)
    figure = new_figure(2.3 * ACROSS, 1.5 * down)
    places = figure.subplots(down, ACROSS, squeeze=False).reshape(-1)
    for axes, (title, draw) in zip(places, panels, strict=False):
        draw(axes)
        axes.set_title(label(title), fontsize=8)
        axes.tick_params(labelsize=6)
        open_sides(axes)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    return png(figure)


def picture_words(found: TableInspection) -> str:
    """What the picture shows, for those who do not see it, too."""
    more = len(_drawn(found)) - SHOWN_COLUMNS
    words = "Rows of each class, missing cells by column, and the distributions of the columns: of numbers "
    words += (
        "between low and high, where the dashed line is the median, of texts by text. Bars of fewer than "
    )
    words += f"than {LEAST} rows are left out."
    return f"{words} {more} more columns are in the table above only." if more > 0 else words


def _drawn(found: TableInspection) -> list[ColumnSummary]:
    """Columns of which a distribution can be drawn."""
    every = [entry for entry in found.columns if entry.name != found.label or not found.classes]
    return [entry for entry in every if entry.levels or (entry.spread and any(entry.spread.bins))]


def _panels(found: TableInspection) -> Iterator[tuple[str, Panel]]:
    classes = {name: count for name, count in found.classes if isinstance(count, int)}
    if classes:
        yield f"classes in {found.label}", _bars(classes, ORANGE)
    missing = {entry.name: entry.missing for entry in found.columns if isinstance(entry.missing, int)}
    largest = sorted((name for name in missing if missing[name]), key=lambda name: -missing[name])
    if largest:
        yield "missing cells", _bars({name: missing[name] for name in largest}, GREY)
    for column in _drawn(found)[:SHOWN_COLUMNS]:
        yield column.name, _bars(dict(column.levels), BLUE) if column.levels else _histogram(column)


def _bars(counts: Mapping[str, int], colour: str) -> Panel:
    """The first of them, from above."""
    shown = dict(list(counts.items())[:SHOWN_BARS])

    def draw(axes: Any) -> None:
        places = range(len(shown))
        axes.barh(places, list(shown.values()), color=colour)
        axes.set_yticks(places, [label(name, 12) for name in shown])
        axes.invert_yaxis()
        axes.locator_params(axis="x", nbins=4)

    return draw


def _histogram(column: ColumnSummary) -> Panel:
    spread = column.spread
    assert spread is not None
    low, high, bins, median = spread.low, spread.high, spread.bins, spread.quantiles[50]
    width = (high - low) / len(bins)

    def draw(axes: Any) -> None:
        middles = [low + (at + 0.5) * width for at in range(len(bins))]
        axes.bar(middles, bins, width, color=BLUE, edgecolor="white", linewidth=0.5)
        axes.axvline(median, color=GREY, linestyle="--", linewidth=1)
        axes.locator_params(nbins=4)

    return draw
