"""What a project's rounds are: of training, and of counting histograms of scores; or of counting alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from proofward.cli.project.tables.outside import OutsideTable
from proofward.cli.project.tables.privacy import PrivacyTable
from proofward.cli.project.tables.table import ProjectError
from proofward.cli.project.tables.validation import ValidationTable
from proofward.data.columns.schema import Schema
from proofward.data.image_schema import ImageSchema
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.subgroup import Subgroup
from proofward.privacy.counts import least_noise_of_counts
from proofward.relations.proofs.measure import check_countable, costs_a_round
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout

AgreedRounds = tuple[RoundConfig, int, tuple[Counting, ...]]
"""The configuration, all rounds, and what some of them count."""


class Evaluated(Protocol):
    """A completed project."""

    @property
    def validation(self) -> ValidationTable | None: ...
    @property
    def outside(self) -> OutsideTable | None: ...
    @property
    def privacy(self) -> PrivacyTable | None: ...
    @property
    def rounds(self) -> int: ...
    @property
    def holding(self) -> tuple[int, int]: ...
    @property
    def schema(self) -> Schema | ImageSchema: ...
    @property
    def subgroups(self) -> tuple[Subgroup, ...]: ...
    def config(self) -> RoundConfig: ...


def agreed_rounds(project: Evaluated) -> AgreedRounds:
    """Raises ProjectError."""
    if project.outside is not None:
        _check_inputs(project)
        classes = len(project.schema.classes)
        config, counted = project.outside.rules(*project.holding, classes, project.subgroups)
        return config, 1, counted
    rounds, table = project.rounds, project.validation
    if table is None:
        return project.config(), rounds, ()
    config, spends = _among_all(project.config(), table, rounds), _spends(project)
    try:
        layout = _layout(project, table)
        counting = counting_of(layout, table.counting_rounds(rounds))
        if spends:
            counting = _with_noise(config, counting, spends)
    except ConfigurationError as error:
        raise ProjectError("validation", error.expected, error.actual) from error
    if table.proved is not False:
        counting = _proved(config, counting, table)
    return config, rounds + len(counting.rounds), (counting,)


def counted_numbers(project: Evaluated) -> tuple[int, int]:
    """How often evaluations are summed, and how many entries a sum has; raises ConfigurationError."""
    table = project.validation
    if table is None or project.outside is not None:
        return 0, 0
    return len(table.counting_rounds(project.rounds)), _layout(project, table).length


def _layout(project: Evaluated, table: ValidationTable) -> ScoreLayout:
    """Beside noise nothing is withheld; raises ConfigurationError."""
    least = 1 if _spends(project) else table.least_count
    return ScoreLayout(len(project.schema.classes), table.bins, least, project.subgroups)


def _spends(project: Evaluated) -> int:
    """How many releases a sum of counts spends, 0 where it is exact."""
    return 0 if project.privacy is None else project.privacy.spent_by_counts


def _with_noise(config: RoundConfig, counting: Counting, spends: int) -> Counting:
    """With the least noise that is worth so many releases; raises ConfigurationError."""
    assert config.privacy is not None
    noise = least_noise_of_counts(config.privacy, config.model.parameters, counting, spends)
    return replace(counting, noise=noise, spends=spends)


def _proved(config: RoundConfig, counting: Counting, table: ValidationTable) -> Counting:
    """The same with a proof, if that is asked for, or can be had at about the cost of a round's."""
    proved = replace(counting, proved=True, left_out=table.patient_rows - 1)
    try:
        check_countable(config, proved)
    except ConfigurationError as error:
        if table.proved:
            raise ProjectError("validation.proved", error.expected, error.actual) from error
        return counting
    return proved if table.proved or costs_a_round(config, proved) else counting


def _check_inputs(project: Evaluated) -> None:
    """Raises ProjectError for records that no outside model can be given, which has one input."""
    schema = project.schema
    if not isinstance(schema, ImageSchema):
        return
    if schema.frozen is not None:
        words = "pictures without [frozen]: put the frozen network into the model's file, in front of it"
        raise ProjectError("outside_model", words, f"[frozen], the network {schema.frozen.name}")
    if schema.row is not None:
        words = "pictures without [table], since an outside model has one input: one of pictures alone"
        raise ProjectError("outside_model", words, "[table], a row beside each picture")


def _among_all(config: RoundConfig, table: ValidationTable, rounds: int) -> RoundConfig:
    """With the rates of rounds of training at their numbers among all rounds."""
    training = config.training
    later = tuple((table.round_among_all(number, rounds), rate) for number, rate in training.later_rates)
    return replace(config, training=replace(training, later_rates=later))
