"""`proofward evaluate`: the figures of a model on records of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.evidence.models.evaluation_page import (
    FIGURES_NAME,
    PAGE_NAME,
    EvaluationPage,
    check_folder,
)
from proofward.cli.kit.records.data_file import notation_options

if TYPE_CHECKING:
    from proofward.cli.evidence.models.evaluated_model import OfData
    from proofward.report.histograms.evaluated import Evaluated

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
BINS, LEAST = 32, 10  #: relations.scores.score_layout's, which are not imported while commands are listed
SCORES = ("logits", "probabilities")


@click.command()
@click.argument("model", metavar="MODEL|RUN|KIT", type=click.Path(exists=True, path_type=Path))
@click.argument("data", metavar="[FILE]", type=click.Path(exists=True, path_type=Path), required=False)
@notation_options
@click.option("--by", multiple=True, metavar="COLUMN",
              help="Of a table: figures for each level of this column as well; may be repeated.")  # fmt: skip
@click.option("--bins", type=click.IntRange(2, 1024), default=BINS, show_default=True,
              help="Of the score; more give narrower bounds.")  # fmt: skip
@click.option("--least", type=click.IntRange(1, 1 << 20), default=LEAST, show_default=True,
              help="Records of every class that a subgroup needs to be shown.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write a page with pictures, and all figures in JSON.")  # fmt: skip
@click.option("--frozen", type=FILE, metavar="FILE",
              help="Of a model behind a frozen network: the network's file.",
              show_default="the file beside MODEL")  # fmt: skip
@click.option("--features", type=FILE, metavar="FILE",
              help="Of an ONNX file: features.json or images.json, with its columns or pictures and "
                   "classes.",
              show_default="what an export of ProofWard says itself")  # fmt: skip
@click.option("--output", metavar="NAME", help="Of an ONNX file: the output with the scores.",
              show_default="the only one, or `probabilities`")  # fmt: skip
@click.option("--scores", type=click.Choice(SCORES), help="Of an ONNX file: what that output is.",
              show_default="probabilities behind Softmax and Sigmoid, else logits")  # fmt: skip
@JSON
def evaluate(model: Path, data: Path | None, as_json: bool, **options: Any) -> None:
    """Print how well a MODEL tells the classes of FILE apart: ROC, calibration, confusion, net benefit.

    MODEL is a file that `proofward model export` wrote, in safetensors or JSON, or a classifier in ONNX. FILE
    is a table with a label, as of a hospital that enrols, or images: a folder, an npz or an HDF5 file.
    Columns that the model does not use are let be. Nothing is trained, and nothing leaves this machine.

    Of a RUN folder or a KIT, without FILE, the federation's own evaluations are printed: what all hospitals
    counted on their validation parts, as the ledger has it, and whether those counts are proved
    or signed.
    """
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    with answering(as_json):
        from proofward.cli.evidence.models.evaluated_model import of_exported, of_onnx
        from proofward.layers.basics.errors import TrainingError
        from proofward.report.handover.formats.outside_onnx import ENDING

        out: Path | None = options["out"]
        if out is not None:
            check_folder(out)
        if model.is_dir() or data is None:
            _of_ledger(model, data, as_json, options)
            return
        is_onnx = model.suffix.lower() == ENDING
        only = ("features", "output", "scores") if not is_onnx else ("frozen",)
        for name in only:
            if options[name]:
                kind = "no ONNX file" if not is_onnx else "an ONNX file"
                raise click.UsageError(f"--{name}: MODEL is {kind}")
        found = (of_onnx if is_onnx else of_exported)(model, data, options)
        try:
            whole = found.evaluated.whole
        except TrainingError as error:
            raise Refused(f"{data}: {error}") from error
        pictures, missing = ((), "") if out is None else _write(out, model, data, found)
        plain: dict[str, object] = {
            "did": "evaluated", "model": found.digest.hex(), "file": str(data),
            "folder": str(out) if out else None, "pictures": list(pictures),
            "clipped": dict(found.clipped), "not_used": list(found.ignored),
            "doubts": list(found.doubts), "notes": list(found.notes), "auc": whole.auc,
            **found.evaluated.to_plain(),
        }  # fmt: skip
        tell(plain, _lines(found, out, missing), as_json)


def _of_ledger(source: Path, data: Path | None, as_json: bool, options: Mapping[str, Any]) -> None:
    """The evaluations of a federation."""
    from proofward.cli.evidence.models.evaluated_run import evaluated_run

    if not source.is_dir():
        raise click.UsageError("name a FILE with labels, or a run's folder or a kit instead of MODEL")
    if data is not None:
        raise click.UsageError(f"{source} is a folder, whose evaluations are in its ledger: name no FILE")
    context = click.get_current_context()
    for name, value in options.items():
        usual = next(entry.get_default(context) for entry in context.command.params if entry.name == name)
        if name not in ("out", "features") and value not in (usual, None, ()):
            words = f"--{name.replace('_', '-')}: of a FILE, and the evaluations of a ledger are made already"
            raise click.UsageError(words)
    evaluated_run(source, options["features"], options["out"], as_json)


def _lines(found: OfData, out: Path | None, missing: str) -> list[str]:
    from proofward.report.handover.predictions.prediction import listed
    from proofward.report.histograms.words import lines

    made = lines(found.evaluated) + list(found.notes)
    if found.ignored:
        made.append(f"columns that the model does not use: {listed(found.ignored)}")
    made += [
        f"clipped to the range of inputs: {count} values of {name}; are its units right?"
        for name, count in found.clipped.items()
    ]
    made += [f"doubtful: {words}" for words in found.doubts]
    if out is not None:
        made.append(f"{out / PAGE_NAME}: the page, with {FIGURES_NAME} beside it")
        made += [f"no pictures: {missing}"] if missing else []
    return made


def _write(folder: Path, model: Path, data: Path, found: OfData) -> tuple[tuple[str, ...], str]:
    """Writes the page; the names of its pictures, and why there are none, "" where there are."""
    from proofward.report.handover.models.two_forms import plain as escaped
    from proofward.report.histograms.pictures import pictures
    from proofward.report.histograms.words import sections

    evaluated: Evaluated = found.evaluated
    words = f"{evaluated.whole.block.rows:,} records"

    def lines(drawn: Mapping[str, bytes]) -> Iterator[str]:
        yield from (f"All figures are of {words} in {escaped(data.name)}.", "")
        yield from (f"The model is {found.digest.hex()}.", "")
        yield from sections(evaluated, drawn)
        yield from (f"* {escaped(note)}" for note in found.notes)
        yield from (f"* doubtful: {escaped(doubt)}" for doubt in found.doubts)

    page = EvaluationPage(escaped(model.name), lambda: pictures(evaluated, words), lines)
    return page.write(folder, evaluated.to_plain())
