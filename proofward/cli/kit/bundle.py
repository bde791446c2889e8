"""`proofward bundle`: an air-gapped hospital or verifier takes part by memory stick; see docs/air-gap.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import tell
from proofward.cli.common.console import FLAW, OK, KitPath, WrongThing
from proofward.cli.common.guard import GuardedGroup
from proofward.engines.operations.suggestions import Placeholder, command

if TYPE_CHECKING:
    from proofward.engines.remote.agreement.certificates import Certificates
    from proofward.engines.remote.agreement.home import Home
    from proofward.engines.remote.airgap import AirGap, Trip

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
KIT = click.argument("kit", type=KitPath())
FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group(cls=GuardedGroup)
def bundle() -> None:
    """Carry an air-gapped member's messages on a memory stick.

    At the air-gapped kit, which is never started: export, carry, and import the answer. At the kit of any
    connected site, the gateway, whose process is running: import, and export with --for.
    """


@bundle.command(name="export")
@KIT
@FILE
@click.option("--member", metavar="NAME", help="Which member of the air-gapped site, if it has several.")
@click.option("--for", "recipient", metavar="NAME", help="At a gateway: the answer to this member.")
@JSON
def export_bundle(kit: Path, file: Path, member: str | None, recipient: str | None, as_json: bool) -> None:
    """Write the bundle FILE with what this kit's member has to say.

    With --for, write what is to be brought to another member's kit.
    """
    if member is not None and recipient is not None:
        raise click.UsageError("--member is for the air-gapped site, --for for the gateway: give one")
    with _Refusals(as_json):
        if recipient is not None:
            _give(kit, recipient, file, as_json)
        else:
            airgap = _airgap(kit)
            trip = airgap.export(airgap.seat(member), file)
            _tell(trip, [_written(trip, file), *_standing(trip)], "exported", as_json)


@bundle.command(name="import")
@KIT
@FILE
@JSON
def import_bundle(kit: Path, file: Path, as_json: bool) -> None:
    """Take in the bundle FILE: an answer at the air-gapped kit, an air-gapped member's at a gateway's."""
    from proofward.engines.remote.memory_sticks.bundle import OUT, Bundle
    from proofward.engines.remote.memory_sticks.gateway import accept

    _require_bundle(file)
    with _Refusals(as_json):
        found = Bundle.read(file)
        if found.header.direction == OUT:
            home, certificates = _opened(kit)
            accept(home, certificates, found)
            member, messages = found.header.member, len(found.joins) + len(found.envelopes)
            again = command("bundle", "export", kit, Placeholder("FILE"), "--for", member)
            words = [
                f"{member}: {messages} messages and {len(found.objects)} objects accepted for delivery",
                f"next: let this site's process run; `{again}`",
            ]
            plain = {"did": "accepted", "member": member, "messages": messages, "objects": len(found.objects)}
            tell(plain | {"followed": found.header.size}, words, as_json)
        else:
            trip = _airgap(kit).absorb(found)
            _tell(trip, [*_taken(trip), *_standing(trip)], "imported", as_json)


def _require_bundle(file: Path) -> None:
    """Raises WrongThing for what cannot be a bundle, such as a file of another kind."""
    from proofward.engines.remote.memory_sticks.bundle import MAGIC
    from proofward.ledger.reading import NotReadable, open_regular

    try:
        with open_regular(file, 1 << 62, follow=True) as opened:
            start = opened.read(len(MAGIC))
    except NotReadable as error:
        reason = "there is no such file" if error.missing else f"found {error.actual}"
        raise WrongThing(f"{file} cannot be read as a bundle: {reason}") from error
    if start != MAGIC:
        raise WrongThing(f"{file} is no bundle: `proofward bundle export` writes one")


class _Refusals:
    """Whatever is wrong with a kit, a file or a stick ends the command with words and exit code 1."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from proofward.engines.contract import KitError
        from proofward.engines.remote.agreement.home import HomeError
        from proofward.federation.messages.basics.refusal import Refusal
        from proofward.federation.messages.consortium.rules import RulesError
        from proofward.ledger.errors import LedgerError

        demand = ""
        if isinstance(error, Refusal):
            plain: dict[str, object] = {
                "did": "refused",
                "failed_check": error.check,
                "culprit": error.culprit,
            }
            plain |= {"expected": error.expected, "actual": error.actual}
            words, demand = f"refused: {error}", error.demand
        elif isinstance(error, HomeError | KitError | RulesError | LedgerError | OSError):
            plain, words = {"did": "failed", "reason": str(error)}, str(error)
        else:
            return
        tell(plain, [words, *([f"what is demanded: {demand}"] if demand else [])], self._as_json)
        raise SystemExit(FLAW) from error


