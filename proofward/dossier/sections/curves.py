"""ROC, calibration and confusion of an evaluation, as blocks of a paper: all from its summed counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proofward.dossier.parts.drawing import MOST_LINES, Line, chart
from proofward.dossier.parts.paper import Basis, Block, Cell, Grid, Picture
from proofward.report.histograms.calibration import reliability
from proofward.report.histograms.evaluated import Group, OneClass
from proofward.report.histograms.ranking import roc_points

MOST_CLASSES = 16
"""Up to which the confusion table is shown."""
_ROC = "ROC: sensitivity by the share of the other records above the same threshold."


def curves(group: Group, number: int, least: int, basis: Basis) -> Iterator[Block]:
    """Of one evaluation, in round `number`; bins with fewer than `least` records are shown together."""
    telling = [own for own in group.classes if own.of.tells][:MOST_LINES]
    if telling:
        lines = [_roc(own) for own in telling]
        svg = chart("roc", f"ROC, round {number}", lines, "sensitivity", across="% false positives")
        yield Picture(svg, f"{_ROC} Round {number}.", basis)
    for own in telling:
        caption = f"Calibration of {own.name}, round {number}"
        titles = ("score", "records", "of the class", "95 % interval")
        yield Grid(caption, titles, list(_calibration(own, least)), basis)
    if len(group.names) <= MOST_CLASSES:
        taken = ("is", *(f"taken for {name}" for name in group.names))
        yield Grid(f"Confusion, round {number}", taken, list(_confusion(group)), basis)


def _roc(own: OneClass) -> Line:
    false, true = roc_points(own.of)
    return Line(own.name, true.tolist(), places=(100 * false).tolist())


def _calibration(own: OneClass, least: int) -> Iterator[tuple[Cell, ...]]:
    for entry in reliability(own.of, least):
        if (interval := entry.found.interval) is not None:
            low, high = interval
            share = entry.found.count / entry.found.total
            scores = f"above {entry.low:.3g}, up to {entry.high:.3g}"
            yield scores, f"{entry.found.total:,}", f"{share:.3f}", f"{low:.3f} to {high:.3f}"


def _confusion(group: Group) -> Iterator[tuple[Cell, ...]]:
    rows: Sequence[Sequence[int]] = group.block.confusion.tolist()
    for name, row in zip(group.names, rows, strict=True):
        yield name, *(f"{count:,}" for count in row)
