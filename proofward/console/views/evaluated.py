"""Evaluations: figures by round, and of one round its curves, confusion, subgroups and published counts."""

from __future__ import annotations

from typing import Any

from proofward.console.chart import Chart, Series
from proofward.console.state import State
from proofward.console.views.curves import plain_chart
from proofward.console.words import sentence
from proofward.privacy.words import EXACT_COUNTS, NOISY_COUNTS
from proofward.report.histograms.calibration import reliability
from proofward.report.histograms.evaluated import Evaluated, Group, OneClass
from proofward.report.histograms.of_run import Evaluation
from proofward.report.histograms.ranking import (
    area_interval,
    average_precision,
    precision_points,
    roc_area,
    roc_points,
)
from proofward.report.histograms.run_words import cells_of
from proofward.report.histograms.shares import Share
from proofward.report.histograms.words import MOST_SHOWN
from proofward.report.privacy_so_far import privacy_so_far
from proofward.report.statistics import ColumnStatistics
from proofward.report.statistics_source import Summed

TRAINED = "rounds of training"
AS_SAID, CHANCE = Series("as said", ((0, 0), (1, 1))), Series("chance", ((0, 0), (1, 1)))


def evaluated(state: State, asked: int) -> dict[str, Any]:
    """Plain values for the page. asked: the round to show, the last one where there is no such."""
    with state.followed.lock:
        opened = state.counted.opened(state.followed)
        history = state.followed.history
        privacy = [] if history is None else privacy_so_far(history)
        if privacy and history is not None and history.rules.accountant is not None and opened.evaluates:
            noisy = history.rules.counting and not history.rules.has_exact_counts
            privacy.append(NOISY_COUNTS if noisy else EXACT_COUNTS)
    counted = [own for own in opened.evaluations if own.evaluated.counted]
    chosen = next((own for own in counted if own.round == asked), counted[-1] if counted else None)
    return {
        "evaluates": opened.evaluates,
        "describes": opened.describes,
        "trouble": opened.trouble,
        "privacy": sentence("; ".join(privacy)),
        "note": " ".join(filter(None, (chosen.standing, sentence(chosen.noise_words)))) if chosen else "",
        "rounds": [_line(own) for own in opened.evaluations],
        "by_round": [plain_chart(chart) for chart in _by_round(counted)],
        "chosen": None if chosen is None else _chosen(chosen),
        "statistics": None if opened.statistics is None else _statistics(opened.statistics),
    }


def _line(own: Evaluation) -> dict[str, Any]:
    cells = cells_of(own.evaluated.whole) if own.evaluated.counted else ["", "", ""]
    return {
        "round": own.round, "of": own.of_model, "after": own.after, "hospitals": len(own.hospitals),
        "records": own.evaluated.blocks[0].rows, "counted": own.evaluated.counted,
        "accuracy": cells[0], "auc": cells[1], "brier": cells[2],
    }  # fmt: skip


def _by_round(counted: list[Evaluation]) -> list[Chart]:
    """Figures of the federation's own models by the rounds that trained them."""
    own = [found for found in counted if not found.outside]
    if not own:
        return []
    wholes = [(found.after, found.evaluated.whole) for found in own]
    areas = tuple((after, whole.auc) for after, whole in wholes if whole.auc is not None)
    shares = tuple(
        (after, whole.accuracy.value) for after, whole in wholes if whole.accuracy.value is not None
    )
    briers = tuple((after, whole.brier.value) for after, whole in wholes)
    lines = [Series(name, points) for name, points in (("accuracy", shares), ("AUC", areas)) if points]
    note = "on the hospitals' validation parts"
    return [
        Chart("Accuracy and AUC on validation records", TRAINED, "share", tuple(lines), note),
        Chart("Brier score on validation records", TRAINED, "score", (Series("Brier score", briers),), note,
              from_zero=True),
    ]  # fmt: skip


def _chosen(own: Evaluation) -> dict[str, Any]:
    found = own.evaluated
    whole = found.whole
    return {
        "round": own.round,
        "title": f"Round {own.round}: {own.of_model}",
        "words": own.words,
        "charts": [plain_chart(chart) for chart in _curves(whole, found.layout.least_count)],
        "figures": [row for each in whole.classes for row in _figures(each)] + [
            {"name": "Brier score", "value": f"{whole.brier.value:.4f}", "interval": "",
             "reach": f"{whole.brier.low:.4f} to {whole.brier.high:.4f}"},
            _accuracy(whole.accuracy),
        ],
        "names": list(whole.names),
        "confusion": _confusion(whole),
        "groups": [_group(group.title, group) for group in found.subgroups],
        "hidden": [f"{block.subgroup}: {block.level}" for block in found.withheld],
        "least": found.layout.least_count,
        "sites": [_site(name, site, own.none_published) for name, site in own.sites.items()],
    }  # fmt: skip


