"""[validation] of a project as what the rules count: histograms of scores, in rounds of their own."""

from __future__ import annotations

from proofward.cli.project.project_table import ProjectError
from proofward.cli.project.validation_table import ValidationTable
from proofward.layers.errors import ConfigurationError
from proofward.layers.subgroup import Subgroup
from proofward.relations.counting import Counting
from proofward.relations.score_counting import counting_of
from proofward.relations.score_layout import ScoreLayout


def evaluated_rounds(
    table: ValidationTable | None, classes: int, subgroups: tuple[Subgroup, ...], rounds: int
) -> tuple[Counting, ...]:
    """What is counted beside so many rounds of training, () without a table; raises ProjectError."""
    if table is None:
        return ()
    try:
        layout = ScoreLayout(classes, table.bins, table.least_count, subgroups)
        return (counting_of(layout, table.counting_rounds(rounds)),)
    except ConfigurationError as error:
        raise ProjectError("validation", error.expected, error.actual) from error
