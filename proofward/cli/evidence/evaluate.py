"""`proofward evaluate`: the figures of a model on records of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.kit.data_file import notation_options
from proofward.ledger.files import make_directory

if TYPE_CHECKING:
    from proofward.cli.evidence.evaluated_model import OfData
    from proofward.report.histograms.evaluated import Evaluated

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
BINS, LEAST = 32, 10  #: relations.score_layout's, which are not imported while commands are listed
PAGE_NAME, FIGURES_NAME = "evaluation.md", "evaluation.json"
SCORES = ("logits", "probabilities")


@click.command()
@click.argument("model", metavar="MODEL", type=FILE)
@click.argument("data", metavar="FILE", type=click.Path(exists=True, path_type=Path))
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
def evaluate(model: Path, data: Path, as_json: bool, **options: Any) -> None:
    """Print how well a MODEL tells the classes of FILE apart: ROC, calibration, confusion, net benefit.

    MODEL is a file that `proofward model export` wrote, in safetensors or JSON, or a classifier in ONNX. FILE
    is a table with a label, as of a hospital that enrols, or images: a folder, an npz or an HDF5 file.
    Columns that the model does not use are let be. Nothing is trained, and nothing leaves this machine.
    """
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    with answering(as_json):
        from proofward.cli.evidence.evaluated_model import of_exported, of_onnx
        from proofward.layers.errors import TrainingError
        from proofward.report.handover.outside_onnx import ENDING

        out: Path | None = options["out"]
        if out is not None:
            _check_folder(out)
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


def _lines(found: OfData, out: Path | None, missing: str) -> list[str]:
    from proofward.report.handover.prediction import listed
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


def _check_folder(folder: Path) -> None:
    """Raises Refused for a folder with other things than an evaluation."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PAGE_NAME).is_file():
        raise Refused(f"{folder} holds other files: name a folder that is new, or one with an evaluation")


def _write(folder: Path, model: Path, data: Path, found: OfData) -> tuple[tuple[str, ...], str]:
    """Writes the page; the names of its pictures, and why there are none, "" where there are."""
    from proofward.report.figures.canvas import PicturesUnavailable
    from proofward.report.handover.two_forms import plain as escaped
    from proofward.report.histograms.pictures import pictures
    from proofward.report.histograms.words import sections
    from proofward.report.run_page import write_private

    evaluated: Evaluated = found.evaluated
    words, missing, drawn = f"{evaluated.whole.block.rows:,} records", "", dict[str, bytes]()
    try:
        drawn = pictures(evaluated, words)
    except PicturesUnavailable as error:
        missing = str(error)
    made = [
        f"# Evaluation of {escaped(model.name)}", "",
        f"All figures are of {words} in {escaped(data.name)}.", f"The model is {found.digest.hex()}.", "",
        *([f"There are no pictures: {missing}.", ""] if missing else []),
        *sections(evaluated, drawn),
        *(f"* {escaped(note)}" for note in (*found.notes, *(f"doubtful: {doubt}" for doubt in found.doubts))),
    ]  # fmt: skip
    make_directory(folder)
    text = "\n".join(made).rstrip("\n") + "\n"
    figures = json.dumps(evaluated.to_plain(), indent=1, ensure_ascii=False) + "\n"
    write_private(folder, {**drawn, PAGE_NAME: text.encode(), FIGURES_NAME: figures.encode()})
    return tuple(drawn), missing
