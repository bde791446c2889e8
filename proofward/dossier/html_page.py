"""A paper as one HTML file: no script, no request, every text from outside escaped."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

from proofward.dossier.parts.paper import (
    Basis,
    Block,
    Cell,
    Fact,
    Facts,
    Grid,
    Listing,
    Mark,
    Paper,
    Picture,
    Section,
    Words,
    cell_text,
    plain,
)

STYLE_FILE = Path(__file__).with_name("paper.css")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_CLASS = {
    Basis.CHECKED: "checked",
    Basis.SIGNED: "signed",
    Basis.NO_EVIDENCE: "noevidence",
    Basis.MISSING: "missing",
    Basis.SAID: "said",
}


def html_page(paper: Paper) -> str:
    """The file's text."""
    title = _text(paper.title)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{STYLE_FILE.read_text()}</style></head><body>",
        f'<header><p class="kind">Report on a federation</p><h1 dir="auto">{title}</h1>',
        f"<p>{_text(paper.made)}</p></header>",
        _contents(paper),
        "<main>",
        *(_verdict(sentence, good) for sentence, good in paper.sentences),
    ]
    for section in paper.sections:
        parts += _section(section)
    return "".join(parts) + "</main></body></html>\n"


def _contents(paper: Paper) -> str:
    lines = "".join(
        f'<li><a href="#{section.key}">{_text(section.title)}</a></li>' for section in paper.sections
    )
    return f'<nav aria-label="Contents"><h2>Contents</h2><ol>{lines}</ol></nav>'


def _verdict(sentence: str, good: bool | None) -> str:
    tone = {True: "good", False: "bad", None: "weak"}[good]
    return f'<p class="verdict {tone}">{_text(sentence)}</p>'


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.key}" aria-labelledby="{section.key}-title">'
    yield f'<h2 id="{section.key}-title">{_text(section.title)}</h2>'
    for block in section.blocks:
        yield _block(block)
    yield "</section>"


def _block(block: Block) -> str:
    if isinstance(block, Facts):
        return _facts(block)
    if isinstance(block, Grid):
        return _grid(block)
    if isinstance(block, Listing):
        return "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in block.sentences) + "</ul>"
    if isinstance(block, Picture):
        caption = f"{_text(block.caption)} {_badge(block.basis)}"
        return f"<figure>{block.svg}<figcaption>{caption}</figcaption></figure>"
    assert isinstance(block, Words)
    return "".join(f'<p class="{block.tone or "plain"}">{_text(line)}</p>' for line in block.paragraphs)


def _facts(block: Facts) -> str:
    common = block.basis
    rows = "".join(_fact(row, common) for row in block.rows)
    caption = f"{_text(block.caption)} {_badge(common)}"
    return f'<table class="facts"><caption>{caption}</caption><tbody>{rows}</tbody></table>'


def _fact(row: Fact, common: Basis) -> str:
    lines = "<br>".join(f'<span dir="auto">{_text(line)}</span>' for line in row.lines)
    if row.basis is Basis.MISSING:
        lines = f"<em>{lines}</em>"
    where = f' <span class="where">{_text(row.where)}</span>' if row.where else ""
    badge = "" if row.basis is common else _badge(row.basis)
    return f'<tr><th scope="row">{_text(row.term)}</th><td>{lines} {badge}{where}</td></tr>'


def _badge(basis: Basis) -> str:
    if basis in (Basis.MISSING, Basis.SAID):
        return ""
    return f'<span class="badge {_CLASS[basis]}">{basis.value}</span>'


def _grid(block: Grid) -> str:
    head = "".join(f'<th scope="col">{_text(title)}</th>' for title in block.titles)
    rows = "".join(f"<tr>{_row(row)}</tr>" for row in block.rows)
    caption = f"{_text(block.caption)} {_badge(block.basis)}"
    note = f'<p class="note">{_text(block.note)}</p>' if block.note else ""
    label = html.escape(plain(block.caption), quote=True)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table class="grid">'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}"
    )


def _row(row: tuple[Cell, ...]) -> str:
    first = f'<th scope="row" dir="auto">{_text(cell_text(row[0]))}</th>'
    return first + "".join(_cell(cell) for cell in row[1:])


def _cell(cell: Cell) -> str:
    mark = cell if isinstance(cell, Mark) else Mark(cell)
    words = _text(mark.text)
    words = f"<code>{words}</code>" if mark.code else words
    tone = f' class="{mark.tone}"' if mark.tone else ""
    return f'<td{tone} dir="auto">{words}</td>'


def _text(text: str) -> str:
    return html.escape(plain(text), quote=True)
