"""Line charts as SVG, made here: no script, no style attribute, colours from the page's style sheet.

Lines differ in dashes and markers as well as in colour. A chart is a picture with a name and a description;
the page shows its numbers as a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 330, 215
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 12, 40
MOST_LINES, MOST_POINTS, MARKED = 6, 400, 40
"""Of more points than MOST_POINTS some are left out of the picture; of more than MARKED none has a marker."""


@dataclass(frozen=True)
class Series:
    """A line: (x, y) by ascending x."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Chart:
    """series: at least one, each with a point at least. note: what the figures are of.

    whole: y has whole numbers alone. fraction: x is a share, and no number of something.
    """

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    note: str = ""
    from_zero: bool = False
    whole: bool = False
    fraction: bool = False

    @property
    def described(self) -> str:
        """What a reader who does not see the picture is told."""
        parts = [
            f"{line.name}: from {_number(line.points[0][1])} to {_number(line.points[-1][1])}"
            for line in self.series[:MOST_LINES]
        ]
        return f"{self.title}, by {self.x}. {'; '.join(parts)}."

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Its numbers: the names of the columns, and the rows."""
        xs = sorted({x for line in self.series for x, _ in line.points})
        columns = [dict(line.points) for line in self.series]
        rows = [[_number(x), *(_number(own[x]) if x in own else "" for own in columns)] for x in xs]
        return [self.x, *(line.name for line in self.series)], rows

    def svg(self) -> str:
        """The picture."""
        return "".join(_drawn(self))


def _ticks(low: float, high: float, whole: bool, most: int = 5) -> list[float]:
    """Round numbers that span a range."""
    if high <= low:
        high = low + 1
    step = 10 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 2.5, 5, 10):
        width = factor * step
        if whole and (width < 1 or width != int(width)):
            continue
        if (high - low) / width <= most:
            break
    first = math.floor(low / width + 1e-9)
    last = math.ceil(high / width - 1e-9)
    return [number * width for number in range(first, last + 1)]


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    if len(points) <= MOST_POINTS:
        return points
    every = -(-len(points) // MOST_POINTS)
    return [*points[:-1:every], points[-1]]


def _drawn(chart: Chart) -> Iterator[str]:
    lines = chart.series[:MOST_LINES]
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    across = _ticks(min(xs), max(xs), whole=not chart.fraction)
    up = _ticks(0 if chart.from_zero else min(ys), max(ys), chart.whole)
    right, low, high = max(max(xs), min(xs) + 1), up[0], up[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        left = LEFT + (x - min(xs)) / (right - min(xs)) * (WIDTH - LEFT - RIGHT)
        return round(left, 1), round(HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    name = escape(chart.described)
    yield f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">'
    for value in up:
        _, y = place(min(xs), value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield _text("tick", f'x="{LEFT - 6}" y="{y + 4}"', _number(value), "end")
    for value in across:
        if min(xs) <= value <= right:
            x, _ = place(value, low)
            yield _text("tick", f'x="{x}" y="{HEIGHT - BOTTOM + 15}"', _number(value))
    yield _text("axis", f'x="{(WIDTH + LEFT) // 2}" y="{HEIGHT - 5}"', chart.x)
    yield _text("axis", f'transform="translate(12 {(HEIGHT - BOTTOM) // 2}) rotate(-90)"', chart.y)
    for number, line in enumerate(lines):
        spots = [place(x, y) for x, y in _thinned(line.points)]
        yield f'<polyline class="line s{number}" points="{" ".join(f"{x},{y}" for x, y in spots)}"/>'
        if len(spots) <= MARKED:
            yield from (marker(number, x, y) for x, y in spots)
    yield "</svg>"


def _text(kind: str, where: str, words: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" {where} text-anchor="{anchor}">{escape(words)}</text>'


def marker(number: int, x: float, y: float) -> str:
    """The mark of a line's points."""
    if number % 3 == 0:
        return f'<circle class="mark s{number}" cx="{x}" cy="{y}" r="3"/>'
    if number % 3 == 1:
        return f'<rect class="mark s{number}" x="{x - 2.8:.1f}" y="{y - 2.8:.1f}" width="5.6" height="5.6"/>'
    return f'<path class="mark s{number}" d="M{x} {y - 3.6:.1f}l3.6 6.2h-7.2z"/>'


def legend(number: int) -> str:
    """A piece of a line with its mark, for the words beside it."""
    line = f'<line class="line s{number}" x1="1" x2="29" y1="6" y2="6"/>'
    shown = 'viewBox="0 0 30 12" aria-hidden="true" focusable="false"'
    return f'<svg class="key" {shown}>{line}{marker(number, 15, 6)}</svg>'
