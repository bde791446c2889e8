"""`proofward timestamp`: OpenTimestamps of a ledger's seal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from proofward.cli.common.addresses import WebAddress
from proofward.cli.common.answering import JSON, SOURCE, Refused, answering, tell
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.common.ledger_place import ledger_at

TO = click.option("--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path),
                  metavar="FILE", help="The timestamp, by custom ledger.seal.ots.")  # fmt: skip
FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
CALENDAR = click.option(
    "--calendar", "calendars", multiple=True, type=WebAddress(), metavar="URL", show_default="public ones",
    help="A calendar that is asked; may be repeated.",
)  # fmt: skip


@click.group(cls=GuardedGroup)
def timestamp() -> None:
    """Show later that a sealed ledger existed by a day, by Bitcoin's chain (OpenTimestamps).

    A calendar learns the SHA-256 of the seal and nothing else.
    """


@timestamp.command()
@SOURCE
@TO
@CALENDAR
@click.option("--least", type=click.IntRange(1), default=1, show_default=True, metavar="K",
              help="How many calendars have to answer.")  # fmt: skip
@JSON
def stamp(source: Path, target: Path, calendars: tuple[str, ...], least: int, as_json: bool) -> None:
    """Have the seal of the ledger of the folder RUN or of KIT timestamped.

    What FILE holds then is a promise; `proofward timestamp upgrade` completes it once there is a block, some
    hours later.
    """
    from proofward.engines.operations.suggestions import command
    from proofward.ledger.files import write_file
    from proofward.witness.timestamps import CALENDARS, stamp

    if target.exists():
        raise click.BadParameter(f"{target} exists and is not overwritten", param_hint="--to")
    with answering(as_json):
        digest, asked = _digest(source), calendars or CALENDARS
        with _refusals():
            data, wrong = stamp(digest, asked, least)
        write_file(target, data, target.with_name(f"{target.name}.tmp"))
        lines = [f"{target}: {len(asked) - len(wrong)} calendars have taken {digest.hex()}", *wrong,
                 f"in some hours: {command('timestamp', 'upgrade', source, target)}"]  # fmt: skip
        tell({"did": "stamped", "digest": digest.hex(), "file": str(target), "wrong": wrong}, lines, as_json)


@timestamp.command()
@SOURCE
@FILE
@CALENDAR
@JSON
def upgrade(source: Path, file: Path, calendars: tuple[str, ...], as_json: bool) -> None:
    """Ask the calendars that are named in FILE for their blocks; only known ones are asked."""
    from proofward.ledger.files import write_file
    from proofward.witness.timestamps import CALENDARS, upgrade

    with answering(as_json):
        before, digest = _bytes(file), _digest(source)
        with _refusals(f"{file}: "):
            data, wrong = upgrade(before, digest, calendars or CALENDARS)
        if data != before:
            write_file(file, data, file.with_name(f"{file.name}.tmp"))
        said = f"{file}: {'new blocks were entered' if data != before else 'nothing new'}"
        tell({"did": "upgraded" if data != before else "unchanged", "file": str(file), "wrong": wrong},
             [said, *wrong], as_json)  # fmt: skip


@timestamp.command()
@SOURCE
@FILE
@click.option("--block", "blocks", multiple=True, metavar="HEADER",
              help="A block's header, in hexadecimal, from a node that you trust; repeat it.")  # fmt: skip
@JSON
def verify(source: Path, file: Path, blocks: tuple[str, ...], as_json: bool) -> None:
    """Check that FILE is a timestamp of the ledger of the folder RUN or of KIT, and say of what blocks.

    Of a block that --block does not give, it says which to compare, and with which root. Exit code 1 where
    FILE is of another ledger, or a block is none of FILE's.
    """
    from proofward.federation.messages.basics.clock import in_utc
    from proofward.witness.timestamps import BITCOIN, PENDING, attestations, block_times, root_in_words

    with answering(as_json):
        headers, data, digest = [_header(text) for text in blocks], _bytes(file), _digest(source)
        with _refusals(f"{file}: "):
            found = attestations(data, digest)
            times = block_times(found, headers)
        lines, documents = [], []
        for one in found:
            document: dict[str, object] = {"kind": one.kind, "detail": one.detail}
            if one.kind == PENDING:
                lines.append(f"promised by {one.detail}, in no block yet")
            elif one.kind == BITCOIN:
                document["root"] = root = root_in_words(one.digest)
                if one.digest in times:
                    document["time"] = made = times[one.digest]
                    lines.append(f"in block {one.detail}, made {in_utc(made)}")
                else:
                    lines.append(f"in block {one.detail} of Bitcoin, if that block's Merkle root is {root}")
            else:
                lines.append(f"an attestation of another kind, not judged: {one.detail}")
            documents.append(document)
        tell({"did": "verified", "attestations": documents}, lines, as_json)


@contextmanager
def _refusals(where: str = "") -> Iterator[None]:
    """What a timestamp is not becomes Refused; a missing library is wrong use."""
    from proofward.witness.timestamps import TimestampRefused, TimestampsExtraMissing

    try:
        yield
    except TimestampsExtraMissing as error:
        raise click.UsageError(str(error)) from error
    except TimestampRefused as error:
        raise Refused(f"{where}{error}") from error


def _digest(source: Path) -> bytes:
    """SHA-256 of the seal; raises UsageError without a ledger, Refused without a seal."""
    from proofward.ledger.seal import SEAL_NAME

    seal = ledger_at(source) / SEAL_NAME
    if not seal.exists():
        raise Refused(f"{source}: the ledger has no seal yet: it gets one when the federation is over")
    return hashlib.sha256(seal.read_bytes()).digest()


def _bytes(file: Path) -> bytes:
    from proofward.ledger.reading import NotReadable, read_regular
    from proofward.witness.timestamps import MAX_BYTES

    try:
        return read_regular(file, MAX_BYTES, follow=True)
    except NotReadable as error:
        raise Refused(str(error)) from error


def _header(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise click.BadParameter("expected hexadecimal digits", param_hint="--block") from error
