"""What a model's card says of the evaluations that its ledger holds.

Figures are those of the last evaluation of the exported model; where there is none, those of the last
evaluation of an earlier one, which the card then says. How far counts are proved the evaluation says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proofward.federation.history.light.projection import Projection
from proofward.federation.messages.basics.refusal import Refusal
from proofward.report.figures.canvas import PicturesUnavailable
from proofward.report.handover.models.model_card import Figures
from proofward.report.handover.models.model_source import Taken
from proofward.report.handover.models.two_forms import Table
from proofward.report.histograms.calibration import reliability
from proofward.report.histograms.evaluated import Evaluated, Group, OneClass
from proofward.report.histograms.of_run import Evaluation, evaluations
from proofward.report.histograms.pictures import WORDS, pictures
from proofward.report.histograms.ranking import area_interval, average_precision, roc_area
from proofward.report.histograms.run_words import cells_of
from proofward.report.histograms.thresholds import nearest
from proofward.report.histograms.words import MOST_SHOWN, THRESHOLDS, bounded

DECISION = 0.5
"""The threshold above which a record is taken for the second of two classes."""


def figures_of(found: Sequence[Evaluation], model: bytes) -> list[Figures]:
    """Those of a federation's evaluations; model: digest of the exported weights."""
    counted = [own for own in found if own.evaluated.counted and not own.outside]
    if not counted:
        return []
    chosen = next((own for own in reversed(counted) if own.model == model), counted[-1])
    return [Figures(_basis(chosen, model), _rows(chosen), tuple(_tables(chosen, counted)), _drawn(chosen))]


ELSEWHERE = "The ledger holds evaluations, whose counts are not here: export the model from the server's kit."


def ledger_figures(taken: Taken) -> list[Figures]:
    """Those of the ledger that a model was taken from; raises Refusal, ConfigurationError."""
    if taken.objects is None:
        return []
    if isinstance(taken.history, Projection):
        return [Figures(ELSEWHERE, ())] if taken.history.counted_rounds() else []
    try:
        found = evaluations(taken.history, taken.objects, taken.model.description.classes)
    except Refusal as refusal:
        if refusal.check != "object-missing":
            raise
        return [Figures(ELSEWHERE, ())]
    return figures_of(found, taken.model.digest)


def _basis(chosen: Evaluation, model: bytes) -> str:
    which = "This model" if chosen.model == model else f"An earlier model, {chosen.of_model},"
    return (
        f"{which} on {chosen.words}, on which nobody trained. Each hospital counted its own; only the sum of "
        f"all was opened, in round {chosen.round} of the ledger. {chosen.standing}"
    )


def _rows(chosen: Evaluation) -> list[tuple[str, str]]:
    whole, rows = chosen.evaluated.whole, list[tuple[str, str]]()
    for own in whole.classes:
        if own.of.tells:
            low, high = area_interval(own.of)
            of = f" for {own.name}"
            area = f"{bounded(roc_area(own.of))}, 95 % interval {low:.4f} to {high:.4f}"
            rows.append((f"ROC-AUC{of}", area))
            rows.append((f"average precision (PR){of}", bounded(average_precision(own.of))))
    rows.append(("Brier score", bounded(whole.brier)))
    rows.append(("accuracy, with its 95 % interval", whole.accuracy.words))
    return rows


def _tables(chosen: Evaluation, counted: Sequence[Evaluation]) -> Iterator[Table]:
    found = chosen.evaluated
    whole = found.whole
    if len(whole.names) <= MOST_SHOWN:
        at = f", above {DECISION:g}" if len(whole.classes) == 1 else ""
        rows = whole.block.confusion.tolist()
        named = zip(whole.names, rows, strict=True)
        titles = ("is", *(f"taken for {name}" for name in whole.names))
        yield Table(
            f"Confusion{at}", titles, [(name, *(f"{count:,}" for count in row)) for name, row in named]
        )
    if len(whole.classes) == 1:
        yield _at_thresholds(whole.classes[0])
        yield _calibration(whole.classes[0], found.layout.least_count)
    if found.subgroups:
        titles = ("subgroup", "records", "accuracy", "ROC-AUC", "Brier score")
        yield Table("By subgroup", titles, [_of_group(own) for own in found.subgroups])
    if hidden := _hidden(found):
        yield hidden
    titles = ("rounds of training", "records", "accuracy", "ROC-AUC", "Brier score")
    rows_of = [(str(own.after), *_of_group(own.evaluated.whole)[1:]) for own in counted]
    yield Table("By round", titles, rows_of)


def _at_thresholds(own: OneClass) -> Table:
    wanted = sorted({*THRESHOLDS, DECISION})
    entries = {nearest(own.thresholds, at).threshold: nearest(own.thresholds, at) for at in wanted}
    rows = [
        (f"{at:.3g}", entry.sensitivity.words, entry.specificity.words, entry.positive_value.words,
         entry.negative_value.words)
        for at, entry in entries.items()
    ]  # fmt: skip
    titles = ("above", "sensitivity", "specificity", "PPV", "NPV")
    return Table(f"Records taken for {own.name} above a threshold", titles, rows)


def _calibration(own: OneClass, least: int) -> Table:
    entries = reliability(own.of, least)
    rows = [
        (f"{entry.low:.3g} to {entry.high:.3g}", f"{entry.found.total:,}", entry.found.words)
        for entry in entries
    ]
    return Table("Calibration", ("probability given", "records", f"of them {own.name}"), rows)


def _hidden(found: Evaluated) -> Table | None:
    names = [(block.subgroup, block.level) for block in found.withheld]
    heading = f"Not shown, with fewer than {found.layout.least_count} records of a class"
    return Table(heading, ("subgroup", "level"), names) if names else None


def _of_group(group: Group) -> tuple[str, ...]:
    return group.title, f"{group.block.rows:,}", *cells_of(group)


def _drawn(chosen: Evaluation) -> dict[str, bytes]:
    """Pictures by what they show; none without matplotlib."""
    try:
        drawn = pictures(chosen.evaluated, chosen.words)
    except PicturesUnavailable:
        return {}
    return {f"{WORDS[name]}, on {chosen.words}": data for name, data in drawn.items()}
