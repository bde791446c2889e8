"""Statistics counted in this process: every hospital's table read, and a federation that counts them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from proofward.cli.common.answering import Refused
from proofward.cli.kit.records.data_file import DataFile
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.project.statistics_terms import statistics_terms
from proofward.cli.run.running.in_process_run import ended, run_in_process, write_outcome
from proofward.engines.remote.agreement.plan import plan_of
from proofward.report.measurements import Measurements
from proofward.report.statistics_source import Summed, summed_of
from proofward.statistics.counts import TableValues
from proofward.statistics.layout import Layout
from proofward.statistics.source import source_of


def read_all(files: Mapping[str, DataFile], project: Project) -> dict[str, TableValues]:
    """Every hospital's values; raises Refused with what is wrong with any file."""
    found, problems = dict[str, TableValues](), list[str]()
    for name, file in files.items():
        try:
            found[name] = file.values(project.schema)
        except Refused as error:
            problems += [f"{file.path} of {name}: {line}" for line in error.problems or [str(error)]]
        except OSError as error:
            problems.append(f"{file.path} of {name}: {error}")
    if problems:
        raise Refused("nothing was counted", problems)
    return found


def count_in_process(
    console: Console,
    folder: Path,
    project: Project,
    layout: Layout,
    values: Mapping[str, TableValues],
    workers: int | None,
    seed: bytes | None = None,
) -> Summed:
    """What all tables hold together; the folder then has a sealed ledger. Raises Unfinished, Refused."""
    sources = {name: source_of(lambda own=own: own) for name, own in values.items()}  # type: ignore[misc]
    plan, measured = plan_of(statistics_terms(project, layout)), Measurements()
    ran = run_in_process(
        console, folder, plan, {}, None, measured, seed=seed, workers=workers, counts=sources
    )
    outcome = ended(*ran)
    write_outcome(folder, outcome)
    return summed_of(outcome.history, outcome.objects)
