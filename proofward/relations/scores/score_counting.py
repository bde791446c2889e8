"""An evaluation as a counting of the rules: its text is the layout of scores, its rounds are those of a plan.

Where it says `proved`, the counts are proved to be those of the round's model on the validation part
(`evaluation_round`). Else what is proved of it is what is proved of every counting: each count is in its
range, and no part of a block sums to more than the rows that the hospital has enrolled; that the counts are
those of the model and of the validation part the hospital signs.
"""

from __future__ import annotations

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import Network
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.score_layout import ScoreLayout, is_layout

LABEL = "evaluation"
BITS = 20
"""Of one count: a hospital's bin holds less than 2^20 records."""
NOT_PROVED = "The counts are signed by the hospitals, not proved."
"""Stands wherever figures of an evaluation are told whose counts are not proved."""
PROVED = "The counts are proved to be those of the model on the hospitals' validation parts."
"""Stands there where they are."""


def counting_of(
    layout: ScoreLayout,
    rounds: tuple[int, ...],
    *,
    within_rows: bool = True,
    proved: bool = False,
    left_out: int = 0,
) -> Counting:
    """What is counted, in these rounds of the ledger.

    within_rows: whether hospitals enrol rows, which bound the counts. proved, left_out: see `Counting`.
    """
    return Counting(
        label=LABEL,
        description=layout.to_text(),
        length=layout.length,
        bits=BITS,
        rounds=rounds,
        groups=layout.groups,
        within_rows=within_rows,
        proved=proved,
        left_out=left_out,
    )


def layout_in(counting: Counting) -> ScoreLayout | None:
    """The layout that a counting has, None where it counts something else; raises ConfigurationError."""
    return ScoreLayout.from_text(counting.description) if is_layout(counting.description) else None


def check_layout(layout: ScoreLayout, model: Network) -> None:
    """Raises ConfigurationError where no hospital could count so: classes or features are another model's."""
    if layout.classes != model.head.classes:
        raise ConfigurationError("classes that are evaluated", str(model.head.classes), layout.classes)
    for own in layout.subgroups:
        if own.places.stop > model.features:
            expected = f"some of the {model.features} features"
            raise ConfigurationError(f"subgroup {own.name}", expected, own.places.stop - 1)
