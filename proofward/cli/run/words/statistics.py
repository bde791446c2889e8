"""Statistics of a consortium's columns: as lines for people, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.report.statistics import ColumnStatistics, Moments, Numbers, Quantile, Statistics
from proofward.report.statistics_source import Summed

SHOWN = (5, 50, 95)


def statistics_lines(found: Statistics) -> Iterator[str]:
    """A line or more for each column."""
    yield f"{found.rows:,} rows in all tables together"
    if (least := found.layout.least_count) > 1:
        words = f"a hospital withholds counts below {least}: they are in totals, and in no interval, level"
        yield f"{words} or class"
    for own in found.columns:
        yield _head(own)
        if own.moments is not None:
            yield f"  {_moments(own.moments, own.present)}"
        if own.numbers is not None and own.numbers.quantiles:
            yield f"  {_numbers(own.numbers)}"
        if own.levels is not None:
            levels = [f"{name} {count:,}" for name, count in own.levels.items()]
            levels += [f"withheld {own.rare:,}"] if own.rare else []
            yield f"  {', '.join(levels)}"


def hospital_lines(summed: Summed) -> list[str]:
    """Whose counts are in the sums; where they differ, of each."""
    if summed.alike:
        return [f"hospitals in the sums: {', '.join(summed.in_all)}"]
    lines = [f"hospitals in the {step}: {', '.join(names)}" for step, names in summed.hospitals.items()]
    return [*lines, "the sums are of different hospitals: together they tell more of who is in one only"]


def _head(own: ColumnStatistics) -> str:
    unit = f" ({own.unit})" if own.unit else ""
    words = [f"{own.present:,} values"]
    for what, count in (("missing", own.missing), ("not as agreed", own.unknown)):
        words += [f"{count:,} {what}"] if count else []
    words += [f"{own.withheld:,} missing or not as agreed, withheld"] if own.withheld else []
    return f"{own.name}{unit}, {own.kind}: {', '.join(words)}"


def _moments(moments: Moments, present: int) -> str:
    exact = f", each off by at most {moments.precision:.2g}" if moments.precision else ", exact"
    others = present - moments.counted
    without = f"; without {others:,} values of hospitals that have few" if others else ""
    constant = "; all values are the same" if moments.spread == 0 else ""
    return f"centre {moments.centre:.7g}, spread {moments.spread:.7g}{exact}{without}{constant}"


def _numbers(numbers: Numbers) -> str:
    quantiles = [f"{percent} % {_quantile(numbers.quantiles[percent])}" for percent in SHOWN]
    low, high = numbers.range.low, numbers.range.high
    words = f"{', '.join(quantiles)}; {len(numbers.bins)} intervals from {low:g} to {high:g}"
    for what, count in (("below", numbers.below), ("above", numbers.above), ("withheld", numbers.hidden)):
        words += f", {count:,} {what}" if count else ""
    return words


def _quantile(own: Quantile) -> str:
    low = "anything" if own.low is None else f"{own.low:.4g}"
    high = "anything" if own.high is None else f"{own.high:.4g}"
    return f"{own.value:.4g} ({low} to {high})"


def plain_statistics(found: Statistics) -> dict[str, object]:
    """For JSON."""
    return {
        "rows": found.rows,
        "least_count": found.layout.least_count,
        "layout": found.layout.digest.hex(),
        "columns": [_plain(own) for own in found.columns],
    }


def _plain(own: ColumnStatistics) -> dict[str, object]:
    plain: dict[str, object] = {
        "name": own.name, "kind": own.kind, "unit": own.unit, "values": own.present,
        "missing": own.missing, "not_as_agreed": own.unknown, "withheld": own.withheld,
    }  # fmt: skip
    if own.moments is not None:
        moments = own.moments
        plain |= {"counted": moments.counted, "centre": moments.centre, "spread": moments.spread}
        plain["precision"] = moments.precision
    if own.numbers is not None:
        numbers = own.numbers
        plain["histogram"] = {
            "low": numbers.range.low, "high": numbers.range.high, "below": numbers.below,
            "bins": list(numbers.bins), "above": numbers.above, "withheld": numbers.hidden,
        }  # fmt: skip
        plain["quantiles"] = {
            str(percent): {"value": q.value, "low": q.low, "high": q.high}
            for percent, q in numbers.quantiles.items()
        }
    if own.levels is not None:
        plain["levels"] = dict(own.levels)
        plain["levels_withheld"] = own.rare
    return plain
