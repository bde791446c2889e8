"""Small line charts as SVG, drawn here: no library, no font file, words that a screen reader reads."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

COLOURS, DASHES = ("#0B4F8A", "#B34700", "#0B5D2E", "#7A2E6B"), ("", "7 4", "2 3", "9 3 2 3")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420.0, 240.0, 58.0, 12.0, 14.0, 40.0
_ROW = 16.0
MOST_POINTS, MOST_LINES = 400, 4


@dataclass(frozen=True)
class Line:
    """Named values by round, from `first` on, or at the `places`."""

    name: str
    values: Sequence[float]
    first: int = 1
    places: Sequence[float] = ()

    @property
    def along(self) -> Sequence[float]:
        """Where the values are, from left to right."""
        return self.places or range(self.first, self.first + len(self.values))


def chart(
    key: str, title: str, lines: Sequence[Line], unit: str, *, zero: bool = True, across: str = "round"
) -> str:
    """An SVG of lines over rounds, or over what `across` says. zero: whether the axis begins there."""
    values = [value for line in lines for value in line.values]
    low, high = (0.0 if zero else min(values)), max(values)
    if high == low:
        low, high = (low - 0.5, high + 0.5) if low else (0.0, high or 1.0)
    start = int(min(line.along[0] for line in lines))
    end = max(start + 1, int(max(line.along[-1] for line in lines)))

    def along(number: float) -> float:
        return _LEFT + (number - start) / (end - start) * (_WIDTH - _LEFT - _RIGHT)

    top = _TOP + _ROW * -(-min(len(lines), MOST_LINES) // 2) * (len(lines) > 1)

    def up(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - top - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-labelledby="{key}-title {key}-words" font-family="sans-serif" font-size="12" fill="#1a1d21">',
        f'<title id="{key}-title">{html.escape(title)}</title>',
        f'<desc id="{key}-words">{html.escape(in_words(lines, unit, across))}</desc>',
    ]
    for value in _ticks(low, high):
        parts.append(
            f'<path d="M{_LEFT:g} {up(value):.1f}H{_WIDTH - _RIGHT:g}" stroke="#d4d9de" fill="none"/>'
            f'<text x="{_LEFT - 6:g}" y="{up(value) + 4:.1f}" text-anchor="end">{_number(value)}</text>'
        )
    for number in sorted({start, (start + end) // 2, end}):
        place = f'x="{along(number):.1f}" y="{_HEIGHT - _BOTTOM + 17:g}"'
        parts.append(f'<text {place} text-anchor="middle">{number}</text>')
    parts.append(f'<text x="{_WIDTH / 2:g}" y="{_HEIGHT - 6:g}" text-anchor="middle">{across}</text>')
    for index, line in enumerate(lines[:MOST_LINES]):
        step = -(-len(line.values) // MOST_POINTS)
        points = [
            f"{along(place):.1f} {up(value):.1f}"
            for at, (place, value) in enumerate(zip(line.along, line.values, strict=True))
            if at % step == 0 or at == len(line.values) - 1
        ]
        colour, dash = COLOURS[index], DASHES[index]
        parts.append(
            f'<path d="M{"L".join(points)}" stroke="{colour}" stroke-width="2" fill="none" '
            f'stroke-dasharray="{dash or "none"}"/>'
        )
        if len(points) <= 40:
            centres = (point.split() for point in points)
            parts += [f'<circle cx="{x}" cy="{y}" r="2.6" fill="{colour}"/>' for x, y in centres]
    return "".join(parts) + _legend(lines) + "</svg>"


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, three to six of them."""
    whole = (high - low) / 5
    unit: float = 10.0 ** math.floor(math.log10(whole))
    step = next(unit * many for many in (1, 2, 5, 10) if unit * many >= whole * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _legend(lines: Sequence[Line]) -> str:
    if len(lines) == 1:
        return ""
    parts = []
    for index, line in enumerate(lines[:MOST_LINES]):
        x, y = _LEFT + 180 * (index % 2), _TOP + _ROW * (index // 2)
        name = line.name if len(line.name) <= 20 else f"{line.name[:19]}…"
        parts.append(
            f'<path d="M{x:g} {y:g}h26" stroke="{COLOURS[index]}" stroke-width="2" '
            f'stroke-dasharray="{DASHES[index] or "none"}"/>'
            f'<text x="{x + 32:g}" y="{y + 4:g}">{html.escape(name)}</text>'
        )
    return "".join(parts)


def in_words(lines: Sequence[Line], unit: str, across: str = "round") -> str:
    """First and last value of each line."""
    told = [f"{line.name}: {_end(line, 0, across)}, {_end(line, -1, across)}" for line in lines]
    return f"{'; '.join(told)} ({unit})."


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def _end(line: Line, which: int, across: str) -> str:
    """A value of a line and where it is."""
    value, place = _number(line.values[which]), _number(line.along[which])
    return f"{value} at {place} {across}" if line.places else f"{value} in {across} {place}"
