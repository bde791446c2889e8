"""`proofward model import`: a network of PyTorch or ONNX, as the first model of a consortium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.ledger.files import write_out

if TYPE_CHECKING:
    from proofward.models.graph.parts.network import FirstWeights, ImportedNetwork

TORCH, ONNX = ".pt2", ".onnx"
PICKLED = (".pt", ".pth", ".pkl", ".bin", ".ckpt")
LIMIT = 64.0  #: layers.networks.bounds.LARGEST_WEIGHT, which is not imported while commands are listed


@click.command("import")
@click.argument("source", metavar=f"FILE{TORCH}|FILE{ONNX}",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", required=True,
              help="The first model to write, in safetensors.")  # fmt: skip
@click.option("--limit", type=click.FloatRange(min=0, max=LIMIT, min_open=True), default=LIMIT,
              show_default=True, help="Weights are clipped to this magnitude.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@JSON
def import_model(source: Path, out: Path, limit: float, force: bool, as_json: bool) -> None:
    """Take in a network of Conv2d, Linear, ReLU and pools with an output a class; print what to write where.

    FILE is a program that torch.export.save wrote, or an ONNX file. Pickled modules and state dicts can
    execute code and are not read. What the network computes is compared with torch or onnxruntime; everything
    that training cannot prove is refused by name. The weights become the consortium's first model.
    """
    from proofward.models.graph.parts.refusals import ImportRefused
    from proofward.models.settings import SCALES
    from proofward.report.handover.models.model_files import safetensors_bytes

    with answering(as_json):
        read = _reader(source)
        if out.exists() and not force:
            raise Refused(f"{out} is there already; --force replaces it")
        try:
            found = read(source)
        except ImportRefused as error:
            raise Refused(f"{source} is not taken in:", error.problems) from error
        first = found.first_weights(SCALES, limit)
        data = safetensors_bytes(found.model, first.weights)
        write_out(out, data, 0o644)
        _tell(found, first, out, as_json)


def _reader(source: Path) -> Callable[[Path], ImportedNetwork]:
    """What reads files of this name; raises UsageError."""
    from proofward.models.graph.onnx.from_onnx import from_onnx
    from proofward.models.graph.torch.from_torch import from_pt2

    kind = source.suffix.lower()
    if kind == TORCH:
        return from_pt2
    if kind == ONNX:
        return from_onnx
    words = "a program that torch.export.save wrote" if kind in PICKLED else "a network's file"
    pickled = ": what is pickled can execute code, and is not read" if kind in PICKLED else ""
    raise click.UsageError(f"{source}: expected {words}, named *{TORCH}, or *{ONNX}{pickled}")


def _tell(found: ImportedNetwork, first: FirstWeights, out: Path, as_json: bool) -> None:
    from proofward.models.graph.settings_lines import settings_lines

    model = found.model
    plain: dict[str, object] = {
        "did": "imported", "file": str(out), "graph": found.graph.digest.hex(), "network": model.to_dict(),
        "inputs": list(model.inputs.axes), "parameters": model.parameters, "clipped": first.clipped,
        "limit": first.limit, "notes": list(found.notes),
    }  # fmt: skip
    if model.is_mlp:
        plain |= {"widths": list(model.widths), "hidden": list(model.widths[1:-1])}
    clipped = [f"clipped to {first.limit:g} in magnitude: {count} values of {name}"
               for name, count in first.clipped.items()]  # fmt: skip
    of = f"{model.features} features" if model.is_mlp else f"pictures of {model.inputs.words}"
    if model.row:
        plain["row"] = model.row
        of += f", each with a row of {model.row} features of [table]"
    if model.head.classes > 2:
        of += f" and {model.head.classes} classes in [label]"
    lines = [
        f"{out}: {found.graph.words()}, {model.parameters} parameters",
        f"graph {found.graph.digest.hex()}",
        *found.notes,
        *(clipped or ["no weight was clipped"]),
        f"in consortium.toml, with {of}:",
        f'trusted_first_model = "{out.name}"',
        *settings_lines(model),
    ]
    tell(plain, lines, as_json)