def _figures(own: OneClass) -> list[dict[str, str]]:
    if not own.of.tells:
        return []
    rows, (low, high) = [], area_interval(own.of)
    for name, figure, interval in (
        ("ROC-AUC", roc_area(own.of), f"{low:.4f} to {high:.4f}"),
        ("average precision", average_precision(own.of), ""),
    ):
        rows.append({
            "name": f"{name}, {own.name}", "value": f"{figure.value:.4f}", "interval": interval,
            "reach": f"{figure.low:.4f} to {figure.high:.4f}",
        })  # fmt: skip
    return rows


def _accuracy(share: Share) -> dict[str, str]:
    low, high = share.interval or (0.0, 1.0)
    value = "none" if share.value is None else f"{share.value:.1%}"
    return {"name": "accuracy", "value": value, "interval": f"{low:.1%} to {high:.1%}", "reach": ""}


def _confusion(whole: Group) -> list[dict[str, Any]]:
    if len(whole.names) > MOST_SHOWN:
        return []
    rows = whole.block.confusion.tolist()
    return [{"name": name, "counts": row} for name, row in zip(whole.names, rows, strict=True)]


def _group(title: str, group: Group) -> dict[str, Any]:
    accuracy, auc, brier = cells_of(group)
    return {"title": title, "records": group.block.rows, "accuracy": accuracy, "auc": auc, "brier": brier}


def _site(name: str, own: Evaluated | None, none: str) -> dict[str, Any]:
    if own is None:
        return {
            "title": name,
            "records": 0,
            "accuracy": none,
            "auc": "",
            "brier": "",
        }
    return _group(name, own.whole)


def _curves(whole: Group, least: int) -> list[Chart]:
    telling = [own for own in whole.classes if own.of.tells]
    if not telling:
        return []
    roc = [Series(own.name, _points(*roc_points(own.of))) for own in telling[:5]]
    precise = [Series(own.name, _points(*precision_points(own.of))) for own in telling[:6]]
    said = []
    for own in telling[:5]:
        entries = reliability(own.of, least)
        points = (((entry.low + entry.high) / 2, entry.found.value or 0.0) for entry in entries)
        said.append(Series(own.name, tuple(points)))
    few = "" if len(telling) <= 5 else "the first five classes"
    share = {"from_zero": True, "fraction": True}
    return [
        Chart(
            "ROC curve", "share of false positives", "share of true positives", (*roc, CHANCE), few, **share
        ),
        Chart("Precision and recall", "recall", "precision", tuple(precise), few, **share),
        Chart("Calibration", "probability given", "share of the class", (*said, AS_SAID), few, **share),
    ]


def _points(across: Any, up: Any) -> tuple[tuple[float, float], ...]:
    """Points by ascending x; where x is the same, from the bottom to the top."""
    return tuple(sorted(zip(map(float, across), map(float, up), strict=True)))


def _statistics(summed: Summed) -> dict[str, Any]:
    found = summed.found
    return {
        "rows": found.rows,
        "hospitals": list(summed.in_all),
        "least": found.layout.least_count,
        "columns": [_column(own) for own in found.columns],
    }


def _column(own: ColumnStatistics) -> dict[str, Any]:
    quantiles = {} if own.numbers is None else own.numbers.quantiles
    levels = [f"{name} {count:,}" for name, count in (own.levels or {}).items()]
    levels += [f"withheld {own.rare:,}"] if own.rare else []
    return {
        "name": own.name,
        "unit": own.unit,
        "kind": own.kind,
        "values": own.present,
        "missing": own.missing + own.unknown + own.withheld,
        "centre": "" if own.moments is None else f"{own.moments.centre:.5g}",
        "spread": "" if own.moments is None else f"{own.moments.spread:.5g}",
        "quantiles": ", ".join(
            f"{percent} %: {quantiles[percent].value:.5g}" for percent in (5, 50, 95) if percent in quantiles
        ),
        "levels": ", ".join(levels),
    }
