"""`proofward model`: a confirmed model of a run or a kit, the last or the best, as a file to take home."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.common.table_options import table_file
from proofward.cli.evidence.models.model_freeze import freeze
from proofward.cli.evidence.models.model_import import import_model
from proofward.cli.evidence.models.model_statement import statement
from proofward.engines.operations.suggestions import Placeholder, command

if TYPE_CHECKING:
    from proofward.report.handover.formats.agreement import Agreement
    from proofward.report.handover.models.exported_model import ExportedModel

OUT = "model-round-{}"
SUFFIXES = {"json": ".json", "monai": "", "onnx": ".onnx", "safetensors": ".safetensors", "torch": ".pt2"}
"""Of the kinds of `handover.handed_model`, which is not imported while commands are listed."""


@click.group(cls=GuardedGroup)
def model() -> None:
    """Take a model home, or bring one in."""


model.add_command(import_model)
model.add_command(freeze)
model.add_command(statement)


@model.command()
@click.argument("source", metavar="RUN_OR_KIT", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "kind", type=click.Choice(sorted(SUFFIXES)), required=True, help="Format of the file.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              show_default=f"{OUT.format('N')} with the format's ending",
              help="File to write; of monai, a folder.")  # fmt: skip
@click.option("--round", "which", type=click.Choice(["last", "best"]), default="last", show_default=True,
              help="The latest model, or the best one by the figure that the rules name.")  # fmt: skip
@click.option("--features", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Names, centres and spreads of the features, where the folder has none.")  # fmt: skip
@click.option("--rows", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv",
              help="Records on which an onnx or torch file is compared with the model.",
              show_default="drawn ones")  # fmt: skip
@click.option("--intended-use", "intended", default="", metavar="WORDS", show_default="not recorded",
              help="What the model is for, for its card.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that are there.")
@JSON
def export(
    source: Path,
    kind: str,
    out: Path | None,
    which: str,
    features: Path | None,
    rows: Path | None,
    intended: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write a confirmed model of a run folder, or of the kit of a hospital, a verifier or the server.

    The file has the weights as exact integers and as floats, the features' names, units and scaling, the
    classes' names, and the ledger that it comes from. The ledger proves the weights; names and scaling are
    those of the folder. `proofward predict` uses a file in safetensors or JSON. An onnx or torch file
    computes with real numbers what the model computes with integers, from records in their own units: it is
    written when its error on records is within the bound that is printed beside it. monai writes a bundle of
    a model of pictures, a folder that MONAI loads and runs. Beside each lies the model's card, as Markdown
    and as HTML: what it is, what it was trained on, what is proved of it and what nobody has said.
    """
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    from proofward.models.graph.parts.refusals import ImportRefused
    from proofward.report.handover.handed_model import NotOurs, handed, recorded_figures
    from proofward.report.handover.models.exported_model import WRITERS, ModelInvalid
    from proofward.report.handover.models.model_source import NoModel, NotASource, last_taken
    from proofward.report.handover.predictions.prediction import TableRefused, read_records
    from proofward.report.histograms.card_figures import ledger_figures

    with answering(as_json):
        if rows is not None and kind in WRITERS:
            raise click.UsageError("--rows: for onnx and torch, whose files are compared")
        try:
            taken = last_taken(source, features, which == "best")
        except NotASource as error:
            raise click.UsageError(str(error)) from error
        except (NoModel, ModelInvalid) as error:
            raise Refused(str(error)) from error
        found = taken.model
        if rows is not None and found.description.images is not None:
            raise click.UsageError("--rows: of a table, and this model takes images")
        path = out or Path(f"{OUT.format(found.origin.round)}{SUFFIXES[kind]}")
        if path.is_dir() and SUFFIXES[kind]:
            raise click.UsageError(f"--out: {path} is a folder")
        if path.exists() and not force:
            raise Refused(f"{path} is there already; --force replaces it")
        try:
            columns = found.description.of_table
            values = None if rows is None else read_records(table_file(rows, {}), columns).values
            figures = ledger_figures(taken) or recorded_figures(source, taken)
            made = handed(taken, kind, path.name, values=values, figures=figures, intended=intended)
            if not force and (there := made.there(path)) is not None:
                raise Refused(f"{there} is there already; --force replaces it")
            made.write(path)
        except (ImportRefused, ModelInvalid, NotOurs, TableRefused) as error:
            raise Refused(str(error)) from error
        _tell(found, path, kind, made.card.files(path.name), made.agreement, as_json)


def _tell(
    found: ExportedModel,
    path: Path,
    kind: str,
    cards: Collection[str],
    agreement: Agreement | None,
    as_json: bool,
) -> None:
    from proofward.data.frozen_part import FROZEN_NAME
    from proofward.report.handover.predictions.prediction_proof import named

    digests = {name: digest.hex() for name, digest in named(found).items()}
    origin, described = found.origin, found.description
    images = described.images
    inputs = f"{len(described.columns)} features" if images is None else images.words
    row = None if images is None else images.row
    network = ("MLP " if found.model.is_mlp else "") + found.model.words
    plain: dict[str, object] = {
        "did": "exported", "file": str(path), "format": kind, **digests,
        "card": [str(path.with_name(name)) for name in cards],
        "round": origin.round, "rounds": origin.rounds, "consortium": origin.consortium.hex(),
        "ledger": {"entries": origin.entries, "root": origin.root.hex()},
    }  # fmt: skip
    lines = [
        f"{path}: {network} after round {origin.round} of {origin.rounds}",
        f"classes: {', '.join(described.classes)}; {inputs}",
        *(f"{name} {digest}" for name, digest in digests.items()),
        f"consortium {origin.consortium.hex()}, {origin.entries} entries of the ledger",
    ]
    if found.frozen is not None:
        plain["frozen"] = {"name": found.frozen.name, "digest": found.frozen.digest.hex()}
        lines.append(f"it takes what {found.frozen.name} makes of an image: keep that file beside it, or")
        lines.append(f"{FROZEN_NAME} of a kit or a run; its digest is {found.frozen.digest.hex()}")
    lines.append(f"its card: {' and '.join(str(path.with_name(name)) for name in cards)}")
    if agreement is None:
        new = Placeholder("FILE.csv" if images is None else "IMAGES")
        rows = () if row is None else ("--table", Placeholder("ROWS.csv"))
        lines.append(f"next: {command('predict', path, new, *rows)}")
    else:
        plain["agreement"] = asdict(agreement)
        of = "the logits' difference" if found.model.head.classes == 2 else "the logits"
        lines.append(
            f"largest error of {of} on {agreement.rows} records: {agreement.observed:.3g}, "
            f"of at most {agreement.bound:.3g}"
        )
    tell(plain, lines, as_json)
