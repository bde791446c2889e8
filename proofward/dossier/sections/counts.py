"""Figures of sums that counting rounds have put on the ledger: of scores by class, or of anything else.

The sum is computed again. Where the rules do not have counts proved, it is a hospital's signed word that it
has counted rightly, and so are figures of it.
"""

from __future__ import annotations

from proofward.dossier.parts.drawing import Line, chart
from proofward.dossier.parts.paper import Basis, Block, Cell, Grid, Picture, Words
from proofward.dossier.record.evidence import Evidence
from proofward.dossier.sections.curves import curves
from proofward.federation.history.sums.counted import CountedSum
from proofward.layers.basics.errors import ConfigurationError
from proofward.privacy.words import EXACT_COUNTS, NOISY_COUNTS
from proofward.relations.scores.noisy_scores import readable
from proofward.relations.scores.score_layout import ScoreLayout, is_layout
from proofward.report.histograms.evaluated import Evaluated, Group
from proofward.report.histograms.ranking import area_interval, roc_area

MOST_ROUNDS, MOST_GROUPS = 240, 60
FIGURES = ("records", "accuracy", "AUC", "95 % interval", "Brier score")
_COUNTED = "Each hospital has counted its own records, and only the sum over all is known. "
CAUTION = (
    f"{_COUNTED}The sum is computed again; that the counts of a hospital are true is its signed word, and "
    "not proved."
)
PROVED = (
    f"{_COUNTED}The sum is computed again, and every hospital whose counts are in it has proved that they "
    "are those of the model on its validation part, in all and by level of a subgroup."
)


_READ = (
    "Figures are of the counts that records can have which are nearest to the noisy ones, and intervals do "
    "not have the noise in them"
)


def counted_figures(found: Evidence) -> list[Block]:
    """Tables and a curve; nothing where no round has counted."""
    if not found.counted:
        return []
    evaluated = [(own, figures) for own in found.counted if (figures := _evaluated(found, own)) is not None]
    others = [own for own in found.counted if not is_layout(own.counting.description)]
    proved = all(own.counting.proved for own in found.counted)
    blocks: list[Block] = [Words((PROVED,)) if proved else Words((CAUTION,), "weak")]
    if found.history.rules.accountant is not None:
        words = EXACT_COUNTS if found.history.rules.has_exact_counts else f"{NOISY_COUNTS}. {_READ}"
        blocks.append(Words((f"{words[0].upper()}{words[1:]}.",), "weak"))
    if evaluated:
        blocks += _of_scores(evaluated)
    if found.compared:
        lines = "hospitals' counts were compared", *found.compared
        said = tuple(f"{line[0].upper()}{line[1:]}." for line in lines)
        blocks.append(Words(said, "weak"))
    if others:
        rows: list[tuple[Cell, ...]] = [
            (str(own.round), own.counting.label, str(len(own.hospitals)), str(own.counting.length))
            for own in others[:MOST_ROUNDS]
        ]
        titles = ("round", "what was counted", "hospitals", "numbers")
        blocks.append(Grid("Other sums of counts", titles, rows, Basis.SIGNED))
    return blocks


def _evaluated(found: Evidence, own: CountedSum) -> Evaluated | None:
    """The figures, None where the counts are of something else, or of no records."""
    if not is_layout(own.counting.description):
        return None
    try:
        layout = ScoreLayout.from_text(own.counting.description)
        described = found.description
        fits = described is not None and len(described.classes) == layout.classes
        names = described.classes if described and fits else tuple(map(str, range(layout.classes)))
        figures = Evaluated(layout, names, readable(layout, own.counting, own.counts))
        _ = figures.whole
    except ConfigurationError:
        return None
    return figures


def _of_scores(evaluated: list[tuple[CountedSum, Evaluated]]) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for own, figures in evaluated[:MOST_ROUNDS]:
        hospitals = str(len(own.hospitals))
        rows.append((str(own.round), own.counting.label, hospitals, *_row(figures.whole)))
    titles = ("round", "what was counted", "hospitals", *FIGURES)
    proved = all(own.counting.proved for own, _ in evaluated)
    basis = Basis.CHECKED if proved else Basis.SIGNED
    blocks: list[Block] = [Grid("Evaluation of the model after rounds", titles, rows, basis)]
    areas = [(own.round, figures.whole.auc) for own, figures in evaluated]
    known = [area for _, area in areas if area is not None]
    if len(known) == len(areas) > 1:
        line = Line("AUC", known)
        svg = chart("evaluated", "AUC by evaluation", [line], "AUC", zero=False, across="evaluation")
        numbers = ", ".join(str(number) for number, _ in areas[:40])
        blocks.append(Picture(svg, f"AUC of the evaluations in rounds {numbers}, in order.", basis))
    last, figures = evaluated[-1]
    groups: list[tuple[Cell, ...]] = [
        (group.title, *_row(group)) for group in (figures.whole, *figures.subgroups[:MOST_GROUPS])
    ]
    note = f"Groups with fewer than {figures.layout.least_count} records of a class are not shown."
    blocks.append(Grid(f"By subgroup, round {last.round}", ("of", *FIGURES), groups, basis, note))
    return [*blocks, *curves(figures.whole, last.round, figures.layout.least_count, basis)]


def _row(group: Group) -> tuple[str, ...]:
    """Records, accuracy, AUC with its interval, Brier score."""
    share, area = group.accuracy.value, group.auc
    interval = ""
    if len(group.classes) == 1 and group.classes[0].of.tells:
        low, high = area_interval(group.classes[0].of)
        bounds = roc_area(group.classes[0].of)
        interval = f"{low:.3f} to {high:.3f} (bins: within {bounds.width:.3f})"
    return (
        f"{group.block.rows:,}",
        "" if share is None else f"{share:.1%}",
        "" if area is None else f"{area:.3f}",
        interval,
        f"{group.brier.value:.3f}",
    )
