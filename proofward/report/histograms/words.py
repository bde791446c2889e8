"""An evaluation in words: lines for a screen, and a page in Markdown with tables and pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from proofward.report.handover.models.two_forms import plain
from proofward.report.histograms.evaluated import Evaluated, Group, OneClass
from proofward.report.histograms.pictures import WORDS
from proofward.report.histograms.ranking import Bounded, area_interval, average_precision, roc_area
from proofward.report.histograms.shares import Share
from proofward.report.histograms.thresholds import AtThreshold, nearest

THRESHOLDS = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the tables for people, or what edges of bins are nearest to them."""
MOST_SHOWN = 16
"""Classes up to which the confusion table is printed."""


def lines(found: Evaluated) -> list[str]:
    """For a screen."""
    whole, made = found.whole, list[str]()
    made.append(f"{whole.block.rows:,} records; {share_words(whole.accuracy)} taken for what they are")
    for own in whole.classes:
        made += [f"{own.name}: {words}" for words in _measures(own)]
        for entry in _thresholds(own) if len(whole.classes) == 1 else ():
            made.append(
                f"{own.name}, above {entry.threshold:.3g}: sensitivity {entry.sensitivity.words}, "
                f"specificity {entry.specificity.words}, PPV {entry.positive_value.words}, "
                f"NPV {entry.negative_value.words}"
            )
    made.append(f"Brier score {bounded(whole.brier)}")
    if len(whole.names) <= MOST_SHOWN:
        made += _table(whole)
    for group in found.subgroups:
        made.append(f"{group.title}: {_short(group)}")
    made += [f"{block.subgroup}: {block.level}: not shown, {_few(found)}" for block in found.withheld]
    return made


def sections(found: Evaluated, drawn: Collection[str], folder: str = "") -> Iterator[str]:
    """The lines of a page. drawn: names of the pictures that are there. folder: where they are."""
    whole = found.whole
    yield from ("| | value | 95 % interval | of all scores between |", "| --- | ---: | ---: | ---: |")
    yield _row("accuracy", whole.accuracy)
    for own in whole.classes:
        if own.of.tells:
            low, high = area_interval(own.of)
            area = roc_area(own.of)
            name = plain(own.name)
            yield f"| AUC, {name} | {area.value:.4f} | {low:.4f} to {high:.4f} | {_ends(area)} |"
            precision = average_precision(own.of)
            yield f"| average precision, {name} | {precision.value:.4f} | | {_ends(precision)} |"
    yield f"| Brier score | {whole.brier.value:.4f} | | {_ends(whole.brier)} |"
    yield ""
    yield from _notes(found)
    for own in whole.classes:
        yield from _of_class(own)
    if len(whole.names) <= MOST_SHOWN:
        yield from _confusion(whole)
    for name, words in WORDS.items():
        if name in drawn:
            yield from (f"![{words}]({folder}{name})", "")
    yield from _subgroups(found)


def bounded(figure: Bounded) -> str:
    """A figure of bins with the ends of what it is of all scores."""
    return f"{figure.value:.4f} (of all scores {_ends(figure)})"


def share_words(share: Share) -> str:
    """A share with its counts."""
    return f"{share.count:,} ({share.words})"


def _ends(figure: Bounded) -> str:
    return f"{figure.low:.4f} to {figure.high:.4f}"


def _row(name: str, share: Share) -> str:
    if share.value is None or share.interval is None:
        return f"| {name} | - | | |"
    low, high = share.interval
    return f"| {name} | {share.value:.4f} | {low:.4f} to {high:.4f} | |"


def _measures(own: OneClass) -> Iterator[str]:
    if not own.of.tells:
        yield "no curve: there are not both records of the class and others"
        return
    low, high = area_interval(own.of)
    area = roc_area(own.of)
    yield f"AUC {area.value:.4f}, 95 % interval {low:.4f} to {high:.4f}, of all scores {_ends(area)}"
    yield f"average precision {bounded(average_precision(own.of))}"


