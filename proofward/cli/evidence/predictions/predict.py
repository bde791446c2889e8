"""`proofward predict`: an exported model on new records."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import Refused, answering
from proofward.cli.common.console import make_console, print_json
from proofward.cli.common.table_options import NAMES, table_file, table_options
from proofward.cli.evidence.predictions.prediction_rows import (
    DIGITS,
    plain_rows,
    probability_of,
    rows_of,
    scored,
)
from proofward.ledger.files import write_out

if TYPE_CHECKING:
    from proofward.report.handover.models.exported_model import ExportedModel
    from proofward.report.handover.predictions.prediction import Predictions, Seen

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
POINT = "point"
DECIMALS = {POINT: ".", "comma": ","}


@click.command()
@click.argument("model", metavar="MODEL", type=FILE)
@click.argument("new", metavar="TABLE|IMAGES", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="CSV file to write, instead of printing; one that is there is replaced.")  # fmt: skip
@table_options
@click.option("--decimal", type=click.Choice(sorted(DECIMALS)), default=POINT, show_default=True,
              help="The decimal mark of its numbers.")  # fmt: skip
@click.option("--table", type=FILE, metavar="FILE",
              help="Of images with a row each: the rows, and in a column `file` their images.")  # fmt: skip
@click.option("--allow-identifying", is_flag=True,
              help="Of images: take DICOM files that name a patient; no name is kept.")  # fmt: skip
@click.option("--allow-burned-in", is_flag=True,
              help="Of images: take DICOM files that say they have text in the pixels.")  # fmt: skip
@click.option("--frozen", type=FILE, metavar="FILE",
              help="Of a model behind a frozen network: the network's file, as it was agreed, or "
                   "frozen.network of a kit or a run.",
              show_default="the file beside MODEL")  # fmt: skip
@click.option("--prove", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write one proof that the model says this of all records; and beside it, in FILE.opening, "
                   "what opens its commitment to them.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of CSV.")
def predict(
    model: Path, new: Path, out: Path | None, prove: Path | None, as_json: bool, **options: Any
) -> None:
    """Print probability and class of every row of TABLE, by a MODEL that `proofward model export` wrote.

    The table is CSV, Excel (.xlsx), Parquet or HDF5. The columns are found by their names, as the model has
    them; others are not used. A model of images takes an image, a folder of them, an npz or an HDF5 file, and
    makes them by its own rule. The score is the federation's own integer, from which the probability follows;
    of more than two classes each has its own. A model behind a frozen network needs that network's file,
    whose digest it names.

    A proof hides the records: whoever has the MODEL checks it with `proofward verify`.
    """
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    from proofward.cli.evidence.models.frozen_option import with_frozen_network
    from proofward.cli.evidence.predictions.proved_prediction import Inputs, write_proof
    from proofward.ledger.reading import read_regular
    from proofward.report.handover.models.exported_model import (
        MAX_FILE_BYTES,
        ModelInvalid,
        NotAModel,
        read_exported,
    )
    from proofward.report.handover.predictions.prediction import TableRefused

    inputs = None if prove is None else Inputs()
    with answering(as_json):
        try:
            loaded = read_exported(read_regular(model, MAX_FILE_BYTES, follow=True))
            loaded = with_frozen_network(loaded, model, options["frozen"])
            found, ignored = _predicted(loaded, new, options, None if inputs is None else inputs.take)
        except NotAModel as error:
            raise click.UsageError(f"{model} is no exported model: {error}") from error
        except ModelInvalid as error:
            raise Refused(f"{model}: {error}") from error
        except TableRefused as error:
            raise Refused(f"{options['table'] or new}: {error}; nothing was predicted") from error
        proved = None if prove is None or inputs is None else write_proof(loaded, inputs, prove)
        if out is not None:
            data = _csv(loaded, found).encode()
            write_out(out, data, 0o600)
        if as_json:
            plain = _plain(loaded, ignored, found, out)
            print_json(plain if proved is None else {**plain, "proof": proved.plain})
        elif out is None:
            click.echo(_csv(loaded, found), nl=False)
        console = make_console(quiet=True)
        further = [] if proved is None else proved.words(model, loaded)
        for line in [*_notes(loaded, ignored, found, out), *further]:
            console.print(line, markup=False, soft_wrap=True)


def _predicted(
    model: ExportedModel, new: Path, options: Mapping[str, Any], seen: Seen | None
) -> tuple[Predictions, tuple[str, ...]]:
    """What the model says of a table or of images, and the columns that it does not use."""
    from proofward.report.handover.predictions.image_prediction import predict_images
    from proofward.report.handover.predictions.prediction import predict, read_records
    from proofward.report.handover.predictions.rows_of_images import read_rows

    decimal = options["decimal"]
    given = {name: options[f"allow_{name}"] for name in ("identifying", "burned_in")}
    if model.description.images is not None:
        if options["table"] is None and (any(options[name] for name in NAMES) or decimal != POINT):
            words = "--delimiter, --sheet, --key and --decimal"
            raise click.UsageError(f"{words}: the model takes images, not a table")
        agreed = model.description.images.row
        if (agreed is None) is not (options["table"] is None):
            takes = "no rows" if agreed is None else "a row with each image: name their table"
            raise click.UsageError(f"--table: the model takes {takes}")
        if agreed is None:
            return predict_images(model, new, **given, seen=seen), ()
        file = table_file(options["table"], options)
        rows = read_rows(file, agreed, model.scales, DECIMALS[decimal])
        return predict_images(model, new, **given, seen=seen, rows=rows), rows.ignored
    if options["table"] is not None:
        raise click.UsageError("--table: the model takes no images")
    if any(given.values()):
        raise click.UsageError("--allow-identifying and --allow-burned-in: the model takes no images")
    if new.is_dir():
        raise click.UsageError(f"{new} is a folder: the model takes a table's file")
    columns = model.description.of_table
    records = read_records(table_file(new, options), columns, DECIMALS[decimal])
    return predict(model, records, seen), records.ignored


def _what(model: ExportedModel) -> str:
    return "row" if model.description.images is None else "image"


def _csv(model: ExportedModel, found: Predictions) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = scored(model)
    titles = ["score"] if len(names) == 1 else [f"score of {name}" for name in names]
    writer.writerow([_what(model), *titles, *(f"probability of {name}" for name in names), "class"])
    for row, scores, chances, name in rows_of(found):
        writer.writerow([row, *scores, *(f"{chance:.{DIGITS}f}" for chance in chances), name])
    return text.getvalue()


def _plain(
    model: ExportedModel, ignored: tuple[str, ...], found: Predictions, out: Path | None
) -> dict[str, object]:
    return {
        "did": "predicted",
        "model": model.digest.hex(),
        "round": model.origin.round,
        "classes": list(model.description.classes),
        "probability_of": probability_of(model),
        "score_scale_bits": model.scales.activation_bits,
        "clipped": dict(found.clipped),
        "not_used": list(ignored),
        "file": None if out is None else str(out),
        "predictions": plain_rows(model, found, _what(model)),
    }


def _notes(model: ExportedModel, ignored: tuple[str, ...], found: Predictions, out: Path | None) -> list[str]:
    from proofward.report.handover.predictions.prediction import listed

    what = "records" if model.description.images is None else "images"
    lines = [f"{len(found.rows)} {what}{f', written to {out}' if out else ''}"]
    if ignored:
        lines.append(f"columns that the model does not use: {listed(ignored)}")
    lines += [
        f"clipped to the range of inputs: {count} values of {name}; are its units right?"
        for name, count in found.clipped.items()
    ]
    return lines
