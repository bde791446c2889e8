"""`proofward track`: a federation's numbers by round, for MLflow or TensorBoard."""

from __future__ import annotations

import time
from pathlib import Path

import click

from proofward.cli.common.answering import JSON, SOURCE, Refused, answering, tell

TO = ("mlflow", "tensorboard")
"""Of `report.trackers`, which is not imported while commands are listed."""


@click.command()
@SOURCE
@click.argument("place", metavar="DIR")
@click.option("--to", "kind", type=click.Choice(TO), required=True, help="Who is to show the numbers.")
@click.option("--follow", is_flag=True, help="Go on until the federation is over, or until Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=0.1), default=10.0, show_default=True, metavar="SECONDS",
              help="With --follow: how long to wait between two looks.")  # fmt: skip
@JSON
def track(source: Path, place: str, kind: str, follow: bool, every: float, as_json: bool) -> None:
    """Write what a run's folder or a kit says of its rounds into DIR, for MLflow or TensorBoard.

    The numbers are those of the ledger (hospitals, attempts, refusals, how far a round moved the model), of
    the kit's log (seconds) and of the figures that a run has left. This process only reads them, also while
    the federation runs; given again, it adds what is new. DIR is a folder, and for mlflow it may be the
    address of a tracking server, which then learns all of it.
    """
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    from proofward.report.handover.models.model_source import NoModel, NotASource
    from proofward.report.tracked_run import tracked_run
    from proofward.report.trackers import TRACKERS, TrackerUnavailable, write_new

    with answering(as_json):
        count = 0
        while True:
            try:
                found = tracked_run(source)
                writer = TRACKERS[kind](place, found)
                count += write_new(writer, found)
                writer.close()
            except NotASource as error:
                raise click.UsageError(str(error)) from error
            except TrackerUnavailable as error:
                raise Refused(str(error)) from error
            except NoModel as error:
                if not follow:
                    raise Refused(str(error)) from error
                time.sleep(every)
                continue
            if found.over or not follow:
                break
            time.sleep(every)
        last = max((value.round for value in found.values), default=0)
        plain = {"did": "tracked", "to": kind, "place": place, "consortium": found.consortium.hex(),
                 "written": count, "round": last, "over": found.over}  # fmt: skip
        tell(plain, [f"{place}: {count} new numbers of {found.title}, up to round {last}"], as_json)