def _thresholds(own: OneClass) -> list[AtThreshold]:
    found = {nearest(own.thresholds, wanted).threshold: None for wanted in THRESHOLDS}
    return [entry for entry in own.thresholds if entry.threshold in found]


def _short(group: Group) -> str:
    words = [f"{group.block.rows:,} records", f"accuracy {group.accuracy.words}"]
    for own in group.classes:
        low, high = area_interval(own.of)
        name = "AUC" if len(group.classes) == 1 else f"AUC of {own.name}"
        words.append(f"{name} {roc_area(own.of).value:.4f} ({low:.4f} to {high:.4f})")
    return ", ".join([*words, f"Brier score {group.brier.value:.4f}"])


def _few(found: Evaluated) -> str:
    return f"fewer than {found.layout.least_count} records of a class"


def _table(group: Group) -> list[str]:
    """The confusion table; what records are stands on the left."""
    cells: list[Sequence[str]] = [["is \\ taken for", *group.names]]
    rows = group.block.confusion.tolist()
    cells += [[name, *map(str, row)] for name, row in zip(group.names, rows, strict=True)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    made = []
    for first, *counts in cells:
        padded = [count.rjust(width) for count, width in zip(counts, widths[1:], strict=True)]
        made.append("  ".join([first.ljust(widths[0]), *padded]))
    return made


def _notes(found: Evaluated) -> Iterator[str]:
    yield (
        f"The figures are those of {found.layout.bins} bins of the score. The last column says between what "
        "the same figure of the records' own scores lies. Intervals of the AUC are Newcombe's (method 5), "
        "those of shares Wilson's."
    )
    yield ""


def _of_class(own: OneClass) -> Iterator[str]:
    yield f"Records taken for {plain(own.name)} above a threshold, with 95 % intervals:"
    yield ""
    yield from (
        "| above | sensitivity | specificity | PPV | NPV | net benefit |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    )
    for entry in _thresholds(own):
        shares = (entry.sensitivity, entry.specificity, entry.positive_value, entry.negative_value)
        cells = " | ".join(share.words for share in shares)
        yield f"| {entry.threshold:.3g} | {cells} | {entry.net_benefit:.4f} |"
    yield ""


def _confusion(group: Group) -> Iterator[str]:
    names = [plain(name) for name in group.names]
    yield f"| is | {' | '.join(f'taken for {name}' for name in names)} | right |"
    yield f"| --- |{' ---: |' * (len(names) + 1)}"
    for place, (name, row) in enumerate(zip(names, group.block.confusion.tolist(), strict=True)):
        right = Share(row[place], sum(row)).words
        yield f"| {name} | {' | '.join(f'{count:,}' for count in row)} | {right} |"
    yield ""


def _subgroups(found: Evaluated) -> Iterator[str]:
    groups, withheld = found.subgroups, list(found.withheld)
    if groups:
        names = [own.name for own in groups[0].classes]
        titles = ["AUC"] if len(names) == 1 else [f"AUC, {plain(name)}" for name in names]
        yield f"| subgroup | records | accuracy | {' | '.join(titles)} | Brier score |"
        yield f"| --- | ---: | ---: |{' ---: |' * (len(titles) + 1)}"
        for group in groups:
            areas = [f"{roc_area(own.of).value:.3f} ({_reach(own)})" for own in group.classes]
            cells = [plain(group.title), f"{group.block.rows:,}", group.accuracy.words, *areas]
            yield f"| {' | '.join(cells)} | {group.brier.value:.4f} |"
        yield ""
    if withheld:
        titles = [plain(f"{block.subgroup}: {block.level}") for block in withheld]
        yield f"Not shown, with {_few(found)}: {', '.join(titles)}."
        yield ""


def _reach(own: OneClass) -> str:
    low, high = area_interval(own.of)
    return f"{low:.3f} to {high:.3f}"
