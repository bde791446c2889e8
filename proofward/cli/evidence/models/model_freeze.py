"""`proofward model freeze`: a public network in exact integers, as sites agree on it, and its digest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.ledger.files import write_out

if TYPE_CHECKING:
    from proofward.data.frozen.network import FrozenNetwork


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write it in ProofWard's own form, which needs neither onnx nor torch to be read.",
              show_default="write nothing")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@JSON
def freeze(source: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Say what the network in FILE is as a frozen part of a consortium on images, and its digest.

    FILE is an ONNX file, a program that torch.export.save wrote, or a file in ProofWard's own form, such as
    frozen.network of a kit. The same network has the same digest everywhere: compare it with the one that
    `proofward join` shows. What it computes in exact integers is compared with a run of the file; what is not
    taken is refused by name.
    """
    from proofward.models.graph.frozen.file import NoFrozenNetwork, read_frozen_network
    from proofward.models.graph.parts.refusals import ImportRefused

    with answering(as_json):
        if out is not None and out.exists() and not force:
            raise Refused(f"{out} is there already; --force replaces it")
        try:
            found = read_frozen_network(source)
        except NoFrozenNetwork as error:
            raise click.UsageError(str(error)) from error
        except ImportRefused as error:
            raise Refused(f"{source} is not taken in:", error.problems) from error
        if out is not None:
            write_out(out, found.data, 0o644)
        _tell(found, source, out, as_json)


def _tell(found: FrozenNetwork, source: Path, out: Path | None, as_json: bool) -> None:
    channels, height, width = found.shape
    name = (source if out is None else out).name
    plain: dict[str, object] = {
        "did": "frozen", "file": None if out is None else str(out), "digest": found.digest.hex(),
        "picture": list(found.shape), "features": found.outputs, "multiplications": found.products,
        "bytes": len(found.data),
    }  # fmt: skip
    pictures = f"pictures of {height} x {width}, {channels} channel{'s' if channels > 1 else ''}"
    lines = [
        f"{source}: {pictures}, {found.outputs} features, {found.products:,} multiplications a picture",
        f"frozen network {found.digest.hex()}, {len(found.data):,} bytes",
        *([] if out is None else [f"written to {out}"]),
        "in consortium.toml, beside which the file lies:",
        "[frozen]",
        f'file = "{name}"',
        f'digest = "{found.digest.hex()}"',
    ]
    tell(plain, lines, as_json)
