"""The section on how good the model is: figures that are on the ledger, and, marked as such, others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofward.dossier.parts.drawing import Line, chart
from proofward.dossier.parts.paper import Basis, Block, Cell, Grid, Picture, Section, Words
from proofward.dossier.record.evidence import Evidence
from proofward.dossier.sections.counts import counted_figures

MOST_METHODS, MOST_VALUES = 12, 10_000
_NONE = (
    "The ledger holds no figures of how well the model does. Until it does, nothing here says that the "
    "model is good for anything."
)


def quality(found: Evidence) -> Section:
    """Figures of evaluation."""
    blocks = counted_figures(found)
    if not blocks:
        blocks.append(Words((_NONE,), "weak"))
    blocks += _beside(found.metrics)
    return Section("quality", "How good the model is", tuple(blocks))


def _beside(metrics: Mapping[str, Any]) -> list[Block]:
    """Figures of a demonstration's file."""
    areas = _numbers(metrics.get("auc"))
    rows: list[tuple[Cell, ...]] = []
    shares = _numbers(metrics.get("accuracy"))
    for name in list(areas)[:MOST_METHODS]:
        share = f"{shares[name]:.1%}" if name in shares else ""
        rows.append((name, f"{areas[name]:.3f}", share))
    if not rows:
        return []
    note = "From metrics.json, which anybody could have changed: the audit does not read it."
    titles = ("method", "AUC on held-out records", "accuracy")
    blocks: list[Block] = [Grid("Figures beside the ledger", titles, rows, Basis.NO_EVIDENCE, note)]
    lines = _lines(metrics.get("auc_by_round"))
    if lines:
        svg = chart("auc", "AUC by round, no evidence", lines, "AUC", zero=False)
        blocks.append(Picture(svg, "AUC on held-out records by round.", Basis.NO_EVIDENCE))
    return blocks


def _numbers(value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        return {}
    return {str(name): float(one) for name, one in value.items() if _is_share(one)}


def _lines(value: object) -> list[Line]:
    if not isinstance(value, dict):
        return []
    found = []
    for name, values in list(value.items())[:4]:
        if isinstance(values, list) and 1 < len(values) <= MOST_VALUES and all(map(_is_share, values)):
            found.append(Line(str(name), [float(one) for one in values]))
    return found


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
