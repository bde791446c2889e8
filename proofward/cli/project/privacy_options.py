"""What `consortium init` is told of differential privacy: (epsilon, delta), or that there is none."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from proofward.cli.common.usual import DELTA, EPSILON
from proofward.cli.project.privacy_table import PrivacyTable, check_privacy
from proofward.cli.project.project_table import ProjectError

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
    if exact:
        if epsilon is not None:
            raise click.UsageError("--epsilon and --no-dp exclude each other")
        if delta != DELTA:
            raise click.UsageError("--delta and --no-dp exclude each other: exact sums promise nothing")
        return None
    if epsilon is None:
        if not sys.stdin.isatty():
            raise click.UsageError(
                f"--epsilon (such as {EPSILON:g}) is missing, or --no-dp for exact sums without differential "
                "privacy"
            )
        click.echo(ASKED, err=True)
        said = click.prompt("epsilon", default=f"{EPSILON:g}", err=True)
        if said == NONE:
            return None
        try:
            epsilon = float(said)
        except ValueError as error:
            raise click.UsageError(f"epsilon: expected a number or '{NONE}', found {said!r}") from error
        delta = click.prompt("delta", default=delta, type=float, err=True)
    found = PrivacyTable(epsilon, delta)
    try:
        check_privacy(found)
    except ProjectError as error:
        raise click.UsageError(str(error)) from error
    return found
