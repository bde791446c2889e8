"""What commands on evidence of machines share: how files and times are given, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.attestation.claims import KINDS, MAX_COLLATERAL_BYTES

if TYPE_CHECKING:
    from proofward.federation.parties.checking.evidence_audit import Today

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NOW = click.option(
    "--now", "now", is_flag=True,
    help="Say besides what evidence of machines would come to today.",
)  # fmt: skip
TODAYS = click.option(
    "--collateral", "todays", type=(str, click.Choice(KINDS), FILE), multiple=True,
    metavar="MEMBER KIND FILE", help="Today's collateral of a member's evidence, for --now; may be repeated.",
)  # fmt: skip
Todays = tuple[tuple[str, str, Path], ...]


def read_bytes(path: Path, most: int) -> bytes:
    """A file; raises BadParameter for one that is too long or cannot be read."""
    from proofward.ledger.reading import NotReadable, read_regular

    try:
        return read_regular(path, most, follow=True)
    except NotReadable as error:
        raise click.BadParameter(str(error)) from error


def plain(data: bytes) -> bytes:
    """Bytes, from hexadecimal digits where a file is nothing else."""
    try:
        return bytes.fromhex(data.decode("ascii").strip())
    except (UnicodeDecodeError, ValueError):
        return data


def pairs(given: Sequence[tuple[str, Path]], most: int, option: str) -> dict[str, bytes]:
    """Files by kind; raises BadParameter for a kind that is given twice."""
    found: dict[str, bytes] = {}
    for kind, path in given:
        if kind in found:
            raise click.BadParameter(f"{kind} is given twice", param_hint=option)
        found[kind] = read_bytes(path, most)
    return found


def today(now: bool, todays: Todays) -> Today | None:
    """The audit's Today, None without --now; raises UsageError."""
    import time

    from proofward.federation.parties.checking.evidence_audit import Today

    if not now:
        if todays:
            raise click.UsageError("--collateral goes with --now")
        return None
    read = {(member, kind): read_bytes(path, MAX_COLLATERAL_BYTES) for member, kind, path in todays}
    return Today(int(time.time()), read)


def seconds(text: str | None) -> int:
    """A time such as 2026-03-01T12:30:00 in UTC, or now; raises BadParameter."""
    if text is None:
        return int(datetime.now(UTC).timestamp())
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("expected a time such as 2026-03-01T12:30:00", param_hint="--at") from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
