"""A chart, and the page of several: every one as PNG and SVG, with its numbers as JSON and as a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofward.ledger.files import make_directory
from proofward.report.figures.canvas import PicturesUnavailable, png, svg
from proofward.report.handover.models.model_files import write_files
from proofward.report.handover.models.two_forms import plain

PAGE_NAME = "charts.md"


@dataclass(frozen=True)
class Chart:
    """name: of its files, without an ending. words: what it shows and how that was measured, in sentences.

    numbers: plain values for JSON. table: a head and rows, the first column of words or whole numbers.
    figure: makes the picture; raises PicturesUnavailable.
    """

    name: str
    title: str
    words: str
    numbers: Mapping[str, object]
    table: Sequence[Sequence[str]]
    figure: Callable[[], Any]


def write_charts(folder: Path, title: str, charts: Sequence[Chart]) -> str:
    """Writes page, numbers and pictures; why there are no pictures, "" where there are."""
    files = {f"{chart.name}.json": (json.dumps(chart.numbers, indent=1) + "\n").encode() for chart in charts}
    missing = ""
    try:
        for chart in charts:
            figure = chart.figure()
            files |= {f"{chart.name}.png": png(figure), f"{chart.name}.svg": svg(figure)}
    except PicturesUnavailable as error:
        missing = str(error)
    files[PAGE_NAME] = ("\n".join(_lines(title, charts, missing)) + "\n").encode()
    make_directory(folder)
    write_files(folder, files)
    return missing


def _lines(title: str, charts: Sequence[Chart], missing: str) -> Iterator[str]:
    yield f"# {plain(title)}"
    if missing:
        yield from ("", f"There are no pictures: {missing}.")
    for chart in charts:
        yield from ("", f"## {chart.title}", "")
        if not missing:
            yield from (f"![{chart.title}]({chart.name}.png)", "")
        head, *rows = chart.table
        yield from (chart.words, "", f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}")
        yield from (f"| {' | '.join(row)} |" for row in rows)
        drawn = "" if missing else f"[SVG]({chart.name}.svg), [PNG]({chart.name}.png), "
        yield from ("", f"{drawn}[numbers]({chart.name}.json)")