def _opened(kit: Path) -> tuple[Home, Certificates]:
    from proofward.engines.contract import home_of
    from proofward.engines.registry import engine_of
    from proofward.engines.remote.agreement.home import Home

    return Home(home_of(kit)), engine_of(kit).certificates(kit)


def _airgap(kit: Path) -> AirGap:
    from proofward.cli.common.expected_kernels import expect_kernels
    from proofward.engines.operations.event_log import EventLog
    from proofward.engines.remote.agreement.home import passphrase_from_environment
    from proofward.engines.remote.airgap import AirGap

    home, certificates = _opened(kit)
    home.read("site")
    expect_kernels()
    log = EventLog(home.root / "log.jsonl")
    return AirGap(home, certificates, passphrase_from_environment(), log.observe)


def _give(kit: Path, member: str, file: Path, as_json: bool) -> None:
    from proofward.engines.remote.memory_sticks.gateway import give

    given = give(_opened(kit)[0], member, file)
    reply = given.reply
    words = [
        f"{file}: {given.length} bytes for {member}: the ledger up to entry {reply.size} "
        f"({reply.phase}, round {reply.round}), {len(reply.objects)} objects"
    ]
    if given.waiting:
        words.append(f"{given.waiting} bundles of {member} are not delivered in full yet")
    if reply.phase == "closed":
        words.append("next: carry it; the federation is closed, this is the last trip")
    elif reply.awaited:
        words.append(f"next: carry it; the federation waits for {member}")
    else:
        words.append(f"next: wait and export again; nothing is awaited of {member} at the moment")
    plain = {"did": "answered", "member": member, "followed": reply.size, "round": reply.round}
    plain |= {"phase": reply.phase, "awaited": reply.awaited, "objects": len(reply.objects)}
    tell(plain | {"bytes": given.length, "undelivered": given.waiting}, words, as_json)


def _written(trip: Trip, file: Path) -> str:
    said = ", ".join(trip.topics) or "no message"
    return f"{file}: {trip.length} bytes of {trip.member}: {said}; {trip.objects} objects"


def _taken(trip: Trip) -> list[str]:
    lines = [f"{trip.member}: ledger followed up to entry {trip.size} ({trip.phase}, round {trip.round})"]
    lines += [f"not accepted: {refusal}" for refusal in trip.refusals]
    if trip.topics:
        lines.append(f"ready to be sent: {', '.join(trip.topics)}")
    return lines


def _standing(trip: Trip) -> list[str]:
    """What is missing, and what to do next."""
    lines = [f"missing: object {digest.hex()}" for digest in sorted(trip.missing)]
    if trip.halted is not None:
        return [*lines, f"{trip.member} refuses to go on: {trip.halted}"]
    if trip.finished:
        return [*lines, "the federation is closed: nothing more is to be carried"]
    if trip.length:
        return [*lines, "next: carry it to a connected site, `proofward bundle import` there"]
    if trip.topics or trip.missing:
        return [*lines, "next: export again and carry it back"]
    return [*lines, "nothing owed: wait for the next bundle"]


def _tell(trip: Trip, words: list[str], did: str, as_json: bool) -> None:
    plain: dict[str, object] = {
        "did": did,
        "member": trip.member,
        "followed": trip.size,
        "round": trip.round,
        "phase": trip.phase,
        "messages": trip.topics,
        "objects": trip.objects,
        "missing": [digest.hex() for digest in sorted(trip.missing)],
        "refusals": [str(refusal) for refusal in trip.refusals],
        "halted": None if trip.halted is None else str(trip.halted),
    }
    if trip.length:
        plain["bytes"] = trip.length
    tell(plain, words, as_json)
    raise SystemExit(OK if trip.halted is None else FLAW)
