"""`proofward predict`: an exported model on new records."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import Refused, answering
from proofward.cli.common.console import make_console, print_json
from proofward.cli.kit.data_file import DELIMITERS
from proofward.ledger.files import write_file

if TYPE_CHECKING:
    from proofward.report.handover.exported_model import ExportedModel
    from proofward.report.handover.prediction import NewRecords, Predictions

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
MAX_MODEL_BYTES = 1 << 31
DECIMALS = {"point": ".", "comma": ","}
DIGITS = 6


@click.command()
@click.argument("model", metavar="MODEL", type=FILE)
@click.argument("table", metavar="FILE.csv", type=FILE)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="CSV file to write, instead of printing; one that is there is replaced.")  # fmt: skip
@click.option("--delimiter", type=click.Choice(sorted(DELIMITERS)), help="What parts the cells of FILE.csv.",
              show_default="comma; semicolon with decimal commas")  # fmt: skip
@click.option("--decimal", type=click.Choice(sorted(DECIMALS)), default="point", show_default=True,
              help="The decimal mark of its numbers.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of CSV.")
def predict(
    model: Path, table: Path, out: Path | None, delimiter: str | None, decimal: str, as_json: bool
) -> None:
    """Print probability and class of every row of FILE.csv, by a MODEL that `proofward model export` wrote.

    The columns are found by their names, as the model has them; others are not used. The score is the
    federation's own integer, from which the probability follows.
    """
    from proofward.cli.common.kernels import load_kernels

    load_kernels(make_console(quiet=True))

    from proofward.ledger.reading import read_regular
    from proofward.report.handover import prediction
    from proofward.report.handover.exported_model import ModelInvalid, NotAModel, read_exported

    with answering(as_json):
        try:
            loaded = read_exported(read_regular(model, MAX_MODEL_BYTES, follow=True))
            names = [entry.name for entry in loaded.description.features]
            records = prediction.read_records(
                table, names, DELIMITERS[delimiter] if delimiter else "", DECIMALS[decimal]
            )
            found = prediction.predict(loaded, records)
        except NotAModel as error:
            raise click.UsageError(f"{model} is no exported model: {error}") from error
        except ModelInvalid as error:
            raise Refused(f"{model}: {error}") from error
        except prediction.TableRefused as error:
            raise Refused(f"{table}: {error}; nothing was predicted") from error
        if out is not None:
            data = _csv(loaded, found).encode()
            write_file(out, data, out.with_name(f".{out.name}.writing"), mode=0o600)
        if as_json:
            print_json(_plain(loaded, records, found, out))
        elif out is None:
            click.echo(_csv(loaded, found), nl=False)
        console = make_console(quiet=True)
        for line in _notes(records, found, out):
            console.print(line, markup=False, soft_wrap=True)


def _csv(model: ExportedModel, found: Predictions) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "score", f"probability of {model.description.classes[1]}", "class"])
    for row, score, chance, name in zip(
        found.rows, found.scores, found.probabilities, found.classes, strict=True
    ):
        writer.writerow([row, int(score), f"{chance:.{DIGITS}f}", name])
    return text.getvalue()


def _plain(
    model: ExportedModel, records: NewRecords, found: Predictions, out: Path | None
) -> dict[str, object]:
    rows = [
        {"row": row, "score": int(score), "probability": round(float(chance), DIGITS), "class": name}
        for row, score, chance, name in zip(
            found.rows, found.scores, found.probabilities, found.classes, strict=True
        )
    ]
    return {
        "did": "predicted",
        "model": model.digest.hex(),
        "round": model.origin.round,
        "classes": list(model.description.classes),
        "probability_of": model.description.classes[1],
        "score_scale_bits": model.scales.activation_bits,
        "clipped": dict(found.clipped),
        "not_used": list(records.ignored),
        "file": None if out is None else str(out),
        "predictions": rows,
    }


def _notes(records: NewRecords, found: Predictions, out: Path | None) -> list[str]:
    from proofward.report.handover.prediction import listed

    lines = [f"{len(found.rows)} records{f', written to {out}' if out else ''}"]
    if records.ignored:
        lines.append(f"columns that the model does not use: {listed(records.ignored)}")
    lines += [
        f"clipped to the range of inputs: {count} values of {name}; are its units right?"
        for name, count in found.clipped.items()
    ]
    return lines
