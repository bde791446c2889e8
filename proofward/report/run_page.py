"""Writes a run's page with its numbers and pictures; what shows records goes to a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.ledger.files import make_directory, write_file
from proofward.report.figures.canvas import PicturesUnavailable
from proofward.report.figures.page import page
from proofward.report.figures.rows import Rows
from proofward.report.figures.summary import SALIENCY_NAME, Summary, pictures_of_records, summary
from proofward.report.histograms.of_run import Evaluation
from proofward.report.histograms.run_words import PREFIX, drawn_last, run_sections

PAGE_NAME, FOLDER_NAME = "report.md", "report"
NOT_ASKED = "none were asked for"


def write_page(
    model: Network,
    scales: FixedPoint,
    models: Sequence[Int64Array],
    rows: Rows,
    *,
    title: str,
    folder: Path,
    private: Path,
    draw: bool = True,
    made: str = "",
    evaluations: Sequence[Evaluation] = (),
) -> tuple[Summary, str]:
    """The figures, and why there are no pictures, "" where there are.

    models: the first one, then the one after each round. folder: gets the page and pictures of numbers.
    private: gets pictures of records and is not handed over; both may be the same.
    made: a sentence on how the models were made. evaluations: of the federation itself.
    """
    found = summary(model, scales, models, rows)
    drawn: Mapping[str, bytes] = {}
    of_records: Mapping[str, bytes] = {}
    missing = "" if draw else NOT_ASKED
    if draw:
        try:
            drawn = {**found.pictures(), **drawn_last(evaluations)}
            of_records = pictures_of_records(model, scales, models[-1], found)
        except PicturesUnavailable as error:
            missing = str(error)
    if of_records:
        write_private(private, of_records)
    where = quote(Path(os.path.relpath(private / SALIENCY_NAME, folder)).as_posix()) if of_records else ""
    text = page(title, found, drawn, where, missing, made=made)
    if evaluations:
        own = [name for name in drawn if name.startswith(PREFIX)]
        text = "\n".join([text, *run_sections(evaluations, own)]).rstrip("\n") + "\n"
    files = {**drawn, PAGE_NAME: text.encode()}
    if folder == private:
        write_private(folder, files)
    else:
        _write(folder, files, 0o644)
    return found, missing


def write_private(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files that only their owner can read, in a folder that only its owner can enter."""
    make_directory(folder)
    folder.chmod(0o700)
    _write(folder, files, 0o600)


def _write(folder: Path, files: Mapping[str, bytes], mode: int) -> None:
    for name, data in files.items():
        write_file(folder / name, data, folder / f".{name}.writing", mode)
