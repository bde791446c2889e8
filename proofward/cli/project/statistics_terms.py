"""A consortium's statistics: columns that have no centre yet, and what its members agree on to count them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing
from proofward.cli.project.consortium_file.columns import MOST_TITLE
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.project.consortium_file.reading import MAX_BYTES, project_of
from proofward.cli.project.tables.privacy import check_exact
from proofward.cli.project.tables.table import ProjectError
from proofward.data.columns.column_kinds import CATEGORY
from proofward.data.columns.feature import FeaturesInvalid
from proofward.data.columns.schema import Schema
from proofward.data.columns.statistics_layout import layout_of, schema_of
from proofward.engines.remote.agreement.terms import Seat, Terms
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, RulesError
from proofward.layers.basics.errors import ConfigurationError
from proofward.ledger.reading import NotReadable, read_regular
from proofward.relations.rules.counting import untrained
from proofward.statistics.layout import Layout

SUFFIX = "; statistics"
_UNKNOWN = {"centre": 0.0, "spread": 1.0}


def statistics_project(path: Path) -> Project:
    """The project in a file whose columns may lack centre and spread; raises Refused, WrongThing, OSError."""
    try:
        plain = tomllib.loads(read_regular(path, MAX_BYTES, follow=True).decode())
    except NotReadable as error:
        raise Refused(f"{path}: expected {error.expected}, found {error.actual}") from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path}: expected a TOML file, found {error}") from error
    if "site" not in plain:
        raise WrongThing(f"{path} is no consortium.toml: it names no [[site]]")
    project, problems = project_of(_with_constants(plain), path.parent)
    if project is None:
        raise Refused(f"{path}: nothing was counted", [str(problem) for problem in problems])
    try:
        check_exact(project.privacy)
    except ProjectError as error:
        raise Refused(f"{path}: nothing was counted", [str(error)]) from error
    if project.images is not None:
        raise Refused(f"{path}: its hospitals have images, and statistics are of tables")
    if project.placeholders:
        raise Refused(f"{path} names no columns: statistics are of those in [[feature]]")
    return project


def _with_constants(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """With a centre and a spread at every column that may have them and does not."""
    features = plain.get("feature")
    if not isinstance(features, list):
        return plain
    return {**plain, "feature": [_with_constant(entry) for entry in features]}


def _with_constant(entry: object) -> object:
    if not isinstance(entry, dict) or entry.get("kind") == CATEGORY:
        return entry
    return {**_UNKNOWN, **entry}


def statistics_layout(project: Project, bins: int, least_count: int) -> Layout:
    """What is counted of a project's columns; raises Refused."""
    assert isinstance(project.schema, Schema)
    try:
        return layout_of(project.schema, bins, least_count)
    except FeaturesInvalid as error:
        raise Refused(str(error)) from error


def statistics_terms(project: Project, layout: Layout) -> Terms:
    """Of a federation that counts and does nothing else, of a project's members; raises Refused."""
    seats = [Seat(AGGREGATOR, AGGREGATOR, project.server)]
    seats += [seat for site in project.sites for seat in site.seats()]
    hospitals = sum(seat.role == HOSPITAL for seat in seats)
    schema = schema_of(layout)
    title = schema.title(f"{project.title[: MOST_TITLE - len(schema.title(SUFFIX))]}{SUFFIX}")
    try:
        terms = Terms.of(
            untrained(hospitals, project.threshold),
            federation=title,
            seats=tuple(sorted(seats, key=lambda seat: seat.member)),
            accepting_verdicts=project.accepting,
            minimum_updates=project.minimum,
            abandonments=project.abandoning,
            rounds=len(layout.steps),
            initial_model=b"",
            deadline=project.deadline,
            upload_slot=project.upload_slot,
            counted=layout.countings(),
        )
        terms.check()
    except (RulesError, ConfigurationError, ProjectError) as error:
        raise Refused(f"these members cannot count together: {error}") from error
    return terms
