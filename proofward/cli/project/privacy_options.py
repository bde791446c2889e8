"""What `consortium init` is told of differential privacy: (epsilon, delta), or that there is none."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from proofward.cli.common.usual import DELTA, EPSILON, RECORD
from proofward.cli.project.tables.privacy import PrivacyTable, check_privacy
from proofward.cli.project.tables.table import ProjectError

NONE = "none"
ASKED = (
    "Differential privacy limits what the sums and the model tell of a single record. epsilon 3 is usual, "
    f"8 is weak, 1 is strict and costs accuracy; '{NONE}' is for exact sums."
)


def chosen_privacy(options: Mapping[str, Any]) -> PrivacyTable | None:
    """The promise, None for none; raises UsageError.

    Whoever says neither is asked at a terminal; a script has to say it.
    """
    epsilon, delta, exact = options["epsilon"], options["delta"], options["no_dp"]
    granularity = options.get("granularity", RECORD)
    if exact:
        if epsilon is not None:
            raise click.UsageError("--epsilon and --no-dp exclude each other")
        if delta != DELTA:
            raise click.UsageError("--delta and --no-dp exclude each other: exact sums promise nothing")
        if granularity != RECORD:
            raise click.UsageError("--granularity and --no-dp exclude each other: exact sums promise nothing")
        return None
    if epsilon is None:
        if not sys.stdin.isatty():
            raise click.UsageError(
                f"--epsilon (such as {EPSILON:g}) is missing, or --no-dp for exact sums without differential "
                "privacy"
            )
        return _asked(delta, granularity)
    return _checked(PrivacyTable(epsilon, delta, granularity=granularity))


def _asked(delta: float, granularity: str) -> PrivacyTable | None:
    """What is typed at a terminal; whatever is no promise is asked for again."""
    click.echo(ASKED, err=True)
    epsilon = click.prompt("epsilon", default=f"{EPSILON:g}", value_proc=_typed_epsilon, err=True)
    if epsilon is None:
        return None

    def typed_delta(said: str) -> float:
        return _checked(PrivacyTable(epsilon, _number(said))).delta

    delta = click.prompt("delta", default=f"{delta:g}", value_proc=typed_delta, err=True)
    return PrivacyTable(epsilon, delta, granularity=granularity)


def _typed_epsilon(said: str) -> float | None:
    """None for none; raises UsageError, upon which the prompt asks again."""
    if said.strip() == NONE:
        return None
    return _checked(PrivacyTable(_number(said, f" or '{NONE}'"))).epsilon


def _number(said: str, other: str = "") -> float:
    try:
        return float(said)
    except ValueError as error:
        raise click.UsageError(f"expected a number{other}, found {said!r}") from error


def _checked(found: PrivacyTable) -> PrivacyTable:
    try:
        check_privacy(found)
    except ProjectError as error:
        raise click.UsageError(str(error)) from error
    return found
