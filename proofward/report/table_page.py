"""The page of a table: what `data inspect` found, with pictures, as Markdown or as one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator

from proofward.data.inspection.least_counts import LEAST, Count
from proofward.data.inspection.table_inspection import ColumnSummary, Finding, TableInspection
from proofward.report.handover.models.two_forms import Table, html_page, plain
from proofward.report.table_picture import picture_words

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


def markdown(found: TableInspection, name: str, image: str = "", missing: str = "") -> str:
    """image: name of the picture beside the page, "" for none; missing: why there is none."""
    lines = [f"# {plain(title(found, name))}", "", CAUTION, ""]
    for table in tables(found):
        lines += table.markdown()
    if image:
        lines += [picture_words(found), "", f"![{picture_words(found)}]({image})", ""]
    if missing:
        lines += [f"There is no picture: {missing}.", ""]
    return "\n".join(lines)


def page(found: TableInspection, name: str, image: bytes = b"", missing: str = "") -> str:
    """One HTML file, which asks for nothing from elsewhere."""
    parts = [f"<p>{CAUTION}</p>", *(table.html() for table in tables(found))]
    if image:
        words = html.escape(picture_words(found))
        data = base64.b64encode(image).decode()
        parts.append(f"<h2>Distributions</h2><p>{words}</p>")
        parts.append(f'<img alt="{words}" src="data:image/png;base64,{data}">')
    if missing:
        parts.append(f"<p>There is no picture: {html.escape(missing)}.</p>")
    return html_page(title(found, name), "".join(parts))
