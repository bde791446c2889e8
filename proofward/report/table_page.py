"""The page of a table: what `data inspect` found, with pictures, as Markdown or as one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proofward.data.least_counts import LEAST, Count
from proofward.data.table_inspection import ColumnSummary, Finding, TableInspection
from proofward.report.table_picture import picture_words

CAUTION = (
    f"Counts and averages of {LEAST} rows and more only: quantiles are means of {LEAST} values, and smaller "
    "counts are not given. Nothing left this site. The page is for its own people: it describes its patients."
)
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;
color:#111;background:#fff}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{border:1px solid #bbb;padding:.25rem .5rem;text-align:left}
td.n{text-align:right}img{max-width:100%}.scroll{overflow-x:auto}@media print{body{max-width:none}}"""


@dataclass(frozen=True)
class Table:
    """A heading, titles and rows of words."""

    heading: str
    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


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
    lines = [f"# {_plain(title(found, name))}", "", CAUTION, ""]
    for table in tables(found):
        lines += [f"## {_plain(table.heading)}", "", _line(table.titles), _line(["---"] * len(table.titles))]
        lines += [*(_line([_plain(cell) for cell in row]) for row in table.rows), ""]
    if image:
        lines += [picture_words(found), "", f"![{picture_words(found)}]({image})", ""]
    if missing:
        lines += [f"There is no picture: {missing}.", ""]
    return "\n".join(lines)


def page(found: TableInspection, name: str, image: bytes = b"", missing: str = "") -> str:
    """One HTML file, which asks for nothing from elsewhere."""
    heading = html.escape(title(found, name))
    parts = [f"<h1>{heading}</h1>", f"<p>{CAUTION}</p>"]
    for table in tables(found):
        parts.append(
            f'<h2>{html.escape(table.heading)}</h2><div class="scroll" tabindex="0"><table><thead><tr>'
        )
        parts += [f'<th scope="col">{html.escape(cell)}</th>' for cell in table.titles]
        parts.append("</tr></thead><tbody>")
        for row in table.rows:
            parts.append("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>")
        parts.append("</tbody></table></div>")
    if image:
        words = html.escape(picture_words(found))
        data = base64.b64encode(image).decode()
        parts.append(f"<h2>Distributions</h2><p>{words}</p>")
        parts.append(f'<img alt="{words}" src="data:image/png;base64,{data}">')
    if missing:
        parts.append(f"<p>There is no picture: {html.escape(missing)}.</p>")
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{heading}</title>'
    )
    body = "".join(parts)
    start = f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head>'
    return f"{start}<body><main>{body}</main></body></html>\n"


def _cell(cell: str) -> str:
    number = cell.replace(",", "").replace(".", "").removeprefix("-").isdigit()
    return f"<td{' class=n' if number else ''}>{html.escape(cell)}</td>"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{mark}" if mark in "\\`*_[]<>|#!" else mark for mark in text)
