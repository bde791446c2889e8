"""The page of a table: what `data inspect` found, with pictures, as Markdown or as one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator

from proofward.data.least_counts import LEAST, Count
from proofward.data.table_inspection import ColumnSummary, Finding, TableInspection
from proofward.report.figures.canvas import BLUE, GREY, label, new_figure, open_sides, png
from proofward.report.handover.two_forms import Table, html_page, plain

SHOWN_COLUMNS, ACROSS = 40, 5
CAUTION = (
    f"Counts and averages of {LEAST} rows and more only: quantiles are means of {LEAST} values, and smaller "
    "counts are not given. Nothing left this site. The page is for its own people: it describes its patients."
)

def tables(found: TableInspection) -> Iterator[Table]:
    """What the page says, in tables; those without a row are left out."""
    every = [
        Table(
            "Findings", ("kind", "columns", "what"), [(f.kind, _named(f), f.words) for f in found.findings]
        ),
        *_agreed(found),
        Table(
            f"Classes in {found.label}", ("class", "rows"), [(name, _words(n)) for name, n in found.classes]
        ),
        Table(
            "Columns",
            ("column", "type", "missing", "distinct", "low", "5 %", "median", "95 %", "high", "texts"),
            [_row(column) for column in found.columns],
        ),
    ]
    return (table for table in every if table.rows)


def _agreed(found: TableInspection) -> list[Table]:
    agreed = found.agreement
    if agreed is None:
        return []
    problems = [
        (column or "the table", what, _words(rows) if rows else "") for column, what, rows in agreed.problems
    ]
    for doubt in agreed.doubts:
        check, _, column = doubt.partition(": ")
        problems.append((column or "the table", f"doubtful: {check}", ""))
    clipped = [(name, _words(count)) for name, count in agreed.clipped]
    return [
        Table("By the consortium's file it would be refused for", ("column", "what", "rows"), problems),
        Table("Values clipped to the range of inputs", ("feature", "values"), clipped),
    ]


def _named(finding: Finding) -> str:
    return ", ".join(finding.columns) or "the table"


def _words(count: Count) -> str:
    return f"{count:,}" if isinstance(count, int) else count


def _row(column: ColumnSummary) -> tuple[str, ...]:
    spread = column.spread
    levels = ", ".join(f"{name} ({count})" for name, count in column.levels)
    if column.levels and column.others:
        levels += f" and {column.others} more"
    ends: tuple[str, ...] = ("",) * 5
    if spread is not None:
        middle = spread.quantiles
        ends = tuple(f"{value:g}" for value in (spread.low, middle[5], middle[50], middle[95], spread.high))
    return (column.name, column.type, _words(column.missing), f"{column.distinct:,}", *ends, levels)


def title(found: TableInspection, name: str) -> str:
    """The page's heading."""
    return f"{name}: {_words(found.rows)} rows, {len(found.columns)} columns"


def picture(found: TableInspection) -> bytes:
    """Histograms of the first columns of numbers, b"" of none; raises PicturesUnavailable."""
    columns = [column for column in found.columns if column.spread is not None and any(column.spread.bins)]
    if not columns:
        return b""
    columns = columns[:SHOWN_COLUMNS]
    down = -(-len(columns) // ACROSS)
    figure = new_figure(2.3 * ACROSS, 1.5 * down)
    places = figure.subplots(down, ACROSS, squeeze=False).reshape(-1)
    for axes, column in zip(places, columns, strict=False):
        spread = column.spread
        assert spread is not None
        width = (spread.high - spread.low) / len(spread.bins)
        middles = [spread.low + (at + 0.5) * width for at in range(len(spread.bins))]
        axes.bar(middles, spread.bins, width, color=BLUE, edgecolor="white", linewidth=0.5)
        axes.axvline(spread.quantiles[50], color=GREY, linestyle="--", linewidth=1)
        axes.set_title(label(column.name), fontsize=8)
        axes.tick_params(labelsize=6)
        axes.locator_params(nbins=4)
        open_sides(axes)
    for axes in places[len(columns) :]:
        axes.set_visible(False)
    return png(figure)


def _picture_words(found: TableInspection) -> str:
    more = sum(column.spread is not None for column in found.columns) - SHOWN_COLUMNS
    words = "Distributions of the columns of numbers between low and high; the dashed line is the median, "
    words += f"and bars of fewer than {LEAST} rows are left out."
    return f"{words} {more} more columns are in the table above only." if more > 0 else words


def markdown(found: TableInspection, name: str, image: str = "", missing: str = "") -> str:
    """image: name of the picture beside the page, "" for none; missing: why there is none."""
    lines = [f"# {plain(title(found, name))}", "", CAUTION, ""]
    for table in tables(found):
        lines += table.markdown()
    if image:
        lines += [_picture_words(found), "", f"![{_picture_words(found)}]({image})", ""]
    if missing:
        lines += [f"There is no picture: {missing}.", ""]
    return "\n".join(lines)


def page(found: TableInspection, name: str, image: bytes = b"", missing: str = "") -> str:
    """One HTML file, which asks for nothing from elsewhere."""
    parts = [f"<p>{CAUTION}</p>", *(table.html() for table in tables(found))]
    if image:
        words = html.escape(_picture_words(found))
        data = base64.b64encode(image).decode()
        parts.append(f"<h2>Distributions</h2><p>{words}</p>")
        parts.append(f'<img alt="{words}" src="data:image/png;base64,{data}">')
    if missing:
        parts.append(f"<p>There is no picture: {html.escape(missing)}.</p>")
    return html_page(title(found, name), "".join(parts))
