"""A page of tables and paragraphs, as Markdown and as one HTML file that asks for nothing from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;
color:#111;background:#fff}h1,h2,p{overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{border:1px solid #bbb;padding:.25rem .5rem;text-align:left}
td.n{text-align:right}figure{margin:1rem 0}
figure img{width:34rem}img{max-width:100%;height:auto}.scroll{overflow-x:auto}
@media print{body{max-width:none}}"""


@dataclass(frozen=True)
class Table:
    """A heading, titles and rows of words."""

    heading: str
    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> list[str]:
        """Its lines."""
        lines = [f"## {plain(self.heading)}", "", _line(self.titles), _line(["---"] * len(self.titles))]
        return [*lines, *(_line([plain(cell) for cell in row]) for row in self.rows), ""]

    def html(self) -> str:
        """Its elements."""
        heading = f'<h2>{html.escape(self.heading)}</h2><div class="scroll" tabindex="0">'
        titles = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in self.titles)
        rows = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in self.rows)
        return f"{heading}<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>"


@dataclass(frozen=True)
class Words:
    """A heading with paragraphs, and with lines of code below them."""

    heading: str
    paragraphs: Sequence[str]
    code: str = ""

    def markdown(self) -> list[str]:
        """Its lines."""
        lines = [f"## {plain(self.heading)}", ""]
        for paragraph in self.paragraphs:
            lines += [plain(paragraph), ""]
        return [*lines, *(["```", self.code, "```", ""] if self.code else [])]

    def html(self) -> str:
        """Its elements."""
        found = f"<h2>{html.escape(self.heading)}</h2>"
        found += "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in self.paragraphs)
        code = f'<pre class="scroll" tabindex="0"><code>{html.escape(self.code)}</code></pre>'
        return found + (code if self.code else "")


@dataclass(frozen=True)
class Pictures:
    """PNG files by what they show; a page in Markdown has none."""

    drawn: Mapping[str, bytes]

    def markdown(self) -> list[str]:
        """Nothing."""
        return []

    def html(self) -> str:
        """Its elements, which hold the files."""
        return "".join(map(_figure, self.drawn, self.drawn.values()))


Part = Table | Words | Pictures


def markdown_page(heading: str, parts: Sequence[Part]) -> str:
    """The page as Markdown."""
    return "\n".join(_lines(heading, parts))


def _lines(heading: str, parts: Sequence[Part]) -> Iterator[str]:
    yield from (f"# {plain(heading)}", "")
    for part in parts:
        yield from part.markdown()


def html_page(heading: str, body: str) -> str:
    """The page around its elements; the heading is its title too."""
    escaped = html.escape(heading)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{escaped}</title><style>{_STYLE}</style>"
    start = f'<!doctype html><html lang="en"><head>{head}</head>'
    return f"{start}<body><main><h1>{escaped}</h1>{body}</main></body></html>\n"


def plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{mark}" if mark in "\\`*_[]<>|#!" else mark for mark in text)


def _figure(words: str, data: bytes) -> str:
    said = html.escape(words)
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return f'<figure><img alt="{said}" src="{source}"><figcaption>{said}</figcaption></figure>'


def _cell(cell: str) -> str:
    number = cell.replace(",", "").replace(".", "").removeprefix("-").isdigit()
    return f"<td{' class=n' if number else ''}>{html.escape(cell)}</td>"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
