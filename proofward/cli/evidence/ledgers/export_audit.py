"""`proofward export-audit`: what an auditor needs of a run or of the server's kit, and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.table_options import table_options
from proofward.engines.operations.suggestions import Placeholder, command

if TYPE_CHECKING:
    from proofward.report.handover.audit_pack import Packed


DECIMALS = {"comma": ",", "point": "."}
OUT = "{}-audit.zip"


@click.command(name="export-audit")
@click.argument("source", metavar="RUN_OR_KIT", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.zip|DIR",
              show_default=f"{OUT.format('NAME')} here", help="Zip file or folder to write.")  # fmt: skip
@click.option("--records", type=click.Path(exists=True, path_type=Path), multiple=True, metavar="PATH",
              help="A hospital's table or images: the pack is searched for their records as well; may be "
              "repeated.")  # fmt: skip
@table_options
@click.option("--decimal", type=click.Choice(sorted(DECIMALS)), default="point", show_default=True,
              help="The decimal mark in tables.")  # fmt: skip
@JSON
def export_audit(
    source: Path, out: Path | None, records: tuple[Path, ...], decimal: str, as_json: bool, **options: Any
) -> None:
    """Pack what `proofward audit` needs of a finished run, or of the server's kit, to be handed over.

    Nothing is written when the pack would hold a key, a record or a secret of a party whose state is here, or
    any file that is no part of a ledger. Parties erase what they keep of records when their federation is
    over: --records names files whose records are searched for all the same.
    """
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    from proofward.report.handover.audit_pack import PackRefused, make_pack
    from proofward.report.handover.models.model_source import NoModel, NotASource
    from proofward.report.handover.secrets.named_records import RecordsUnread

    with answering(as_json):
        path = out or Path(OUT.format(source.resolve().name))
        if path.exists():
            raise Refused(f"{path} is there already: name another with --out")
        try:
            packed = make_pack(source, path, records, {**options, "decimal": DECIMALS[decimal]})
        except NotASource as error:
            raise click.UsageError(str(error)) from error
        except (PackRefused, NoModel, RecordsUnread) as error:
            raise Refused(f"{error}; nothing was written") from error
        _tell(path, packed, as_json)


def _tell(path: Path, packed: Packed, as_json: bool) -> None:
    known = packed.known
    searched = {"keys": len(known.keys), "records": len(known.records), "others": len(known.others)}
    plain = {
        "did": "packed", "path": str(path), "files": packed.files, "bytes": packed.length,
        "consortium": packed.consortium.hex(), "finished": packed.finished, "searched": searched,
        "not_searched": {"records": known.untold}, "unread": [str(entry) for entry in known.unread],
    }  # fmt: skip
    lines = [
        f"{path}: {packed.files} files, {packed.length:,} bytes, of consortium {packed.consortium.hex()}"
    ]
    if known.all:
        counts = f"{searched['keys']} keys, {searched['records']} records, {searched['others']} other secrets"
        lines.append(f"searched for {counts} of the parties whose states are here: none is in it")
        if not known.records:
            words = "no records are kept here, as parties erase theirs when a federation is over"
            lines.append(f"{words}: --records FILE searches for those of a file")
    else:
        lines.append("no party's state is here, so that only names and kinds of files could be checked")
    if known.untold:
        words = "records are so alike that any file may have such numbers"
        lines.append(f"not searched for: {known.untold:,} {words}")
    lines += [f"not looked into, since it cannot be read: {entry}" for entry in known.unread]
    if not packed.finished:
        lines.append("the federation did not come to its end: the audit will say so")
    if path.suffix == ".zip":
        lines.append("the auditor unpacks it into a folder, DIR")
    folder = Placeholder("DIR") if path.suffix == ".zip" else path
    lines.append(f"next: {command('audit', folder)}")
    tell(plain, lines, as_json)
