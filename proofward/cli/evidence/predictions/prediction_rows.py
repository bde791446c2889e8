"""Predictions as rows: what is printed of each record, in every command alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proofward.report.handover.models.exported_model import ExportedModel
    from proofward.report.handover.predictions.prediction import Predictions

DIGITS = 6
Row = tuple[int | str, list[int], list[float], str]


def scored(model: ExportedModel) -> tuple[str, ...]:
    """The classes that have a score and a probability: of two the second."""
    classes = model.description.classes
    return classes[1:] if len(classes) == 2 else classes


def rows_of(found: Predictions) -> Iterator[Row]:
    """Of each record its row, its scores, its probabilities and its class."""
    count = len(found.rows)
    columns = found.scores.reshape(count, -1).tolist(), found.probabilities.reshape(count, -1).tolist()
    return zip(found.rows, *columns, found.classes, strict=True)


def plain_rows(model: ExportedModel, found: Predictions, what: str) -> list[dict[str, object]]:
    """The rows in plain values; `what` names a record's number or name."""
    names, rows = scored(model), list[dict[str, object]]()
    for row, scores, chances, name in rows_of(found):
        rounded = [round(chance, DIGITS) for chance in chances]
        if len(names) == 1:
            own: dict[str, object] = {"score": scores[0], "probability": rounded[0]}
        else:
            own = {
                "scores": dict(zip(names, scores, strict=True)),
                "probabilities": dict(zip(names, rounded, strict=True)),
            }
        rows.append({what: row, **own, "class": name})
    return rows


def probability_of(model: ExportedModel) -> str | list[str]:
    """The class, or the classes, that have a probability."""
    names = scored(model)
    return names[0] if len(names) == 1 else list(names)
